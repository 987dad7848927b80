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
from agent.wire.media_stream import Dtmf, Mark, Media, Message, Stop, Unknown, decode
from agent.wire.ports import MediaSocket
from nurseries.mailbox import Mailbox

log = structlog.get_logger(__name__)

MALFORMED_LIMIT = 50
"""So many messages in one call that make no sense come from a peer that is no carrier."""


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
    heard_bytes = 0
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
                    sound.put(Frame(message.media.payload, heard_bytes / BYTES_PER_MS))
                    heard_bytes += len(message.media.payload)
                case Mark():
                    mark(message.mark.name)
                case Dtmf():
                    digit(message.dtmf.digit)
                case Stop():
                    ended(Ending.CALLER_HUNG_UP, "stop")
                    return
    if alive.cancelled_caught:
        ended(Ending.CONNECTION_LOST, f"no message for {limit_s:g} s")
