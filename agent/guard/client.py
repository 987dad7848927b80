"""Who is asking: the peer's address, or behind a proxy of ours what that proxy says; text out that limits count by.

X-Forwarded-For is written by anybody. Each proxy adds, at the right, whom it was asked by; so it is read from the
right, as far as the one before is a proxy that we know.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

MOST_HOPS = 32
"""Of the header that are looked at."""

SITE = 64
"""Bits: what one customer of a provider has in IPv6 is at least this network, and all addresses in it."""


def client(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """The client's IPv4 address or IPv6 /64; "" where the connection has none. `forwarded`: X-Forwarded-For, several
    of them joined by commas."""
    address = _address(peer)
    if address is None:
        return ""
    hops = forwarded.rsplit(",", MOST_HOPS)[-MOST_HOPS:] if forwarded else []
    while hops and _among(address, trusted):
        before = _address(hops.pop())
        if before is None:
            break  # no proxy of ours writes that: what stands further left was not written by one either
        address = before
    return str(address) if address.version == 4 else f"{ip_network((int(address), SITE), strict=False)}"


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether this peer is one of our proxies."""
    address = _address(peer)
    return address is not None and _among(address, trusted)


def _among(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted if network.version == address.version)


def _address(text: str) -> Address | None:
    """Of an address, maybe with a port, maybe in brackets, maybe with a zone."""
    text = text.strip()[:60]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
