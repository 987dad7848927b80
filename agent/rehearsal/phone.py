"""The far end of one media stream as one object without I/O: Twilio's part and the caller's.

In: the server's messages and the time. Out: the messages to send by now, when to come back, and that it is over.
Whoever runs it owns the socket and the clock; so the same call runs over a real socket or on virtual time.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from agent.model import BYTES_PER_MS
from agent.rehearsal.carrier import Identity
from agent.rehearsal.echo import EchoPath
from agent.rehearsal.log import CALLER_HUNG_UP, SERVER_CLOSED, Arrival, CallLog, Pressed
from agent.rehearsal.plan import CallPlan
from agent.rehearsal.playback import Cleared, Event, Media, Overflowed, Playback, Played, Returned
from agent.rehearsal.script import Heard, Leave, Press, Script
from agent.rehearsal.sound import is_audible
from agent.rehearsal.stream import Stream
from agent.rehearsal.strict import TOO_MUCH_AUDIO, Strictness, Violation

_ROUNDING = 1e-6
"""Milliseconds that a clock may be short of the moment it was asked to wake at."""


class Phone:
    """One stream. Times are milliseconds since it started; `log` holds what happened so far."""

    def __init__(
        self,
        plan: CallPlan,
        identity: Identity,
        parameters: Mapping[str, str],
        log: CallLog,
        dice: random.Random,
    ) -> None:
        self.log = log
        self.over = False
        self._plan = plan
        self._stream = Stream(identity, parameters, dice, plan.rudeness)
        self._script = Script(plan)
        self._playback = Playback()
        self._echo = EchoPath(plan.echo) if plan.echo else None
        self._strict = Strictness(identity.stream_sid)
        self._heard = Heard()
        self._outbox: list[str] = []
        self._frames = 0
        self._now_ms = 0.0
        log.call_sid, log.stream_sid = identity.call_sid, identity.stream_sid
        log.caller_start_ms = self._stream.first_ms
        log.spoken, log.messages = self._script.spoken, self._strict.messages

    def begin(self) -> list[str]:
        """What Twilio says first."""
        return [self._stream.connected(), self._stream.start()]

    @property
    def next_ms(self) -> float:
        """When `advance` will have something to send."""
        if self._outbox:
            return self._plan.rudeness.held_until(self._now_ms)
        frame = self._plan.rudeness.held_until(self._frame_due_ms)
        mark = self._playback.due_ms
        return frame if mark is None else min(frame, self._plan.rudeness.held_until(mark))

    def received(self, message: str | bytes, now_ms: float) -> None:
        """The server sent something."""
        self._now_ms = now_ms
        checked = self._strict.check(message, now_ms)
        if isinstance(checked, Violation):
            self.log.violations.append(checked)
            return
        if self.over:
            return
        if isinstance(checked, Media):
            self.log.arrivals.append(Arrival(now_ms, len(checked.mulaw) / BYTES_PER_MS))
        self._take(self._playback.receive(checked, now_ms))

    def advance(self, now_ms: float) -> list[str]:
        """Play, listen, speak, up to now; the messages that are to be sent by now, in order."""
        self._now_ms = now_ms
        self._take(self._playback.advance(now_ms))
        while not self.over and self._plan.rudeness.held_until(self._frame_due_ms) <= now_ms + _ROUNDING:
            late = now_ms - self._plan.rudeness.held_until(self._frame_due_ms)
            self.log.late_ms = max(self.log.late_ms, late)
            self._frame()
        if self.over or self._plan.rudeness.held_until(now_ms + _ROUNDING) > now_ms + _ROUNDING:
            return []
        out, self._outbox = self._outbox, []
        return out

    def hang_up(self, now_ms: float, ended: str = CALLER_HUNG_UP) -> list[str]:
        """The stream ends here, by our doing. The stop message, for whoever wants to send it."""
        self._finish(now_ms, ended)
        return [self._stream.stop()]

    def closed(self, now_ms: float) -> None:
        """The server closed the socket. What it had not let us play is lost."""
        if self.over:
            return
        self._take(self._playback.advance(now_ms))
        missing = self._script.missing(self._heard)
        if missing:
            self.log.failures.append(f"{missing} before the server closed the stream")
        self._finish(now_ms, SERVER_CLOSED)

    @property
    def _frame_size(self) -> int:
        sizes = self._plan.rudeness.payload_sizes
        return sizes[self._frames % len(sizes)]

    @property
    def _frame_due_ms(self) -> float:
        """A frame leaves once its last sample has been recorded."""
        return self._stream.at_ms + self._frame_size / BYTES_PER_MS

    def _frame(self) -> None:
        at, size = self._stream.at_ms, self._frame_size
        match self._script.act(at, self._heard):
            case Press(digit):
                self._outbox.append(self._stream.dtmf(digit))
                self.log.pressed.append(Pressed(digit, at))
            case Leave(failure):
                if failure:
                    self.log.failures.append(failure)
                self.over = True
                return
            case None:
                pass
        sound = self._script.sound(at, size)
        sound += self._stream.silence(size)[len(sound) :]
        if self._echo:
            sound = self._echo.over(sound, at)
        self.log.caller += sound
        self._outbox += self._stream.media(sound)
        self._frames += 1

    def _take(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Played():
                    self.log.played.append(event)
                    if self._echo:
                        self._echo.played(event.mulaw, event.at_ms)
                    if is_audible(event.mulaw):
                        self._heard.sound(event.at_ms, event.end_ms)
                case Returned():
                    self.log.marks.append(event)
                    self._outbox.append(self._stream.mark(event.name))
                case Cleared():
                    self.log.clears.append(event)
                    self._heard.cut()
                case Overflowed(at_ms):
                    self.log.violations.append(
                        Violation(TOO_MUCH_AUDIO, "more than ten minutes of audio are waiting", at_ms)
                    )

    def _finish(self, now_ms: float, ended: str) -> None:
        self.over = True
        if self.log.ended:
            return
        self._script.cut(now_ms)
        self._strict.end(now_ms)
        self.log.ended, self.log.duration_ms = ended, now_ms
        self.log.unplayed_ms = self._playback.waiting_ms
