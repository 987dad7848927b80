"""A circuit breaker: who asks a provider that is down is told so at once, instead of waiting like everybody before.

One for each operation of a provider, shared by all calls of the process. Pure: the time is given, in seconds of a clock
that never goes back. Closed, it counts; open, it lets nobody pass for a while; then exactly one request, the probe, and
by what becomes of it the breaker closes, or opens for twice as long.

Failures and timeouts count, over a sliding window. A request that its caller gave up (a barge-in, a hang-up) counts for
nothing, and a probe that is given up leaves its place to the next. What a server refuses counts apart: one request may
be refused for its own sake, and another minute does not mend a key; only refusals in a row, with no success between
them, open the breaker, and for longer. (M. Nygard, "Release It!", 2007; the rate over a window is resilience4j's.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agent.errors import Fault

State = Literal["closed", "open", "half-open"]

SHARE = 0.5
"""Of the outcomes in the window that must have failed: among many calls a few failures are usual."""

MOST_OUTCOMES = 200
"""That are remembered, the newest."""

AT_ONCE_S = 1.0
"""A server that says that it may not be asked for longer than this is not asked, whatever was counted: nobody in a call
waits so long."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When to open, and for how long."""

    failures: int = 3
    """Within the window, at least; and refusals in a row."""
    window_s: float = 30.0
    rest_s: float = 5.0
    """Until the first probe; doubled by each probe that fails."""
    longest_rest_s: float = 60.0
    """What that grows to, what Retry-After may ask for, and the rest after refusals."""


class Visit:
    """One request's leave to be sent. Exactly one of the three ends it; what comes after that changes nothing."""

    __slots__ = ("_breaker", "_era", "_open", "probe")

    def __init__(self, breaker: Breaker, era: int, *, probe: bool) -> None:
        self._breaker = breaker
        self._era = era
        self._open = True
        self.probe = probe

    def worked(self, now: float) -> None:
        """It was answered."""
        if self._ends():
            self._breaker._worked(now, probe=self.probe)  # noqa: SLF001  they are one thing

    def failed(self, now: float, fault: Fault, retry_after_s: float | None = None) -> None:
        """It was not, or not in time."""
        if self._ends():
            self._breaker._failed(now, fault, retry_after_s, probe=self.probe)  # noqa: SLF001

    def left(self) -> None:
        """Whoever asked does not want it any more."""
        if self._ends() and self.probe:
            self._breaker._probing = False  # noqa: SLF001

    def _ends(self) -> bool:
        """What was sent before the breaker last changed says nothing of how it is now."""
        ended, self._open = self._open, False
        return ended and self._era == self._breaker.era


class Breaker:
    """One operation's."""

    def __init__(self, part: str, name: str, rules: Rules, changed: Callable[[Breaker], None] | None = None) -> None:
        """`part`: which port it serves. `name`: provider, model and server, for logs and metrics. `changed` is told of
        every opening and closing."""
        self.part = part
        self.name = name
        self.fault: Fault | None = None
        """The latest."""
        self.era = 0
        """Openings and closings so far."""
        self._rules = rules
        self._changed = changed
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=MOST_OUTCOMES)
        """When, and whether it failed."""
        self._refused = 0
        """In a row."""
        self._open = False
        self._by_refusals = False
        self._until = 0.0
        self._rests = 0
        """In a row."""
        self._probing = False

    def state(self, now: float) -> State:
        """half-open: the next one to ask is the probe, or it is under way."""
        if not self._open:
            return "closed"
        return "half-open" if now >= self._until else "open"

    def admits(self, now: float) -> bool:
        """Whether `enter` would let somebody pass."""
        return not self._open or (now >= self._until and not self._probing)

    def opens_in(self, now: float) -> float:
        """Seconds until somebody may pass again; 0 where they may, or a probe is under way."""
        return max(self._until - now, 0.0) if self._open else 0.0

    def enter(self, now: float) -> Visit | None:
        """Leave to send one request; None: it is not to be sent."""
        if not self.admits(now):
            return None
        self._probing = self._open
        return Visit(self, self.era, probe=self._open)

    def _worked(self, now: float, *, probe: bool) -> None:
        self._refused = 0
        if probe:
            self._close()
        else:
            self._note(now, failed=False)

    def _failed(self, now: float, fault: Fault, retry_after_s: float | None, *, probe: bool) -> None:
        rules = self._rules
        self.fault = fault
        asked = min(retry_after_s or 0.0, rules.longest_rest_s)
        if fault is Fault.REFUSED:
            if probe and not self._by_refusals:
                self._close()  # it is there again, and does not like this one request
            self._refused += 1
            if (probe and self._by_refusals) or self._refused >= rules.failures:
                self._trip(now, rules.longest_rest_s, by_refusals=True)
            return
        self._note(now, failed=True)
        failures = sum(failed for _, failed in self._outcomes)
        enough = failures >= rules.failures and failures >= SHARE * len(self._outcomes)
        if probe or enough or asked > AT_ONCE_S:
            rest = min(rules.rest_s * 2.0**self._rests, rules.longest_rest_s)
            self._trip(now, max(rest, asked), by_refusals=False)

    def _note(self, now: float, *, failed: bool) -> None:
        self._outcomes.append((now, failed))
        while self._outcomes[0][0] <= now - self._rules.window_s:
            self._outcomes.popleft()

    def _trip(self, now: float, rest_s: float, *, by_refusals: bool) -> None:
        self._open, self._probing, self._by_refusals = True, False, by_refusals
        self._until = now + rest_s
        self._rests = min(self._rests + 1, 30)
        self._turn()

    def _close(self) -> None:
        self._open = self._probing = False
        self._rests = 0
        self._turn()

    def _turn(self) -> None:
        self.era += 1
        self._refused = 0
        self._outcomes.clear()
        if self._changed is not None:
            self._changed(self)
