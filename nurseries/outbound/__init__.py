"""Calls that we place: whom, when and how many; each exactly once; and what has become of them. Beside the calls
themselves, which know nothing of it."""
