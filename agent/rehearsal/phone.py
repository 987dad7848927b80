"""The far end of a call as one object without I/O: Twilio's part and the caller's, over one media stream or several.

In: the server's messages and the time. Out: the messages to send by now, when to come back, and that it is over.
Whoever runs it owns the sockets and the clock; so the same call runs over real sockets or on virtual time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

from agent.model import BYTES_PER_MS
from agent.rehearsal.carrier import Identity
from agent.rehearsal.echo import EchoPath
from agent.rehearsal.log import CALLER_HUNG_UP, SERVER_CLOSED, SERVER_DEAF, Arrival, CallLog, Leg, Pressed
from agent.rehearsal.plan import CallPlan
from agent.rehearsal.playback import Cleared, Event, Media, Overflowed, Playback, Played, Returned
from agent.rehearsal.script import Heard, Leave, Press, Script
from agent.rehearsal.sound import is_audible
from agent.rehearsal.stream import FRAME, Stream
from agent.rehearsal.strict import TOO_MUCH_AUDIO, Strictness, Violation

_ROUNDING = 1e-6
"""Milliseconds that a clock may be short of the moment it was asked to wake at."""


class Phone:
    """One call. Times are milliseconds since its first stream began; `log` holds what happened so far.

    Between two streams the caller's time goes on: `advance` then sends nothing, and what is said nobody hears.
    """

    def __init__(
        self,
        plan: CallPlan,
        identity: Identity,
        parameters: Mapping[str, str],
        log: CallLog,
        dice: random.Random,
    ) -> None:
        self.log = log
        self.left = False
        """The caller has hung up."""
        self._plan = plan
        self._dice = dice
        self._script = Script(plan)
        self._echo = EchoPath(plan.echo) if plan.echo else None
        self._heard = Heard()
        self._now_ms = 0.0
        self._outbox: list[str] = []
        self._carried_ms = 0.0
        """From here on the stream carries the caller's sound."""
        self._begin(identity, parameters, 0.0)
        log.caller_start_ms = self._carried_ms
        log.spoken = self._script.spoken

    @property
    def over(self) -> bool:
        """Nothing more is to be sent on this stream: it has ended, or the caller has hung up."""
        return self._ended or self.left

    def begin(self) -> list[str]:
        """What Twilio says first on a stream."""
        return [self._stream.connected(), self._stream.start()]

    def go_on(self, identity: Identity, parameters: Mapping[str, str], now_ms: float) -> None:
        """The call's next stream begins."""
        self.advance(now_ms)
        self._begin(identity, parameters, math.ceil(now_ms * BYTES_PER_MS) / BYTES_PER_MS)

    @property
    def next_ms(self) -> float:
        """When `advance` will have something to do."""
        if self._ended:
            return self._plan.rudeness.held_until(self._frame_due_ms)
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
            if self._leg.sound_ms is None:
                self._leg.sound_ms = now_ms
        self._take(self._playback.receive(checked, now_ms))

    def advance(self, now_ms: float) -> list[str]:
        """Play, listen, speak, up to now; the messages that are to be sent by now, in order."""
        self._now_ms = now_ms
        if not self.over:
            self._take(self._playback.advance(now_ms))
        held_until = self._plan.rudeness.held_until
        while not self.left and (due_ms := held_until(self._frame_due_ms)) <= now_ms + _ROUNDING:
            self.log.late_ms = max(self.log.late_ms, now_ms - due_ms)
            self._frame()
        if not self._outbox or self.over or held_until(now_ms + _ROUNDING) > now_ms + _ROUNDING:
            return []
        out, self._outbox = self._outbox, []
        return out

    def hang_up(self, now_ms: float, ended: str = CALLER_HUNG_UP) -> list[str]:
        """The stream ends here, by our doing. The stop message, for whoever wants to send it."""
        self.left = self.left or ended in {CALLER_HUNG_UP, SERVER_DEAF}
        self._finish(now_ms, ended)
        return [self._stream.stop()]

    def closed(self, now_ms: float, ended: str = SERVER_CLOSED) -> None:
        """The stream's socket is closed, by the server or for good. What it had not let us play is lost."""
        if not self.over:
            self._take(self._playback.advance(now_ms))
            self._finish(now_ms, ended)

    def finish(self, now_ms: float, ended: str = "") -> None:
        """The call is over. What it lacks is a failure, unless the caller wanted it so."""
        self.advance(now_ms)
        if not self.left:
            missing = self._script.missing(self._heard)
            if missing and self.log.ended == SERVER_CLOSED:
                self.log.failures.append(f"{missing} before the server closed the stream")
            elif missing:
                self.log.failures.append(f"{missing} before the call was over")
        self.left = True
        self._script.cut(now_ms)
        self.log.ended = ended or self.log.ended
        self.log.duration_ms = now_ms

    @property
    def _sound_ms(self) -> float:
        """When the caller's next sound begins."""
        return self.log.caller_start_ms + len(self.log.caller) / BYTES_PER_MS

    def _size(self, at_ms: float) -> int:
        """Of the frame that begins then; between streams it reaches to the next one's first sound at most."""
        if at_ms < self._carried_ms:
            return min(FRAME, round((self._carried_ms - at_ms) * BYTES_PER_MS))
        sizes = self._plan.rudeness.payload_sizes
        return sizes[self._frames % len(sizes)]

    @property
    def _frame_due_ms(self) -> float:
        """A frame leaves once its last sample has been recorded."""
        at = self._sound_ms
        return at + self._size(at) / BYTES_PER_MS

    def _begin(self, identity: Identity, parameters: Mapping[str, str], at_ms: float) -> None:
        self._stream = Stream(identity, parameters, self._dice, self._plan.rudeness)
        self._playback = Playback(at_ms)
        self._strict = Strictness(identity.stream_sid, self.log.messages)
        self._outbox = []
        self._frames = 0
        self._carried_ms = at_ms + self._stream.first_ms
        if self.log.legs:
            self._carried_ms = max(self._carried_ms, self._sound_ms)
        self._leg = Leg(identity.stream_sid, at_ms, self._carried_ms, self._carried_ms)
        self.log.legs.append(self._leg)
        self.log.call_sid, self.log.stream_sid = identity.call_sid, identity.stream_sid
        self._ended = False

    def _frame(self) -> None:
        at = self._sound_ms
        size = self._size(at)
        carried = not self._ended and at >= self._carried_ms
        match self._script.act(at, self._heard, carried=carried):
            case Press(digit):
                self.log.pressed.append(Pressed(digit, at, lost=not carried))
                if carried:
                    self._outbox.append(self._stream.dtmf(digit))
            case Leave(failure):
                if failure:
                    self.log.failures.append(failure)
                self.left = True
                return
            case None:
                pass
        sound = self._script.sound(at, size, carried=carried)
        sound += self._stream.silence(size)[len(sound) :]
        if self._echo:
            sound = self._echo.over(sound, at)
        self.log.caller += sound
        if carried:
            self._outbox += self._stream.media(sound)
            self._leg.hears_until_ms = self._sound_ms
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
        """The stream is over."""
        if self._ended:
            return
        self._ended = True
        self._strict.end(now_ms)
        self._leg.ended, self._leg.ended_ms, self._leg.unplayed_ms = ended, now_ms, self._playback.waiting_ms
        self.log.ended, self.log.duration_ms = ended, now_ms
        self.log.unplayed_ms += self._playback.waiting_ms
        if self._playback.waiting_ms:
            self._heard.cut()
