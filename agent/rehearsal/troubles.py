"""What befell a server while it was called, and what of a call that excuses. Pure: stretches of time in, answers out.

A store that nobody can read gives no memory, a process that stands still hears nothing, a call that nobody can answer
waits. No more is excused than that, and only for the calls whose moment it was.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from agent.rehearsal.carriage import HELD
from agent.rehearsal.log import CALLER_HUNG_UP, SERVER_CLOSED, STREAM_CRASHED, CallLog

DURABLE_MS = 1000
"""What was said longer before a crash is remembered."""
WEBHOOK_MS = 16_000
"""From a call's first request until the carrier has surely given it up."""
TRIES_MS = 11_000
"""In which it has tried at least four times to go on with a call."""
RESCUED_MS = 7_000
"""From a crash until a process that was told of it has had the carrier asked to come back."""
RECORDINGS_MS = 35_000
"""In which a breaker counts, and rests."""
NEAR_MS = 500
"""Processes that are killed at once are so one after the other."""


class Kind(enum.Enum):
    """Of trouble; the value is how it is told."""

    KILLED = "a process was killed"
    STOPPED = "a process stood still"
    AWAY = "the store did not answer"
    NOBODY = "no process took calls"
    HURRIED = "a process was told twice to leave: its calls end with a goodbye"


BEHIND_MS = {Kind.AWAY: 6000, Kind.STOPPED: 2000}
"""So long after it the trouble is still felt: a store that is back is told within 5 s; who stood still catches up."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One, in seconds of the clock that `CallLog.began_s` is of."""

    kind: Kind
    from_s: float
    until_s: float

    def in_call(self, log: CallLog) -> tuple[float, float]:
        """In milliseconds of the call, as far as it is felt."""
        from_ms, until_ms = ((at - log.began_s) * 1000 for at in (self.from_s, self.until_s))
        return from_ms, until_ms + BEHIND_MS.get(self.kind, 0)


Troubles = tuple[Trouble, ...]


def crashes(log: CallLog) -> list[float]:
    """When streams died, in milliseconds of the call."""
    return [leg.ended_ms or 0 for leg in log.legs if leg.ended == STREAM_CRASHED]


def remembered_ms(troubles: Troubles, log: CallLog, crash_ms: float) -> float:
    """Up to when whoever goes on behind this crash remembers all."""
    felt = _felt(troubles, log, crash_ms, Kind.AWAY, Kind.STOPPED)
    return min([crash_ms, *(from_ms for from_ms, _ in felt)]) - DURABLE_MS


def answered_ms(troubles: Troubles, log: CallLog, crash_ms: float, bound_ms: float) -> float:
    """Up to when the call must have gone on behind this crash: `bound_ms` after the first moment when that can be."""
    can = crash_ms
    for from_ms, until_ms in sorted(
        trouble.in_call(log) for trouble in troubles if trouble.kind in {Kind.AWAY, Kind.STOPPED, Kind.NOBODY}
    ):
        if from_ms <= can + bound_ms and until_ms > can:
            can = until_ms
    return can + bound_ms


def sent_away(troubles: Troubles, log: CallLog, ending: str) -> bool:
    """Whether the agent took leave because its process had to."""
    return ending == "shutdown" and leave_ms(troubles, log) is not None


def leave_ms(troubles: Troubles, log: CallLog) -> float | None:
    """Since when whoever had the call at its end was to take leave at once: nobody listens over a goodbye."""
    if not log.legs or log.legs[-1].ended != SERVER_CLOSED:
        return None
    felt = _felt(troubles, log, log.legs[-1].ended_ms or 0, Kind.HURRIED)
    return next((from_ms for from_ms, _ in felt), None)


def given_up(troubles: Troubles, log: CallLog) -> bool:
    """Whether there was nobody for as long as the carrier tried to go on with the call; or the carrier only told that
    the stream was over, and whoever heard so may have been killed in turn."""
    if not log.legs or log.legs[-1].ended != STREAM_CRASHED:
        return False
    died_ms = log.legs[-1].ended_ms or 0
    told = next((step for step in reversed(log.steps) if step == HELD or step.startswith("Connect")), "") == HELD
    for trouble in troubles:
        from_ms, until_ms = trouble.in_call(log)
        nobody = trouble.kind is Kind.NOBODY and from_ms - NEAR_MS <= died_ms < until_ms - TRIES_MS
        if nobody or (told and trouble.kind is Kind.KILLED and died_ms < from_ms - NEAR_MS / 5 < died_ms + RESCUED_MS):
            return True
    return False


def unknown_greeting(troubles: Troubles, log: CallLog) -> bool:
    """Whether a crash took all that was said, so that nobody knew whether the caller had been greeted."""
    return bool(troubles) and any(remembered_ms(troubles, log, at_ms) <= 0 for at_ms in crashes(log))


def stood_still(troubles: Troubles, log: CallLog) -> bool:
    """Whether a process had just stood still as the call began: what it had asked of providers meanwhile has failed, so
    that it may speak from recordings."""
    felt = (trouble.in_call(log) for trouble in troubles if trouble.kind is Kind.STOPPED)
    return any(from_ms <= 0 and until_ms + RECORDINGS_MS >= 0 for from_ms, until_ms in felt)


def unreached(troubles: Troubles, log: CallLog) -> bool:
    """Whether nobody could answer the call's first request."""
    kinds = {Kind.NOBODY, Kind.STOPPED}
    felt = (trouble.in_call(log) for trouble in troubles if trouble.kind in kinds)
    return not log.legs and any(from_ms < WEBHOOK_MS and until_ms > 0 for from_ms, until_ms in felt)


def unseen_end(troubles: Troubles, log: CallLog) -> bool:
    """Whether nobody saw the caller hang up, or who did was gone before it could be kept."""
    if log.legs[-1].ended != CALLER_HUNG_UP:
        return True
    felt = (trouble.in_call(log) for trouble in troubles if trouble.kind is Kind.KILLED)
    return any(from_ms - DURABLE_MS <= log.duration_ms <= from_ms for from_ms, _ in felt)


def _felt(troubles: Troubles, log: CallLog, at_ms: float, *kinds: Kind) -> Iterator[tuple[float, float]]:
    for trouble in troubles:
        from_ms, until_ms = trouble.in_call(log)
        if trouble.kind in kinds and from_ms <= at_ms <= until_ms:
            yield from_ms, until_ms
