"""What was asked to be tried in calls that have not begun: kept here, for an address has no room for a prompt, and is
nobody's place for one. In this process, until the call's token is worth nothing any more."""

from __future__ import annotations

from agent.trying import Tried

MOST = 50
"""Calls that may wait; the oldest goes. Each is 50 KB at most."""


class Tries:
    """One process's. Times are seconds since the epoch."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Tried, float]] = {}

    def keep(self, call_sid: str, tried: Tried, now: float, ttl_s: float) -> None:
        """For this call, should it begin by then."""
        self._waiting = {sid: each for sid, each in self._waiting.items() if each[1] > now}
        while len(self._waiting) >= MOST:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[call_sid] = (tried, now + ttl_s)

    def take(self, call_sid: str) -> Tried | None:
        """What this call is to try, once."""
        found = self._waiting.pop(call_sid, None)
        return found[0] if found is not None else None

    def __len__(self) -> int:
        return len(self._waiting)
