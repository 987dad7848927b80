"""Whether the loop keeps up: how long a step of this process holds up all its calls, and how busy it is.

Two looks that complete each other. An instrument sees every pass of the loop, between two waits for the system, however
short; it is asked twice a pass, not twice a task. A child that sleeps sees what no pass shows: that the machine, or a
quota, has not given the process its turn. Told once a second.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from importlib.metadata import version

import trio

from agent.metrics import Count, Reading, Times
from agent.web.standing import Beat
from agent.web.state import ProcessState

TELL_S = 1.0
SLEEP_S = 0.1
"""Of the sleeper: its wakings are a thousandth of what a call costs."""
BEAT_S = 10.0
"""Of the past that is told to people, an hour of it."""
BEATS = 360

LAG = Times(
    "loop_lag_seconds",
    "The longest that anything ready had to wait for its turn in each second.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2),
)
BUSY = Count("loop_busy_seconds", "Time in which the loop ran tasks instead of waiting: by the second, 1 is all of it.")


class _Passes(trio.abc.Instrument):
    """Measures the passes of the loop. Called by trio; what it raises would switch it off."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._woke = clock()
        self.longest_s = self.busy_s = 0.0

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002  the name is the interface
        self._woke = self._clock()

    def before_io_wait(self, timeout: float) -> None:  # noqa: ARG002  the name is the interface
        took = self._clock() - self._woke
        self.busy_s += took
        self.longest_s = max(self.longest_s, took)


class Pulse:
    """One process's."""

    def __init__(
        self,
        state: ProcessState,
        mode: str = "wait",
        limit_s: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`mode` is what becomes of calls in a drain, `limit_s` how long one lasts at most. `clock` goes on while the
        loop is held up."""
        self._state = state
        self._mode = mode
        self.limit_s = limit_s
        """Within which a process that was told to leave is gone."""
        self.version = version("calling-agent")
        self._clock = clock
        self._leaving_since: float | None = None
        self._past: deque[tuple[float, int, float, float]] = deque(maxlen=BEATS)
        """When each beat ended; the most calls, the longest lag, the time it was busy."""

    async def run(self) -> None:
        """Look until cancelled; nothing stays behind."""
        passes = _Passes(self._clock)
        trio.lowlevel.add_instrument(passes)
        began, calls, lag, busy = trio.current_time(), 0, 0.0, 0.0
        try:
            while True:
                late = 0.0
                told = trio.current_time() + TELL_S
                while (due := trio.current_time() + SLEEP_S) <= told:
                    await trio.sleep_until(due)
                    late = max(late, trio.current_time() - due)
                    if self._state.draining and self._leaving_since is None:
                        self._leaving_since = due
                LAG.took(max(late, passes.longest_s))
                BUSY.add(passes.busy_s)
                calls, lag, busy = max(calls, self._state.calls), max(lag, late, passes.longest_s), busy + passes.busy_s
                if (now := trio.current_time()) >= began + BEAT_S:
                    self._past.append((now, calls, lag, busy / (now - began)))
                    began, calls, lag, busy = now, 0, 0.0, 0.0
                passes.longest_s = passes.busy_s = 0.0
        finally:
            trio.lowlevel.remove_instrument(passes)

    @property
    def draining_s(self) -> float:
        """Since the first signal to leave; 0 before. Not a checkpoint."""
        return 0.0 if self._leaving_since is None else trio.current_time() - self._leaving_since

    def past(self) -> tuple[Beat, ...]:
        """The last hour, the oldest first. Not a checkpoint."""
        now = trio.current_time()
        return tuple(
            Beat(round(now - at, 1), calls, round(lag * 1000, 1), round(min(busy, 1.0), 3))
            for at, calls, lag, busy in self._past
        )

    def readings(self) -> Iterator[Reading]:
        """How far a drain is, and of which version. Not a checkpoint."""
        yield Reading("draining_seconds", "Since the first signal to leave; 0 before.", self.draining_s)
        yield Reading("drain_limit_seconds", "Within which a process that was told to leave is gone.", self.limit_s)
        yield Reading("drain_mode", "1 for what becomes of calls in a drain.", 1.0, {"mode": self._mode})
        yield Reading("build_info", "1 for the version that runs.", 1.0, {"version": self.version})
