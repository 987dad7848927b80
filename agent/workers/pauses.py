"""How long to wait before a worker that has ended is started again, and what all their ends make of the server's."""

from __future__ import annotations

from collections.abc import Iterable

FIRST_S, LONGEST_S = 1.0, 30.0
"""Of the pauses, each twice the one before: what ends at once must not take the machine from those that go on."""

WELL_S = 60.0
"""Whoever has lived for so long is started again at once."""

CUT_OFF = 4
"""Of a server where something was cut off or is lost: see docs/releases.md."""


class Pauses:
    """Of one slot."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def after(self, lived_s: float) -> float:
        """Before the next start, in seconds, where the last worker has lived so long."""
        if lived_s >= WELL_S:
            self._next_s = 0.0
        pause_s, self._next_s = self._next_s, min(max(2 * self._next_s, FIRST_S), LONGEST_S)
        return pause_s


def worst(codes: Iterable[int]) -> int:
    """Of exit codes, as the system tells them: below zero is the signal that ended a process."""
    found = [CUT_OFF if code < 0 else code for code in codes]
    return CUT_OFF if CUT_OFF in found else max(found, default=0)
