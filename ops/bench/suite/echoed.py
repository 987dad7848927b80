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


class Echo:
    """One socket's."""

    def __init__(self, socket: MediaSocket, piece_ms: int) -> None:
        self._socket = socket
        self._size = piece_ms * 8
        self._encoder = Encoder("")
        self._gathered = bytearray()
        self._pieces = Mailbox[bytes](1000)

    async def frame_by_frame(self) -> None:
        """One task receives and sends."""
        while (text := await self._socket.receive()) is not None:
            self._take(text)
            if len(self._pieces):
                await self._send()

    async def piece_by_piece(self) -> None:
        """Gathered as a call's reader does, in the step in which their frames come, and sent by another task."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            await self._socket.each(self._take)
            nursery.cancel_scope.cancel()

    async def _write(self) -> None:
        with suppress(ConnectionError):
            while True:
                await self._send()

    async def _send(self) -> None:
        await self._socket.send(self._encoder.media(await self._pieces.get()))

    def _take(self, text: str | bytes) -> bool:
        match decode(text):
            case Media(media):
                self._gathered += media.payload
                if len(self._gathered) >= self._size:
                    self._pieces.put(bytes(self._gathered))
                    self._gathered.clear()
            case Start(start):
                self._encoder = Encoder(start.stream_sid)
            case _:
                pass
        return True


def echo(piece_ms: int):  # noqa: ANN201  a handler of media sockets
    async def take(socket: MediaSocket, *_known: object) -> None:
        one = Echo(socket, piece_ms)
        together = hasattr(socket, "each")  # an older checkout has no such thing
        await (one.piece_by_piece() if together else one.frame_by_frame())

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
