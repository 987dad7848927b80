"""Virtual time for runs without threads: once every task waits, it is at once as late as the first deadline.

As `MockClock(autojump_threshold=0)`, for less: that one looks at all that the run waits for before each jump.
"""

from __future__ import annotations

import math

import trio


class Jumping(trio.abc.Clock):
    """From 0, in seconds."""

    def __init__(self) -> None:
        self._now = 0.0

    def start_clock(self) -> None: ...

    def current_time(self) -> float:
        return self._now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Asked only while no task can run."""
        if deadline == math.inf:
            return deadline
        self._now = max(self._now, deadline)
        return 0.0
