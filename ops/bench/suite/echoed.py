"""A server without an agent: the product's door and messages, and nothing behind. What comes is sent back, in pieces of
20 ms or more. What a call costs above this is what is done with it.

    python -m ops.bench.suite.echoed 200
"""

from __future__ import annotations

import sys
from contextlib import suppress

import trio
from quart_trio import QuartTrio

from agent.config import load
from agent.web.security import Gate
from agent.web.state import ProcessState
from agent.wire.media_stream import Encoder, Media, Start, decode
from agent.wire.ports import MediaSocket
from nurseries.door import media_side
from nurseries.door.front_door import serve_door
from nurseries.mailbox import Mailbox
from nurseries.serve import raise_files


def echo(piece_ms: int):  # noqa: ANN201  a handler of media sockets
    """Who reads and who writes are two, as in a call."""

    async def take(socket: MediaSocket, *_known: object) -> None:
        encoder, pending, pieces = Encoder(""), bytearray(), Mailbox[bytes](1000)

        def heard(text: str | bytes) -> bool:
            nonlocal encoder
            match decode(text):
                case Media(media):
                    pending.extend(media.payload)
                    if len(pending) >= piece_ms * 8:
                        pieces.put(bytes(pending))
                        pending.clear()
                case Start(start):
                    encoder = Encoder(start.stream_sid)
                case _:
                    pass
            return True

        async def write() -> None:
            with suppress(ConnectionError):
                while True:
                    await socket.send(encoder.media(await pieces.get()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            if hasattr(socket, "each"):
                await socket.each(heard)
            else:  # an older checkout's
                while (text := await socket.receive()) is not None:
                    heard(text)
            nursery.cancel_scope.cancel()

    return take


async def main(piece_ms: int) -> None:
    settings, state = load(), ProcessState()
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    print("LISTENING", listeners[0].socket.getsockname()[1], flush=True)
    await serve_door(listeners, QuartTrio(__name__), echo(piece_ms), gate=Gate(settings), state=state)


if __name__ == "__main__":
    raise_files()
    # Nobody says here which call he is, and of strangers a door takes a hundred.
    media_side.MAX_STRANGERS = media_side.MAX_ARRIVING = 10_000
    trio.run(main, int(sys.argv[1]))
