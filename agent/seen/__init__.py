"""What is seen of calls from outside while they go on: counted for Prometheus, and told as spans of a trace."""
