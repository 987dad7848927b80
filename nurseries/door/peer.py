"""Who is at the other end of a connection, as limits count: a transport in, an address out."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

import trio

from agent.web.rates import Limits


def peer(transport: trio.abc.Stream) -> str:
    """Its IP address; "" where it has none, or is gone already."""
    with suppress(AttributeError, OSError, IndexError):
        name = transport.socket.getpeername()  # type: ignore[attr-defined]  # streams in memory have none
        return str(name[0]) if isinstance(name, tuple) else ""
    return ""


def share(address: str, limits: Limits, most: int) -> int:
    """Of so many places, those that one client may take: half, but all for whoever may speak for many."""
    return most if not address or limits.is_trusted(address) or _is_here(address) else max(most // 2, 1)


def _is_here(address: str) -> bool:
    with suppress(ValueError):
        return ip_address(address.partition("%")[0]).is_loopback
    return False
