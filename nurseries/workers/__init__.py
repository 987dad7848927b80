"""Several processes behind one port: a small parent that accepts connections and passes them on, and what its workers
have of it. The parent holds no call, and imports nothing that a call needs."""
