"""Twilio's connection overrides: an address with a fragment in, the bare address and what it asks for out. No I/O.

`https://host/path#rc=5&rp=ct,rt,5xx&ct=2000`: how often, after what, and how patiently a webhook is asked. The fragment
is never sent and never signed (https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urldefrag

POLICIES = frozenset({"ct", "rt", "4xx", "5xx"})
_MS = {"ct": (100, 10_000), "rt": (100, 15_000), "tt": (100, 15_000)}
_UNUSED = {"sni", "e"}
"""Known to Twilio and of no use here: the server name, the edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """How a webhook is asked. The defaults are Twilio's."""

    connect_s: float = 5.0
    read_s: float = 15.0
    total_s: float = 15.0
    """For all tries together."""
    retries: int = 1
    policies: frozenset[str] = frozenset({"ct"})

    def again(self, fault: str) -> bool:
        """Whether to try again after a failure like this: "ct" (no connection), "rt" (no answer), or a status."""
        return (fault if fault in POLICIES else f"{fault[:1]}xx") in self.policies


def overridden(url: str) -> tuple[str, Overrides]:
    """The address without its fragment, and what that asks for. Raises ValueError for what Twilio would not know."""
    bare, fragment = urldefrag(url)
    times, retries, policies = {"ct": 5.0, "rt": 15.0, "tt": 15.0}, 1, frozenset({"ct"})
    for item in filter(None, fragment.split("&")):
        name, _, value = item.partition("=")
        if name in _MS:
            least, most = _MS[name]
            times[name] = _whole(item, value, least, most) / 1000
        elif name == "rc":
            retries = _whole(item, value, 0, 5)
        elif name == "rp":
            policies = _policies(item, value)
        elif name not in _UNUSED:
            raise ValueError(f"the connection override {item!r} is unknown")
    return bare, Overrides(
        connect_s=times["ct"], read_s=times["rt"], total_s=times["tt"], retries=retries, policies=policies
    )


def _policies(item: str, value: str) -> frozenset[str]:
    named = frozenset(value.split(","))
    if not named <= POLICIES | {"all"}:
        raise ValueError(f"the connection override {item!r} names something else than ct, rt, 4xx, 5xx, all")
    return POLICIES if "all" in named else named


def _whole(item: str, value: str, least: int, most: int) -> int:
    if not value.isdecimal() or not least <= int(value) <= most:
        raise ValueError(f"the connection override {item!r} is no number from {least} to {most}")
    return int(value)
