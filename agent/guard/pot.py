"""Money that may be spent, shared by all processes: one pot a cap. Reports of processes in, grants out. Pure.

Amounts are micro-dollars. A process draws a small allowance in advance and spends out of that; what it has spent, and
what it still holds, it reports in absolute numbers, so that a report that was lost, or was written twice, changes
nothing. Nobody ever holds what another holds:

    spent + all that processes hold <= cap, after every grant

A process that is gone holds its allowance until somebody has seen its lease unchanged for REAP_S; the process itself
touches nothing that it has not reported within HOLD_S. Both are measured by clocks that only go forward, each process
by its own: no clock that jumps grants anything twice.

A call that goes on in another process is that one's from its first report on, with all that it has cost so far: what
the process before has told is taken off, and what it still tells is not counted any more.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

MICRO = 1_000_000
"""Of a US dollar."""

HOLD_S = 900.0
"""How long a process may spend what it holds without reaching the store: then it takes no more turns."""

REAP_S = 1200.0
"""How long a lease must be seen unchanged before what it holds is given to others: well beyond HOLD_S."""

PAST_DAYS = 31
MOST_LEFT = 1000
"""Calls of processes that are gone, remembered until their records are finished; and as many that have gone on."""


class Resumed(msgspec.Struct, frozen=True, array_like=True):
    """Of a call that a process has gone on with: which leg that is, and what the call had cost before it."""

    leg: int
    before: int


class Lease(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one process holds."""

    have: int = 0
    """Unspent."""
    beat: int = 0
    """Reports so far."""
    calls: dict[str, int] = {}
    """What of each call's cost is in `spent`, by CallSid: of calls that go on, or are just over."""


class Pot(msgspec.Struct, frozen=True, omit_defaults=True):
    """One cap's money, as the store keeps it."""

    spent: int = 0
    day: str = ""
    """Of which day, ISO 8601; "" for a pot of no day. Never an earlier one than before."""
    leases: dict[str, Lease] = {}
    """By process."""
    left: dict[str, int] = {}
    """As `calls`, of processes that are gone."""
    short: tuple[str, ...] = ()
    """Processes that wanted more than there was: others give back what they do not need."""
    past: dict[str, int] = {}
    """What earlier days have spent."""
    legs: dict[str, int] = {}
    """The newest leg of calls that have more than one: what is told of an earlier one is old."""

    @property
    def held(self) -> int:
        """By all processes, unspent."""
        return sum(lease.have for lease in self.leases.values())


class Report(msgspec.Struct, frozen=True):
    """What one process says of one pot, and wants of it."""

    holder: str
    cap: int
    day: str
    """By now; "" for a pot of no day."""
    have: int
    beat: int
    """Of the last report that was answered; 0 for none."""
    counted: Mapping[str, int]
    """What each of its calls has cost so far, by CallSid. One that is left out is over."""
    want: int
    """To hold, with what it has."""
    reap: Mapping[str, int] = {}
    """Other processes that have been gone long enough, and their beat."""
    leaving: bool = False
    """The process gives back all it has: it is told no more."""
    resumed: Mapping[str, Resumed] = {}
    """Those of its calls that began in another process."""


class Grant(msgspec.Struct, frozen=True):
    """The answer."""

    granted: int
    beat: int
    void: bool
    """The process was taken for gone: what it said to have is others' by now."""
    pot: Pot


def reported(pot: Pot, report: Report) -> tuple[Pot, Grant]:
    """The pot as it is now, and what the process gets."""
    pot = turned(pot, report.day)
    leases, left = dict(pot.leases), dict(pot.left)
    for holder, beat in report.reap.items():
        if holder != report.holder and holder in leases and leases[holder].beat == beat:
            left |= leases.pop(holder).calls
    mine = leases.pop(report.holder, None)
    void = mine is None and report.beat > 0
    known = mine.calls if mine is not None else {}
    legs, more, counted = dict(pot.legs), 0, {}
    for call, cost in report.counted.items():
        resumed = report.resumed.get(call)
        leg = resumed.leg if resumed is not None else 1
        if leg < legs.get(call, 1):  # it goes on elsewhere
            continue
        if resumed is not None and leg > legs.pop(call, 1):
            _leave(call, resumed.before, leases, left)
        if resumed is not None:
            legs[call] = leg
        more += cost - known.get(call, left.pop(call, 0))
        counted[call] = cost
    spent = max(pot.spent + more, 0)
    have = 0 if void or report.leaving else max(report.have, 0)
    room = report.cap - spent - have - sum(lease.have for lease in leases.values())
    wanted = 0 if report.leaving else max(report.want - have, 0)
    granted = max(min(wanted, room), 0)
    beat = max(mine.beat if mine is not None else 0, report.beat) + 1
    if report.leaving:
        left |= counted
    else:
        leases[report.holder] = Lease(have + granted, beat, counted)
    short = [holder for holder in pot.short if holder != report.holder and holder in leases]
    if granted < wanted:
        short.append(report.holder)
    now = msgspec.structs.replace(
        pot,
        spent=spent,
        leases=leases,
        left=_newest(left, MOST_LEFT),
        short=tuple(short),
        legs=_newest(legs, MOST_LEFT),
    )
    return now, Grant(granted, beat, void, now)


def adopted(pot: Pot, call_sid: str, cost: int, gone: str = "", *, count: bool = False, leg: int = 1) -> Pot:
    """The pot once the call of a process that is gone has cost this much, and what the process `gone` held is given
    back; told again, nothing changes. `count`: also where nothing is known of the call. `leg`: after which nothing is
    told of it; a process that tells of an earlier one is not believed."""
    leases, left, legs = dict(pot.leases), dict(pot.left), dict(pot.legs)
    if gone in leases:
        left |= leases.pop(gone).calls
    spent = pot.spent
    if call_sid and leg >= legs.get(call_sid, 1):
        _leave(call_sid, 0, leases, left)
        known = left.pop(call_sid, 0 if count else None)
        if known is not None:
            spent, left[call_sid] = max(spent + cost - known, 0), cost
        legs.pop(call_sid, None)
        legs |= {call_sid: leg} if leg > 1 else {}
    return msgspec.structs.replace(
        pot, spent=spent, leases=leases, left=_newest(left, MOST_LEFT), legs=_newest(legs, MOST_LEFT)
    )


def turned(pot: Pot, day: str) -> Pot:
    """The pot on that day: nothing is spent of a new one, and what processes hold is held of it. An earlier day than
    the pot's is a clock that went back, and changes nothing."""
    if day <= pot.day:
        return pot
    past = {**pot.past, pot.day: pot.spent} if pot.day else {}
    return msgspec.structs.replace(pot, day=day, spent=0, past=_newest(past, PAST_DAYS))


def _leave(call: str, cost: int, leases: dict[str, Lease], left: dict[str, int]) -> None:
    """Take a call from the process that has told of it: what it has cost there, up to `cost`, and was not told yet, is
    nothing that the process still has."""
    for holder, lease in leases.items():
        if call in lease.calls:
            rest = {each: counted for each, counted in lease.calls.items() if each != call}
            left[call] = lease.calls[call]
            have = max(lease.have - max(cost - left[call], 0), 0)
            leases[holder] = msgspec.structs.replace(lease, calls=rest, have=have)


def _newest(known: dict[str, int], most: int) -> dict[str, int]:
    return dict(list(known.items())[-most:])
