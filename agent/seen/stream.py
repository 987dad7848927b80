"""Server-sent events, as bytes. The format is the HTML standard's, section 9.2."""

from __future__ import annotations

BEAT = b":\n\n"
"""Nothing: it shows that the other side is there, and keeps proxies from closing what is silent."""


def event(name: str, data: bytes, number: int | None = None) -> bytes:
    """One. `data` is one line, such as msgspec's JSON. With a number, a client that comes again tells it."""
    identity = b"" if number is None else b"id: %d\n" % number
    return b"%sevent: %s\ndata: %s\n\n" % (identity, name.encode(), data)
