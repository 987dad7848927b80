"""The stream hypercorn reads HTTP from, until the media socket takes it over.

Before each request, the first bytes decide: those of a media request are kept from hypercorn, its work on the
connection is cancelled, and the same transport, bytes included, goes on as a media socket. So a proxy that reuses a
connection for an upgrade after other requests is served like anyone else. Bytes inside a request never count:
hypercorn's own parser says where one ends.
"""

from __future__ import annotations

import contextlib
import math
import socket
from collections.abc import Callable
from typing import NoReturn, Protocol

import structlog
import trio

from agent.web.security import MEDIA_PATH

HEAD_S = 10.0
"""For the head of a request to arrive: from the first byte, or, on a new connection, from its opening."""
PIECE = 32 * 1024
"""Bytes of a response that are written at once."""
SEND_S = 30.0
"""For a peer to take one piece: whoever reads 1 KB a second gets all of a response, however long that is."""
LEAVE_S = 5.0
"""From the door's end to that of the last write: hypercorn shields its writes, so nothing else would end them."""

log = structlog.get_logger(__name__)

_MEDIA = tuple(f"GET {MEDIA_PATH}{end}".encode() for end in (" ", "?", "/"))


class Parser(Protocol):
    """What the HTTP parser knows about where in the stream of requests it is."""

    def between_requests(self) -> bool:
        """The next byte is the first of a request."""
        ...

    def holds_request(self) -> bool:
        """A request has arrived whole and is not answered yet: the next byte belongs to the next one."""
        ...


class HttpSide:
    """The part of a Trio socket stream that hypercorn's TCPServer uses. Closing it only ends hypercorn's work."""

    def __init__(
        self,
        transport: trio.abc.HalfCloseableStream,
        scope: trio.CancelScope,
        began: Callable[[], object] = lambda: None,
    ) -> None:
        """`scope` holds all of hypercorn's work on this connection; `began` is told of each request."""
        self._began = began
        self._transport = transport
        self._scope = scope
        self._due = trio.current_time() + HEAD_S
        self.since = trio.current_time()
        """When it was opened, or let in with the head of a request; minus infinity while it rests between two."""
        self._answered = trio.Event()
        self._patience = trio.CancelScope()
        """Of the piece that is being written, if one is."""
        self._last = math.inf
        """When the last write ends."""
        self.parser: Parser
        self.ended = False
        """By us: nothing more is taken in."""
        self.taken = b""
        """The beginning of a media request, once there is one."""

    @property
    def socket(self) -> object:
        return getattr(self._transport, "socket", _Nowhere)

    def request_began(self) -> None:
        """The head of a request is complete."""
        self._due = math.inf
        self.since = trio.current_time()
        self._began()

    @property
    def rests(self) -> bool:
        """A request was answered, and nothing of another one has come."""
        return self.since == -math.inf and self._due == math.inf

    def request_over(self) -> None:
        """A request was answered, and another may follow."""
        self.since = -math.inf
        self._answered.set()
        self._answered = trio.Event()

    def end(self, reason: str) -> None:
        """End hypercorn's work on this connection, in the middle of a write as well."""
        self.ended = True
        self._scope.cancel(reason)
        self._end_writes(trio.current_time())

    def leave(self) -> None:
        """What is being answered has LEAVE_S to get out."""
        self._end_writes(trio.current_time() + LEAVE_S)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Never empty: a peer that has gone ends hypercorn's work at once, which would otherwise sit out its timers."""
        data = await self._receive(max_bytes)
        while self.parser.holds_request():
            await self._answered.wait()
        if not self.parser.between_requests():
            return data
        if self._due == math.inf:
            self._due = trio.current_time() + HEAD_S
        while any(target.startswith(data) for target in _MEDIA) and not data.startswith(_MEDIA):
            data += await self._receive(max_bytes)
        if data.startswith(_MEDIA):
            self.taken = data
            await self._end_now("media")
        return data

    async def send_all(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            if self._scope.cancel_called:
                raise trio.ClosedResourceError
            await self._send(data[start : start + PIECE])

    async def send_eof(self) -> None:
        """Nothing: the transport may be needed yet."""

    async def aclose(self) -> None:
        """No checkpoint, since hypercorn calls this also where it is cancelled, and then must not be cut short."""
        self._scope.cancel("closed by hypercorn")

    def _end_writes(self, at: float) -> None:
        self._last = min(self._last, at)
        self._patience.deadline = min(self._patience.deadline, self._last)

    async def _send(self, piece: bytes) -> None:
        began = trio.current_time()
        with trio.CancelScope(deadline=min(began + SEND_S, self._last)) as self._patience:
            await self._transport.send_all(piece)
        if self._patience.cancelled_caught:
            log.info("peer does not read", waited_s=round(trio.current_time() - began, 1), size=len(piece))
            self._scope.cancel("peer does not read")
            raise trio.BrokenResourceError

    async def _receive(self, max_bytes: int | None) -> bytes:
        data = b""
        with trio.move_on_at(self._due), contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            data = bytes(await self._transport.receive_some(max_bytes))
        if not data:
            await self._end_now("peer gone, or too slow")
        return data

    async def _end_now(self, reason: str) -> NoReturn:
        self._scope.cancel(reason)
        await trio.sleep_forever()


class _Nowhere:
    """The socket of a stream that has none: hypercorn asks for addresses."""

    family = socket.AF_UNIX

    @staticmethod
    def getpeername() -> str:
        return ""

    @staticmethod
    def getsockname() -> str:
        return ""
