"""What is kept of calls: journal, records and sound on their way to the stores; read there, and erased. Outlives the
calls."""
