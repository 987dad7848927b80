"""What a media socket runs on: bytes in and out, of a socket itself or of any stream.

A server's stream is its socket, read without a detour: it is waited for first and read then, into memory that all
share, so that a wake-up costs one system call beside the wait and no allocation that outlasts it. See ops/adr/0038.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Protocol

import trio

from nurseries.door.switchboard import Switchboard

CHUNK = 16 * 1024
"""Bytes read at a time: forty media messages of 20 ms. What a flood can make of one step is bounded by it."""

_SHARED = bytearray(CHUNK)
"""Nothing is left in it at a checkpoint."""


class Pipe(Protocol):
    """One task receives, one task sends; closing it frees both."""

    async def receive(self) -> bytes | bytearray:
        """What has arrived; nothing at the end, whether the peer's, ours or the network's. Cancelled, it has taken
        nothing."""
        ...

    async def listen(self, come: Callable[[bytes | bytearray], bool]) -> None:
        """Hand on what arrives, nothing at the end, until `come` returns False or raises; maybe in another task's step,
        but in this one's context. Cancelled, it has taken nothing that was not handed on."""
        ...

    async def offer(self, data: bytes) -> int:
        """Send as much as the peer takes now, and tell how much. Raises OSError where there is no peer any more."""
        ...

    async def send(self, data: bytes) -> None:
        """Send all of it. Raises OSError; cancelled, part of it may be gone."""
        ...

    async def close(self) -> None:
        """At once, also where it is cancelled. Harmless when closed."""
        ...


class SocketPipe:
    """Over a socket. Checkpoints only where it has to wait."""

    def __init__(self, stream: trio.SocketStream, board: Switchboard | None = None) -> None:
        """Takes the socket out of the stream. Without a switchboard it waits by itself."""
        self._board = board
        self._socket = socket.socket(stream.socket.family, stream.socket.type, fileno=stream.socket.detach())
        self._socket.setblocking(False)
        self._number = self._socket.fileno()

    async def receive(self) -> bytes | bytearray:
        while self._number >= 0:
            try:
                await trio.lowlevel.wait_readable(self._number)
                return _SHARED[: self._socket.recv_into(_SHARED)]
            except BlockingIOError:  # woken for nothing
                continue
            except (OSError, trio.ClosedResourceError):
                return b""
        await trio.lowlevel.checkpoint()
        return b""

    async def listen(self, come: Callable[[bytes | bytearray], bool]) -> None:
        if self._board is None or self._number < 0:
            while come(await self.receive()):
                pass
            return

        def ready() -> bool:
            try:
                size = self._socket.recv_into(_SHARED)
            except BlockingIOError:
                return True
            except OSError:
                size = 0
            return come(_SHARED[:size])

        if not await self._board.attend(self._number, ready):
            come(b"")

    async def offer(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    async def send(self, data: bytes) -> None:
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        while sent < len(data):
            try:
                await trio.lowlevel.wait_writable(self._number)
            except trio.ClosedResourceError:
                raise OSError("closed meanwhile") from None
            sent += await self.offer(data[sent:])

    async def close(self) -> None:
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._number)
            if self._board is not None:
                self._board.hang_up(self._number)
            self._number = -1
            self._socket.close()


class StreamPipe:
    """Over any stream, such as those in memory. An offer waits until all of it is taken."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def receive(self) -> bytes | bytearray:
        try:
            return await self._stream.receive_some(CHUNK)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return b""

    async def listen(self, come: Callable[[bytes | bytearray], bool]) -> None:
        while come(await self.receive()):
            pass

    async def offer(self, data: bytes) -> int:
        await self.send(data)
        return len(data)

    async def send(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise OSError("no peer any more") from error

    async def close(self) -> None:
        await trio.aclose_forcefully(self._stream)


def pipe(stream: trio.abc.Stream, board: Switchboard | None = None) -> Pipe:
    """The stream is the pipe's from now on, and closing it is closing the pipe's."""
    return SocketPipe(stream, board) if isinstance(stream, trio.SocketStream) else StreamPipe(stream)
