"""Who speaks when, as the caller sees it: what was heard of the agent in, the caller's next sound or act out. No I/O.

The caller speaks a line once the agent has spoken and been quiet for a while, presses keys after the last answer,
listens to what follows, and hangs up. A barge-in and lines with a time of their own do not wait. Asked once a frame.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from agent.model import BYTES_PER_MS
from agent.rehearsal.carriage import Meanwhile
from agent.rehearsal.plan import CallPlan, Line

BETWEEN_KEYS_MS = 200
AFTER_KEYS_MS = 4000
"""How long an answer to pressed keys is waited for. Not every agent has one."""


BREATH_MS = 200
"""Silence after which the agent's next sound is a new start."""
TALKED_ON_MS = 1500
"""An agent that talks over the end of a line for this long will not answer it otherwise."""


@dataclass(slots=True)
class Heard:
    """What the caller has heard of the agent so far: milliseconds of the stream, None before the first sound."""

    first_ms: float | None = None
    resumed_ms: float | None = None
    """When the latest stretch of sound began."""
    last_ms: float | None = None
    _cut: bool = False

    def sound(self, start_ms: float, end_ms: float) -> None:
        """The agent was audible from, to."""
        if self.first_ms is None:
            self.first_ms = start_ms
        if self._cut or self.last_ms is None or start_ms - self.last_ms >= BREATH_MS:
            self.resumed_ms = start_ms
        self.last_ms, self._cut = end_ms, False

    def cut(self) -> None:
        """The agent was interrupted: whatever it says next is new."""
        self._cut = True

    def answers(self, since_ms: float) -> bool:
        """Whether the agent has begun to say something since, or talks on as if nothing had been asked."""
        if self.last_ms is None or self.resumed_ms is None:
            return False
        return self.resumed_ms >= since_ms or self.last_ms - since_ms >= TALKED_ON_MS


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line as it was said."""

    line: Line
    start_ms: float
    end_ms: float
    barged_in: bool
    lost_ms: float = 0
    """So much of it was said while no stream carried the call."""


@dataclass(frozen=True, slots=True)
class Press:
    digit: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Hang up; `failure` says what was missing, or is empty."""

    failure: str = ""


class Script:
    """One call's caller."""

    def __init__(self, plan: CallPlan) -> None:
        self.spoken: list[Spoken] = []
        self._plan = plan
        self._lines = deque(line for line in plan.lines if line.at_ms is None)
        self._timed = deque(sorted((line for line in plan.lines if line.at_ms is not None), key=lambda x: x.at_ms or 0))
        self._digits = deque(plan.dtmf)
        self._barge_in_ms = plan.barge_in_at_ms
        self._saying: Line | None = None
        self._said = 0
        self._since_ms = 0.0
        """When the caller last did something that wants an answer."""
        self._first_ms = 0.0
        """The same, for the first time: what is only said again is waited for no longer."""
        self._waits_for = "the agent never spoke"
        self._pressed_ms: float | None = None
        self._lost = 0
        """Bytes of what is being said that no stream carried."""
        self._again: Line | None = None
        """Said last, and lost in part."""
        self._spoke_up = False
        self._repeats = False

    def missing(self, heard: Heard) -> str:
        """What a call that ended now would lack, or ""."""
        unsaid = len(self._lines) + len(self._timed) + (self._saying is not None)
        if heard.first_ms is not None and unsaid:
            return f"{unsaid} of {len(self._plan.lines)} lines could not be said"
        if self._pressed_ms is None and not heard.answers(self._since_ms):
            return self._waits_for
        return ""

    def act(self, at_ms: float, heard: Heard, *, carried: bool = True) -> Press | Leave | None:
        """What to do at this time besides speaking. Starts lines; `sound` then gives them. Not `carried`: between two
        streams."""
        if self._plan.hang_up_at_ms is not None and at_ms >= self._plan.hang_up_at_ms:
            return Leave()
        if at_ms >= self._plan.max_ms:
            return Leave(f"the call was not over after {self._plan.max_ms / 1000:g} s")
        if not carried and self._plan.meanwhile is Meanwhile.LEAVES:
            return Leave()
        if (self._lines or self._timed) and self._plan.enough():
            self._lines.clear()
            self._timed.clear()
        waits = not carried and self._plan.meanwhile is Meanwhile.WAITS
        if self._saying is not None or waits or self._breaks_in(at_ms, heard, carried=carried):
            return None
        return self._in_turn(at_ms, heard, carried=carried)

    def sound(self, at_ms: float, size: int, *, carried: bool = True) -> bytes:
        """Up to `size` bytes of what is being said, from `at_ms` on; empty while the caller listens."""
        if self._saying is None:
            return b""
        piece = self._saying.mulaw[self._said : self._said + size]
        self._said += len(piece)
        self._lost += 0 if carried else len(piece)
        if self._said >= len(self._saying.mulaw):
            self._finish(at_ms + len(piece) / BYTES_PER_MS)
        return piece

    def cut(self, at_ms: float) -> None:
        """The call is over: what was being said ends here."""
        if self._saying is not None:
            self._finish(at_ms)

    def _breaks_in(self, at_ms: float, heard: Heard, *, carried: bool) -> bool:
        """Begin a line that does not wait for its turn."""
        if self._speaks_up(carried=carried):
            self._begin(self._lines.popleft(), at_ms)
        elif self._timed and at_ms >= (self._timed[0].at_ms or 0):
            self._begin(self._timed.popleft(), at_ms)
        elif self._wants_in(at_ms, heard):
            self._barge_in_ms = None
            self._begin(self._lines.popleft(), at_ms, barged_in=True)
        return self._saying is not None

    def _in_turn(self, at_ms: float, heard: Heard, *, carried: bool) -> Press | Leave | None:
        if self._pressed_ms is not None and self._digits:
            return self._press(at_ms) if at_ms - self._pressed_ms >= BETWEEN_KEYS_MS else None
        if not heard.answers(self._since_ms):
            return self._unanswered(at_ms)
        done = not (self._lines or self._timed or self._digits)
        # While the line is dead, nobody takes its silence for the end of the conversation.
        quiet_ms = self._plan.patience_ms if done and not carried else self._plan.quiet_ms
        if at_ms - (heard.last_ms or 0) < quiet_ms:
            return None
        held_for_barge_in = self._barge_in_ms is not None and len(self._lines) == 1
        if self._lines and not held_for_barge_in:
            self._begin(self._lines.popleft(), at_ms)
            return None
        if self._lines or self._timed:
            return None
        return self._press(at_ms) if self._digits else Leave()

    def _unanswered(self, at_ms: float) -> Press | Leave | None:
        if self._pressed_ms is not None:
            return Leave() if at_ms - self._pressed_ms >= AFTER_KEYS_MS else None
        if self._again and self._plan.again_ms is not None and at_ms - self._since_ms >= self._plan.again_ms:
            self._begin(self._again, at_ms, again=True)
            return None
        if at_ms - self._first_ms >= self._plan.patience_ms and not self._timed:
            return Leave(f"{self._waits_for} within {self._plan.patience_ms / 1000:g} s")
        return None

    def _wants_in(self, at_ms: float, heard: Heard) -> bool:
        return (
            self._barge_in_ms is not None
            and heard.first_ms is not None
            and bool(self._lines)
            and at_ms >= heard.first_ms + self._barge_in_ms
        )

    def _speaks_up(self, *, carried: bool) -> bool:
        """Once each time the line is dead, where the plan says so."""
        if carried:
            self._spoke_up = False
        elif self._plan.meanwhile is Meanwhile.SPEAKS and self._lines and not self._spoke_up:
            self._spoke_up = True
            return True
        return False

    def _press(self, at_ms: float) -> Press:
        self._pressed_ms = self._since_ms = self._first_ms = at_ms
        return Press(self._digits.popleft())

    def _begin(self, line: Line, at_ms: float, *, barged_in: bool = False, again: bool = False) -> None:
        self._saying, self._said, self._started_ms, self._barged_in = line, 0, at_ms, barged_in
        self._repeats = again
        self._lost, self._again = 0, None

    def _finish(self, at_ms: float) -> None:
        line, self._saying = self._saying, None
        if line is not None:
            lost_ms = self._lost / BYTES_PER_MS
            self.spoken.append(Spoken(line, self._started_ms, at_ms, self._barged_in, lost_ms))
            self._again = line if lost_ms else None
        self._since_ms = at_ms
        if not self._repeats:
            self._first_ms = at_ms
        self._waits_for = f"the agent did not answer line {len(self.spoken)}"
