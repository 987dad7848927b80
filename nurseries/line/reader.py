"""The call's only receiver: reads the socket and hands each message on, never waiting for anyone.

Started by the call; ends with the stream, and says how. Sound is handed over to what drops the oldest when full;
marks, digits and the stop are handed over synchronously, in the step in which they come. A socket without any message
for `limit_s` is dead, for the carrier sends sound also in silence; that is looked into when it would be so, not with
each message.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
import trio

from agent.errors import WireError
from agent.model import BYTES_PER_MS, Ending, Frame
from agent.seen.pace import Pace
from agent.wire.media_stream import Dtmf, Mark, Media, MediaBody, Message, Stop, Typed, Unknown, decode
from agent.wire.ports import MediaSocket

log = structlog.get_logger(__name__)

MALFORMED_LIMIT = 50
"""So many messages in one call that make no sense come from a peer that is no carrier."""

GAP_MS = 200.0
"""The carrier's timestamps wobble by milliseconds; ahead of the samples by more than this, sound was lost upstream."""


class MediaClock:
    """The caller's sound on the call's clock: counted in samples from the first piece's arrival, so that a late piece
    is not taken for a pause; skips what the carrier lost; and never claims that sound was made after it arrived."""

    def __init__(self, now_ms: Callable[[], float], pace: Pace | None = None) -> None:
        """`pace` is told how late each piece came, against its samples."""
        self._now_ms = now_ms
        self._pace = pace or Pace()
        self._ms: float | None = None
        self._first = 0.0
        """Where the carrier's timestamps have their zero on the call's clock, once there is one."""
        self._told = False

    def stamp(self, media: MediaBody) -> float:
        """When this piece of sound begins."""
        latest = self._now_ms() - len(media.payload) / BYTES_PER_MS
        at_ms = latest if self._ms is None else self._ms
        if media.timestamp.isascii() and media.timestamp.isdecimal():
            told = float(media.timestamp[:12])
            if not self._told:
                self._told, self._first = True, at_ms - told
            if told + self._first - at_ms > GAP_MS:
                self._pace.lost(told + self._first - at_ms)
                at_ms = told + self._first
        if at_ms > latest:  # earlier pieces were late: what seemed to be the carrier's way was a delay
            self._first -= at_ms - latest
            at_ms = latest
        self._pace.came(latest - at_ms)
        self._ms = at_ms + len(media.payload) / BYTES_PER_MS
        return at_ms


async def read(
    socket: MediaSocket,
    sound: Callable[[Frame], None],
    *,
    limit_s: float,
    now_ms: Callable[[], float],
    heard: Callable[[MediaBody], None],
    mark: Callable[[str], None],
    digit: Callable[[str], None],
    ended: Callable[[Ending, str], None],
    typed: Callable[[str], None] | None = None,
    pace: Pace | None = None,
) -> None:
    """Read to the end of the stream, then call `ended` once. `now_ms` is the call's clock. `typed` is told of words in
    text, where such are taken. `pace` is told how late sound comes."""
    reading = _Reading(MediaClock(now_ms, pace), sound, heard, mark, digit, typed, ended)

    async def each() -> None:
        await socket.each(reading.take)
        reading.end(Ending.CONNECTION_LOST, "closed without a stop")

    while not reading.over:
        with trio.move_on_at(reading.came + limit_s):
            await each()
        late_s = trio.current_time() - (reading.came + limit_s)
        if late_s > 0 and not reading.over:  # this process was held up: what has come meanwhile is not read yet
            with trio.move_on_after(late_s):
                await each()
        if trio.current_time() >= reading.came + limit_s:
            reading.end(Ending.CONNECTION_LOST, f"no message for {limit_s:g} s")


class _Reading:
    """Of one socket."""

    def __init__(
        self,
        clock: MediaClock,
        sound: Callable[[Frame], None],
        heard: Callable[[MediaBody], None],
        mark: Callable[[str], None],
        digit: Callable[[str], None],
        typed: Callable[[str], None] | None,
        ended: Callable[[Ending, str], None],
    ) -> None:
        self._clock = clock
        self._sound, self._heard, self._mark = sound, heard, mark
        self._digit, self._typed, self._ended = digit, typed, ended
        self._malformed = 0
        self.came = trio.current_time()
        """When the last message did."""
        self.over = False

    def take(self, raw: str | bytes) -> bool:
        """Hand a message on; whether more of them are wanted. Not a checkpoint."""
        self.came = trio.current_time()
        try:
            message: Message | Unknown = decode(raw)
        except WireError as error:
            self._malformed += 1
            log.warning("malformed message", error=str(error)[:200])
            if self._malformed >= MALFORMED_LIMIT:
                self.end(Ending.CONNECTION_LOST, "too many malformed messages")
            return not self.over
        match message:
            case Media() if message.media.track == "inbound" and message.media.payload:
                self._heard(message.media)
                self._sound(Frame(message.media.payload, self._clock.stamp(message.media)))
            case Mark():
                self._mark(message.mark.name)
            case Dtmf():
                self._digit(message.dtmf.digit)
            case Typed() if self._typed is not None:
                self._typed(message.typed.text)
            case Stop():
                self.end(Ending.CALLER_HUNG_UP, "stop")
        return not self.over

    def end(self, ending: Ending, reason: str) -> None:
        """The first one is told."""
        if not self.over:
            self.over = True
            self._ended(ending, reason)
