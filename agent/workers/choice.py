"""Who gets the next connection: what is known of each worker in, one of them out.

The one with the fewest calls, which is known in time: a connection may be a call's as long as it has not said what it
is. Whoever was passed one lately and has not told yet has it as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agent.workers.board import Row, Stance

STALE_S = 2.0
"""A worker whose loop has not run for so long gets no connection that another one can take."""


class Standing(NamedTuple):
    """How a worker stands, for the one that passes connections on."""

    stance: Stance
    stale: bool
    load: int
    """Its calls, and what may become one."""
    passed: int
    """Connections that it has been given since its start."""


def standing(row: Row, passed: int, now: float) -> Standing:
    """`now` by the machine's monotonic clock."""
    waiting = max(passed - row.taken, 0)
    return Standing(row.stance, now - row.beat > STALE_S, row.streams + waiting, passed)


def order(workers: Sequence[Standing]) -> list[int]:
    """Whom to ask, one after the other, by their places: those that take calls, then those that take connections, and
    whoever is stuck last. Those whose door is closed are left out."""
    there = [place for place, worker in enumerate(workers) if worker.stance & Stance.OPEN]
    return sorted(there, key=lambda place: _rank(workers[place]))


def _rank(worker: Standing) -> tuple[bool, bool, bool, int, int]:
    stance = worker.stance
    leaving, closed = bool(stance & Stance.LEAVING), not stance & Stance.ACCEPTING
    return worker.stale, leaving, closed, worker.load, worker.passed
