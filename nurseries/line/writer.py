"""The call's only sender: takes from the outbox, writes to the socket, one message at a time.

Started by the call beside the reader, in the nursery that outlives the conversation. A barge-in never cancels it, or a
frame could be torn in the middle. It leaves when the outbox is finished and empty; a write that takes longer than
`limit_s` means a half-dead peer and is reported through `lost`.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from agent.wire.media_stream import Encoder
from agent.wire.ports import MediaSocket
from nurseries.line.outbox import Audio, Clear, Outbox, Outgoing


async def write(
    socket: MediaSocket, outbox: Outbox, encoder: Encoder, *, limit_s: float, lost: Callable[[str], None]
) -> None:
    """Send until the outbox is finished, or the peer is gone."""
    while (message := await outbox.take()) is not None:
        try:
            with trio.fail_after(limit_s):
                await socket.send(_text(message, encoder))
        except (ConnectionError, trio.TooSlowError) as error:
            lost(f"sending failed: {type(error).__name__}")
            return


def _text(message: Outgoing, encoder: Encoder) -> str:
    match message:
        case Audio(mulaw):
            return encoder.media(mulaw)
        case Clear():
            return encoder.clear()
        case _:
            return encoder.mark(message.name)
