"""Several processes behind one port: what they tell one another, and what is decided from it. Pure."""
