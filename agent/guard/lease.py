"""Who holds a call: at most one process, the one whose media stream is the newest.

The carrier opens one stream at a time. Whoever is given the newest one takes the lease with a greater fence, whatever
the lease says of its holder: a stream that has begun is proof that the one before has ended. So a process that does not
know yet that its stream is dead is fenced off, from the records as well. Time is the store's clock, in seconds since
the epoch.
"""

from __future__ import annotations

import enum
from typing import Protocol

import msgspec

LEASE_S = 5.0
"""A lease that has not been renewed for so long belongs to a process that is gone, or cannot reach the store."""


class Stand(enum.Enum):
    """Where the call is."""

    HELD = "held"
    """Its stream goes on, as far as its holder knows."""
    MOVING = "moving"
    """Its holder has closed the stream for another process to go on."""
    LOST = "lost"
    """Its stream died, and its holder lives."""
    OVER = "over"
    """It has ended, or is being ended: whoever is asked what to do next hangs up, or passes it on."""


class Lease(msgspec.Struct, frozen=True):
    """One call's."""

    call_sid: str
    holder: str
    """A process's name."""
    fence: int
    """The number of the leg, from 1: greater than any before."""
    stream_sid: str
    """The newest."""
    stand: Stand
    until: float
    """Held by a living process up to then, unless it is renewed."""
    line: str = ""
    language: str = ""
    voice: str = ""
    order: str = ""
    campaign: str = ""
    """These five as the voice webhook told them; whoever resumes the call was not told."""
    rescued: int = 0
    """The fence of the leg behind which the carrier was asked to come back; each is asked for once."""


class LeaseStore(Protocol):
    """Where leases are kept. Synchronous: nurseries run it in a thread of its own and bound it. Every method raises
    StoreError."""

    def now(self) -> float:
        """The store's clock."""
        ...

    def get(self, call_sid: str) -> Lease | None: ...

    def replace(self, before: Lease | None, after: Lease) -> bool:
        """Write `after` where the lease still is `before` but for `until`; False where somebody was faster: read it and
        think again."""
        ...

    def renew(self, holder: str, until: float) -> dict[str, int]:
        """Prolong all that the holder has HELD; returns them, by CallSid, with their fences."""
        ...

    def stale(self, before: float, limit: int) -> list[Lease]:
        """Leases that are not OVER and lasted until then, the oldest first."""
        ...

    def erase(self, *call_sids: str) -> None: ...

    def expire(self, before: float) -> int:
        """Forget those that are OVER since then; returns how many."""
        ...

    def close(self) -> None: ...
