"""Who holds a call: at most one process, the one whose media stream is the newest.

The carrier opens one stream at a time. Whoever is given the newest one takes the lease with a greater fence, whatever
the lease says of its holder: a stream that has begun is proof that the one before has ended. So a process that does not
know yet that its stream is dead is fenced off, from the records as well. Time is the store's clock, in seconds since
the epoch.

A lease outlives the call until its record is complete in the store. Whose process dies before leaves an orphan, which
any other process may claim, once: to finish the record, not the call.

What may become of a lease is said here, by rules, and nowhere else: a store applies one to what it has, all at once.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from math import inf
from typing import Protocol

import msgspec

LEASE_S = 2.5
"""A lease that has not been renewed for so long belongs to a process that is gone, or cannot reach the store."""

KEPT_S = 86_400.0
"""How long a lease is kept after that: longer than any call lasts, or is asked for."""


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
    """A process's name: of one whose call is over, who finishes its record."""
    fence: int
    """The number of the leg, from 1: greater than any before."""
    stream_sid: str
    """The newest."""
    stand: Stand
    until: float
    """Held by a living process up to then, unless it is renewed. Of one that nobody renews: when it was left."""
    line: str = ""
    language: str = ""
    voice: str = ""
    order: str = ""
    campaign: str = ""
    """These five as the voice webhook told them; whoever resumes the call was not told."""
    rescued: int = 0
    """The fence of the leg behind which the carrier was asked to come back; each is asked for once."""
    rescuer: str = ""
    """Who that falls to, where they said: they may not have heard that it does."""
    claimed: int = 0
    """How often a process has claimed it to finish the record."""
    orphan: bool = False
    """It is over only because nobody came back to it."""
    done: bool = False
    """The call is over, and the store has its record as it will stay."""
    to: str = ""
    """Where it is over because it was passed on: to whom."""

    def live(self, now: float) -> bool:
        """Whether its stream may go on."""
        return self.stand is Stand.HELD and now < self.until

    def unheld_s(self, now: float) -> float | None:
        """For how long nobody has prolonged a lease whose holder has not told how its leg ended; None where it has.
        The holder may have lived for as long as it lets pass between two renewals."""
        return max(now - (self.until - LEASE_S), 0.0) if self.stand is Stand.HELD else None

    def resumable(self, now: float) -> bool:
        """Whether another leg may follow, and nobody speaks on this one. Where the carrier itself asks what comes after
        the stream, `stand` alone tells: it has ended, whatever the clock says."""
        return self.stand is not Stand.OVER and not self.live(now)

    @property
    def epoch(self) -> int:
        """Which of those who write the call's record come after which."""
        return self.fence + self.claimed

    @property
    def renewed(self) -> bool:
        """Whether its holder prolongs it: while the stream goes on, and while it finishes the record."""
        return not self.done and self.stand in RENEWED


RENEWED = frozenset({Stand.HELD, Stand.OVER})

Rule = Callable[["Lease | None", float], "Lease | None"]
"""The lease, where there is one, and the time in; what it becomes out, or None where it stays as it is."""


def take(mine: Lease) -> Rule:
    """`mine` is the newest leg as far as its process knows: hold the call, unless another leg is as new. Where it was
    said to be over, it was not: its stream is there. Renews what is held already, and takes back what was taken for an
    orphan; of no use to bring back a leg that has been left."""

    def rule(lease: Lease | None, now: float) -> Lease | None:
        if lease is not None and lease.fence >= mine.fence:
            held = same(lease, mine) and lease.stand is Stand.HELD
            if not (held or _claimed_of(lease, mine)):
                return None
        return _written(lease, mine, stand=Stand.HELD, until=now + LEASE_S)

    return rule


def leave(mine: Lease, stand: Stand, *, done: bool = False, told: bool = False) -> Rule:
    """The leg has ended so, unless another is as new; written too where nobody could write that it had begun, or it was
    taken for an orphan meanwhile. What is over stays so. `done`: and its record is complete. `told`: the store had it
    so already; who has claimed it since knew that, and keeps it."""

    def rule(lease: Lease | None, now: float) -> Lease | None:
        if lease is not None and same(lease, mine):
            if lease.stand is Stand.OVER and (lease.done or stand is not Stand.OVER):
                return None
        elif lease is not None and lease.fence >= mine.fence and (told or not _claimed_of(lease, mine)):
            return None
        until = now + LEASE_S if stand in RENEWED and not done else now
        return _written(lease, mine, stand=stand, until=until, done=done and stand is Stand.OVER)

    return rule


def rescue(fence: int, stream_sid: str, by: str = "", *, asks: bool = False) -> Rule:
    """The carrier is about to be asked to come back behind this leg: once, and only where nobody is on it. Who does not
    hear the store's answer is told again that it falls to them, where `by` is theirs alone. `asks`: it has come by
    itself, so the stream is over, whatever the clock says, and nobody needs to ask it any more."""

    def rule(lease: Lease | None, now: float) -> Lease | None:
        over = lease is not None and asks and lease.stand is Stand.HELD
        if lease is None or lease.fence != fence or not may_rescue(lease, stream_sid, inf if over else now, by):
            return None
        return msgspec.structs.replace(lease, rescued=fence, rescuer=by)

    return rule


def may_rescue(lease: Lease, stream_sid: str, now: float, by: str = "") -> bool:
    """Whether the call is to be brought back, as this stream of it is said to have stopped."""
    return lease.stream_sid == stream_sid and lease.resumable(now) and unrescued(lease, by)


def unrescued(lease: Lease, by: str = "") -> bool:
    """Whether it has fallen to nobody yet to ask the carrier to come back behind the newest leg, or to these."""
    return lease.rescued < lease.fence or (by != "" and lease.rescuer == by)


def claim(by: str, after_s: float) -> Rule:
    """Nobody has come back for so long: the call is over, and its record is this process's to finish."""

    def rule(lease: Lease | None, now: float) -> Lease | None:
        if lease is None or not orphaned(lease, now, after_s):
            return None
        times = lease.claimed + 1
        orphan = lease.orphan or lease.stand is not Stand.OVER
        return msgspec.structs.replace(
            lease, holder=by, stand=Stand.OVER, until=now + LEASE_S, claimed=times, orphan=orphan
        )

    return rule


def orphaned(lease: Lease, now: float, after_s: float) -> bool:
    """Whether nobody has come back to the call for so long, and nobody finishes its record. To one that is over nobody
    comes back: it is an orphan as soon as its process is surely gone."""
    return not lease.done and lease.until <= now - (min(LEASE_S, after_s) if lease.stand is Stand.OVER else after_s)


def same(lease: Lease, mine: Lease) -> bool:
    """Whether it is the same leg in the same process's hands."""
    return lease.holder == mine.holder and _same_stream(lease, mine)


def _same_stream(lease: Lease, mine: Lease) -> bool:
    return (lease.fence, lease.stream_sid) == (mine.fence, mine.stream_sid)


def _claimed_of(lease: Lease, mine: Lease) -> bool:
    """Whether another process has taken this very leg for an orphan."""
    return lease.orphan and lease.holder != mine.holder and _same_stream(lease, mine)


def _written(lease: Lease | None, mine: Lease, *, stand: Stand, until: float, done: bool = False) -> Lease:
    """`mine`, with what only the lease knows."""
    if lease is None:
        return msgspec.structs.replace(mine, stand=stand, until=until, done=done)
    return msgspec.structs.replace(
        mine,
        stand=stand,
        until=until,
        done=done,
        line=mine.line or lease.line,
        language=mine.language or lease.language,
        voice=mine.voice or lease.voice,
        order=mine.order or lease.order,
        campaign=mine.campaign or lease.campaign,
        rescued=lease.rescued,
        rescuer=lease.rescuer,
        claimed=lease.claimed,
    )


class LeaseStore(Protocol):
    """Where leases are kept. Synchronous: nurseries run it in a thread of its own and bound it. Every method raises
    StoreError, and then what it was to write may be written."""

    def get(self, call_sid: str) -> Lease | None: ...

    def change(self, call_sid: str, rule: Rule) -> tuple[Lease | None, bool]:
        """Apply the rule to the lease as it is, at the store's time, with nobody in between; the rule may be asked more
        than once. Returns the lease as it is then, and whether the rule has changed it."""
        ...

    def renew(self, holder: str) -> dict[str, int]:
        """Prolong all of this holder's that are `renewed` by LEASE_S from the store's time, in one statement; returns
        all of the holder's that are not done, by CallSid, with their fences."""
        ...

    def stale(self, after_s: float, limit: int) -> list[Lease]:
        """Those that are `orphaned`, the oldest first; one that cannot be read is left out, and logged."""
        ...

    def erase(self, *call_sids: str) -> None:
        """Forget these calls' leases."""
        ...

    def expire(self) -> int:
        """Forget what lasted until KEPT_S ago; returns how many. A store that does so by itself returns 0."""
        ...

    def close(self) -> None: ...
