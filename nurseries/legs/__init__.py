"""Which process has a call, how it goes from one leg to the next, and what is done where nobody goes on with it."""
