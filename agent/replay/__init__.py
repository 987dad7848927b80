"""Recorded calls: what is in a recording, how it is kept, and what it tells."""
