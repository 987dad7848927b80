"""The floor: the same bytes through as little as can be had. One parser, driven by Trio's `wait_readable` or by uvloop.

No bounds, no goodbyes, no fragments, no errors: what a server may not do without is left out, so that it is seen what
that costs. Frames are unmasked as one integer, messages decoded and encoded as in the product.

    python -m ops.bench.suite.floor trio 20
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import resource
import socket
import sys

import trio

from agent.wire.media_stream import Encoder, Media, Start, decode

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Call:
    """Bytes in, bytes out."""

    def __init__(self, piece: int) -> None:
        self._piece = piece
        self._rest = self._pending = b""
        self._open = False
        self._encoder = Encoder("")

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data if self._rest else data
        out, at, end = b"", 0, len(data)
        if not self._open:
            head, whole, data = data.partition(b"\r\n\r\n")
            if not whole:
                self._rest = head
                return b""
            self._open, end = True, len(data)
            out = _accept(head)
        while end - at >= 6:
            size, start = data[at + 1] & 127, at + 6
            if size == 126:
                size, start = data[at + 2] << 8 | data[at + 3], at + 8
            if start + size > end:
                break
            if data[at] & 15 == 1:
                out += self._message(_unmasked(data[start - 4 : start], data[start : start + size]))
            at = start + size
        self._rest = data[at:]
        return out

    def _message(self, text: bytes) -> bytes:
        match decode(text.decode()):
            case Media(media):
                self._pending += media.payload
                if len(self._pending) < self._piece:
                    return b""
                body, self._pending = self._encoder.media(self._pending).encode(), b""
                return b"\x81\x7e" + len(body).to_bytes(2, "big") + body
            case Start(start):
                self._encoder = Encoder(start.stream_sid)
        return b""


def _unmasked(mask: bytes, data: bytes) -> bytes:
    size = len(data)
    whole = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(data, "big") ^ whole).to_bytes(size, "big")


def _accept(head: bytes) -> bytes:
    key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
    accept = base64.b64encode(hashlib.sha1((key[1] if key else b"") + GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


async def on_trio(listening: socket.socket, piece: int) -> None:
    async def serve(one: socket.socket) -> None:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.setblocking(False)
        call = Call(piece)
        with one:
            while True:
                await trio.lowlevel.wait_readable(one)
                try:
                    data = one.recv(65536)
                    if not data:
                        return
                    if out := call.feed(data):
                        one.send(out)
                except OSError:
                    return

    async with trio.open_nursery() as nursery:
        while True:
            await trio.lowlevel.wait_readable(listening)
            nursery.start_soon(serve, listening.accept()[0])


class Protocol(asyncio.Protocol):
    """The same for an asyncio loop."""

    def __init__(self, piece: int) -> None:
        self._call = Call(piece)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if out := self._call.feed(data):
            self._transport.write(out)  # type: ignore[attr-defined]


async def on_asyncio(listening: socket.socket, piece: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Protocol(piece), sock=listening)
    await server.serve_forever()


def main(loop: str, piece_ms: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
    listening.setblocking(False)
    print("LISTENING", listening.getsockname()[1], flush=True)
    if loop == "trio":
        trio.run(on_trio, listening, piece_ms * 8)
    else:
        import uvloop

        uvloop.run(on_asyncio(listening, piece_ms * 8))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
