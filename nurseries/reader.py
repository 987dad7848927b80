"""The call's only receiver: reads the socket and hands each message on, never waiting for anyone.

Started by the call; ends with the stream, and says how. Sound goes to a mailbox that drops the oldest when full;
marks, digits and the stop are handed over synchronously. A socket without any message for `limit_s` is dead, for the
carrier sends sound also in silence.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
import trio

from agent.errors import WireError
from agent.model import BYTES_PER_MS, Ending, Frame
from agent.wire.media_stream import Dtmf, Mark, Media, MediaBody, Message, Stop, Unknown, decode
from agent.wire.ports import MediaSocket
from nurseries.mailbox import Mailbox

log = structlog.get_logger(__name__)

MALFORMED_LIMIT = 50
"""So many messages in one call that make no sense come from a peer that is no carrier."""

GAP_MS = 200.0
"""The carrier's timestamps wobble by milliseconds; ahead of the samples by more than this, sound was lost upstream."""


class MediaClock:
    """Media time, counted in samples; skips what the carrier lost, so that it keeps pace with the call."""

    def __init__(self) -> None:
        self._ms = 0.0
        self._first: int | None = None

    def stamp(self, media: MediaBody) -> float:
        """When this piece of sound begins."""
        if media.timestamp.isascii() and media.timestamp.isdecimal():
            told = int(media.timestamp[:12])
            if self._first is None:
                self._first = told - round(self._ms)
            if told - self._first - self._ms > GAP_MS:
                self._ms = float(told - self._first)
        at_ms = self._ms
        self._ms += len(media.payload) / BYTES_PER_MS
        return at_ms


async def read(
    socket: MediaSocket,
    sound: Mailbox[Frame],
    *,
    limit_s: float,
    mark: Callable[[str], None],
    digit: Callable[[str], None],
    ended: Callable[[Ending, str], None],
) -> None:
    """Read to the end of the stream, then call `ended` once."""
    clock = MediaClock()
    malformed = 0
    with trio.move_on_after(limit_s) as alive:
        while True:
            raw = await socket.receive()
            if raw is None:
                ended(Ending.CONNECTION_LOST, "closed without a stop")
                return
            alive.deadline = trio.current_time() + limit_s
            try:
                message: Message | Unknown = decode(raw)
            except WireError as error:
                malformed += 1
                log.warning("malformed message", error=str(error)[:200])
                if malformed >= MALFORMED_LIMIT:
                    ended(Ending.CONNECTION_LOST, "too many malformed messages")
                    return
                continue
            match message:
                case Media() if message.media.track == "inbound" and message.media.payload:
                    sound.put(Frame(message.media.payload, clock.stamp(message.media)))
                case Mark():
                    mark(message.mark.name)
                case Dtmf():
                    digit(message.dtmf.digit)
                case Stop():
                    ended(Ending.CALLER_HUNG_UP, "stop")
                    return
    if alive.cancelled_caught:
        ended(Ending.CONNECTION_LOST, f"no message for {limit_s:g} s")
