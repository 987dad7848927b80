"""The console: the page at `/` and what it needs to know. Its files are in `static`, as a browser takes them."""
