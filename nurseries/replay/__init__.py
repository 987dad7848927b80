"""Records calls while they go on, and plays them again on a clock of their own."""
