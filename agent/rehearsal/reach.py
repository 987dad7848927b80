"""Where a rehearsal really goes for the addresses a server hands out. Addresses in, addresses out.

A server tells its public addresses (its tunnel's, its load balancer's). Where the rehearsal was pointed at a plain
http address, everything goes to that host and port, while signatures are made for the address as it was told.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit, urlunsplit

VOICE_PATH = "/twilio/voice"


def voice_url(base: str) -> str:
    """The voice webhook at a server's address; an address with a path is the webhook itself. Raises ValueError."""
    parts = urlsplit(base)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{base!r} is not an http:// or https:// address")
    _ = parts.port  # raises ValueError where it is no number
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or VOICE_PATH, parts.query, ""))


def with_line(voice: str, line: str) -> str:
    """A voice webhook's address that names a line."""
    parts = urlsplit(voice)
    query = "&".join(filter(None, (parts.query, urlencode({"line": line}))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def status_url(voice: str) -> str:
    """The call-status webhook beside a voice webhook."""
    parts = urlsplit(voice)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rpartition("/")[0] + "/call-status", "", ""))


def reached(told: str, base: str) -> str:
    """Where to go for an address the server told, having been pointed at `base`."""
    here, there = urlsplit(base), urlsplit(told)
    if here.scheme != "http":
        return told
    scheme = "ws" if there.scheme in {"ws", "wss"} else "http"
    return urlunsplit((scheme, here.netloc, there.path, there.query, ""))


def public(told: str, public_base: str) -> str:
    """The address as the outside world sees it: what Twilio would sign."""
    if not public_base:
        return told
    outside, parts = urlsplit(public_base), urlsplit(told)
    return urlunsplit((outside.scheme, outside.netloc, parts.path, parts.query, ""))
