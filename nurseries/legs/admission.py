"""A line for a call whose stream has shown its token: yes or no. A call has one stream, and a process so many lines.

The carrier opens one stream a call. A second one, with a token of a repeated or a replayed webhook, must not disturb
the caller whom the first one carries, so it is refused; but where a live call is redirected to the webhook again, the
end of the first may come a moment behind the second, and is waited for.
"""

from __future__ import annotations

import time

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.web.state import ProcessState
from agent.wire.ports import MediaSocket

OLD_STREAM_S = 2.0
"""For a call's first stream to end, before its second is refused."""

log = structlog.get_logger(__name__)


async def admit(
    call_sid: str, socket: MediaSocket, state: ProcessState, changed: ParkingLot, *, resumed: bool = False
) -> bool:
    """Whether there is a line for this call, which a promised one always has, and one that is resumed: its caller is in
    the middle of it. If not, the socket is closed. `changed` is unparked whenever a call begins or ends. No checkpoint
    between the yes and the return: take the line at once."""
    with trio.move_on_after(OLD_STREAM_S):
        while call_sid in state.held:
            await changed.park()
    if call_sid in state.held:
        code, refusal = 1008, "this call has its stream already"
    elif not resumed and not state.room(call_sid, time.time()):
        state.turn_away(call_sid)
        code, refusal = 1013, "all lines are busy"  # try again later
    else:
        state.connected(call_sid)
        state.welcome.add(socket)
        return True
    log.warning("media socket refused", reason=refusal, call_sid=call_sid)
    with trio.move_on_after(1, shield=True):
        await socket.close(code, refusal)
    return False
