"""Where a rehearsal really goes for the addresses a server hands out. Addresses in, addresses out.

A server tells its public addresses (its tunnel's, its load balancer's). Where the rehearsal was pointed at a plain
http address, everything goes to that host and port, while signatures are made for the address as it was told.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit, urlunsplit

VOICE_PATH = "/twilio/voice"


def voice_url(base: str) -> str:
    """The voice webhook at a server's address, which has no path or one that ends in a slash; any other path is that of
    the webhook itself. Raises ValueError."""
    parts = urlsplit(base)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{base!r} is not an http:// or https:// address")
    _ = parts.port  # raises ValueError where it is no number
    whole = parts.path if parts.path.rstrip("/") == parts.path else ""
    return urlunsplit((parts.scheme, parts.netloc, whole or parts.path.rstrip("/") + VOICE_PATH, parts.query, ""))


def with_line(voice: str, line: str) -> str:
    """A voice webhook's address that names a line."""
    parts = urlsplit(voice)
    query = "&".join(filter(None, (parts.query, urlencode({"line": line}))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def status_url(voice: str) -> str:
    """The call-status webhook beside a voice webhook."""
    parts = urlsplit(voice)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rpartition("/")[0] + "/call-status", "", ""))


def reached(told: str, base: str, public_base: str = "") -> str:
    """Where to go for an address the server told, having been pointed at `base`. Of a public address with a path the
    proxy in front, which is gone around, would take that away."""
    here, there = urlsplit(base), urlsplit(told)
    if here.scheme != "http":
        return told
    scheme = "ws" if there.scheme in {"ws", "wss"} else "http"
    path, outside = there.path, urlsplit(public_base).path.rstrip("/")
    if public_base and path.startswith(f"{outside}/"):
        path = _in_front(base) + path.removeprefix(outside)
    return urlunsplit((scheme, here.netloc, path, there.query, ""))


def public(voice: str, base: str, public_base: str) -> str:
    """A server's voice webhook as the outside world sees it: what Twilio would sign."""
    if not public_base:
        return voice
    outside, parts = urlsplit(public_base), urlsplit(voice)
    path = outside.path.rstrip("/") + parts.path.removeprefix(_in_front(base))
    return urlunsplit((outside.scheme, outside.netloc, path, parts.query, ""))


def _in_front(base: str) -> str:
    """What is in front of the paths of a server at this address."""
    path = urlsplit(base).path
    if path.endswith("/"):
        return path.rstrip("/")
    return path.removesuffix(VOICE_PATH) if path.endswith(VOICE_PATH) else ""
