"""HTTP on one connection: a transport in, hypercorn's answers out, until it ends or turns out to be a media socket.

hypercorn's own `serve()` is not used, since one hostile packet ends it (pgjones/hypercorn#225). Its TCPServer is not
documented: hypercorn is pinned, and the front door's tests hold the contract.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import h11
import structlog
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.events import Event, Updated
from hypercorn.logging import Logger
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from quart_trio import QuartTrio

from agent.web.rates import Limits
from nurseries.door.crowd import Crowd
from nurseries.door.handover import SEND_S, HttpSide
from nurseries.door.peer import peer, share
from nurseries.door.tolerance import peers_fault

KEEP_ALIVE_S = 75.0
"""Idle between two requests: longer than the 60 s after which common proxies stop reusing a connection."""
MAX_CONNECTIONS = 256
"""Open HTTP connections, and half of them for one client. Beyond, the client with the most has its longest idle one
closed, or its oldest: strangers cannot lock Twilio out."""
ARRIVING_S, BUSY_S = 2.0, 5.0
"""So long a connection is spared that has not sent a whole head yet, or that waits for its answer: webhooks and health
checks are answered by then, however many strangers come with them."""
BURST = 6
"""So many times as many connections, and nobody is spared any more."""
MAX_HEAD, MAX_TARGET, MAX_HEADERS = 16 * 1024, 8 * 1024, 100
"""Bytes of a request's head and of its address; headers. Twilio's have some 1.5 KB and 15."""
LINGER_S = 1.0
"""Unread bytes are taken in for this long after the last answer: closing over them would destroy it on its way."""

log = structlog.get_logger(__name__)


class HttpDoor:
    """All HTTP connections of one application."""

    def __init__(self, app: QuartTrio, limits: Limits, headers: Mapping[str, str] | None = None) -> None:
        """`headers` are told where hypercorn answers by itself; the application tells its own."""
        self._headers = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        config = Config()
        config.h11_max_incomplete_size = MAX_HEAD
        config.logger_class = _HypercornLog
        config.errorlog = None
        config.keep_alive_timeout = KEEP_ALIVE_S
        config.include_server_header = False
        config.websocket_max_message_size = 1024  # the application has no WebSocket: nothing to spend on one
        self._config = config
        self._app = ASGIWrapper(app)
        self._context = WorkerContext(None)
        self._limits = limits
        self._all: Crowd[HttpSide] = Crowd()
        self._idle: dict[HttpSide, None] = {}
        """The longest idle first."""
        self.connections = 0

    async def leave(self) -> None:
        """From now on a connection ends with its answer; idle ones end at once. No checkpoint."""
        for side in self._all.members:
            side.leave()
        await self._context.terminated.set()

    def retire(self) -> None:
        """From now on a connection ends with its answer, which says so; those between two requests end at once. Not a
        checkpoint."""
        self._config.keep_alive_max_requests = 0
        for side in self._all.members:
            if side.rests:
                side.end("retired")

    async def serve(self, transport: trio.abc.HalfCloseableStream, began: Callable[[], object] = lambda: None) -> bytes:
        """Answer requests; `began` is told of each. Returns the beginning of a media request where one came; else the
        peer may be hung up on.

        Raises what hypercorn raises at a hostile peer. Leaves the transport open.
        """
        address = peer(transport)
        self._make_room(address)
        if self.connections >= (BURST + 2) * MAX_CONNECTIONS:  # those that were told to go have not gone yet
            log.warning("too many connections", open=self.connections)
            return b""
        self.connections += 1
        try:
            with trio.CancelScope() as scope:
                side = HttpSide(transport, scope, began)
                connection = _Connection(self._app, self._config, self._context, side, self._idle, self._headers)
                await self._run(side, connection, address)
            unread = connection.unread() and not side.ended
        finally:
            self.connections -= 1
        if unread:
            await _linger(transport)
        return side.taken

    async def _run(self, side: HttpSide, connection: _Connection, address: str) -> None:
        self._idle[side] = None
        self._all.enter(side, self._limits.client(address, ""))
        try:
            await connection.run()
        finally:
            self._idle.pop(side, None)
            self._all.leave(side)

    def _make_room(self, address: str) -> None:
        """For one more; of those who were spared before, for several."""
        client, most = self._limits.client(address, ""), share(address, self._limits, MAX_CONNECTIONS)
        now = trio.current_time()
        while (side := self._who_goes(client, most, now)) is not None:
            self._idle.pop(side, None)
            self._all.leave(side)
            side.end("made room")

    def _who_goes(self, client: str, most: int, now: float) -> HttpSide | None:
        """Where none is idle the oldest goes: a request that takes that long is one that never ends."""
        idle: Iterable[HttpSide] = self._idle
        if spare := len(self._all) < BURST * MAX_CONNECTIONS:
            idle = [side for side in idle if side.since < now - ARRIVING_S]
        side = self._all.in_the_way(client, MAX_CONNECTIONS, most, idle)
        spared = BUSY_S if side not in self._idle else ARRIVING_S
        return None if side is None or (spare and side.since > now - spared) else side


class _Connection(TCPServer):
    """hypercorn's work on one connection, telling when a request begins and ends."""

    def __init__(
        self,
        app: ASGIWrapper,
        config: Config,
        context: WorkerContext,
        side: HttpSide,
        idle: dict[HttpSide, None],
        headers: list[tuple[bytes, bytes]],
    ) -> None:
        self._headers = headers
        # The vendor's types ask for an SSLStream; its code takes anything with the methods of HttpSide.
        super().__init__(app, config, context, ConnectionState({}), side)  # type: ignore[arg-type]
        self._side = side
        self._idle = idle
        side.parser = self

    async def _read_data(self) -> None:
        http1 = self.protocol.protocol
        if isinstance(http1, H11Protocol):
            http1._check_protocol = functools.partial(_check, http1)  # type: ignore[method-assign]  # noqa: SLF001
            http1._send_error_response = functools.partial(self._refuse, http1)  # type: ignore[method-assign]  # noqa: SLF001
        await super()._read_data()

    async def _refuse(self, http1: H11Protocol, status_code: int) -> None:
        headers = [(b"content-length", b"0"), (b"connection", b"close"), *self._headers]
        await http1._send_h11_event(h11.Response(status_code=status_code, headers=headers))  # noqa: SLF001
        await http1._send_h11_event(h11.EndOfMessage())  # noqa: SLF001

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, Updated):
            self._turn(event.idle)
        # quart-trio cancels the very task that brings this, once the answer is out: without a shield the end of a
        # request is half done, and the connection's next one is never read. A write that takes longer is shielded from
        # this bound by hypercorn, and has those of HttpSide.
        with trio.move_on_after(SEND_S + 1, shield=True):
            await super().protocol_send(event)

    def _turn(self, idle: bool) -> None:
        if idle:
            self._side.request_over()
            self._idle[self._side] = None
        else:
            self._side.request_began()
            self._idle.pop(self._side, None)

    def between_requests(self) -> bool:
        parser = self._parser()
        return parser is not None and parser.their_state is h11.IDLE and not parser.trailing_data[0]

    def holds_request(self) -> bool:
        parser = self._parser()
        return parser is not None and parser.their_state is h11.DONE

    def unread(self) -> bool:
        """Part of a request was answered unread, and more of it may be on its way."""
        parser = self._parser()
        return parser is not None and parser.their_state in {h11.SEND_BODY, h11.ERROR}

    def _parser(self) -> h11.Connection | None:
        """None before the connection speaks, and once it speaks something else than HTTP/1."""
        wrapper = getattr(self, "protocol", None)
        parser = wrapper and getattr(wrapper.protocol, "connection", None)
        return parser if isinstance(parser, h11.Connection) else None


async def _check(http1: H11Protocol, request: h11.Request) -> None:
    """Bounds what h11 lets pass: a head that arrives at once is never incomplete, however long it is.

    In place of what changes to HTTP/2, whose streams wait for their peer where no bound of ours holds. An offer
    (Upgrade: h2c) is answered as if there were none; whoever takes it for granted has the connection ended."""
    if request.http_version not in {b"1.0", b"1.1"}:
        raise h11.RemoteProtocolError(f"HTTP/{request.http_version.decode()} is not spoken here")
    names = {name for name, _ in request.headers}
    if {b"content-length", b"transfer-encoding"} <= names:  # a proxy may see the request's end elsewhere
        await http1._send_error_response(400)  # noqa: SLF001
        raise h11.RemoteProtocolError("two lengths of one body")
    size = sum(len(name) + len(value) + 4 for name, value in request.headers)
    status = 414 if len(request.target) > MAX_TARGET else 431 if size > MAX_HEAD else 0
    if status or len(request.headers) > MAX_HEADERS:
        await http1._send_error_response(status or 431)  # noqa: SLF001
        raise h11.RemoteProtocolError("the head is too large")


class _HypercornLog(Logger):
    """hypercorn's few words, in our log. Access is the application's business."""

    async def exception(self, message: str, *_args: Any, **_kwargs: Any) -> None:
        error = sys.exception()
        if peers_fault(error):
            log.info("peer broke the protocol", what="request", detail=message)
        else:
            log.error("http server error", detail=message, exc_info=error)

    async def error(self, message: str, *_args: Any, **_kwargs: Any) -> None:
        log.error("http server error", detail=message)


async def _linger(transport: trio.abc.HalfCloseableStream) -> None:
    with trio.move_on_after(LINGER_S):
        await transport.send_eof()
        while await transport.receive_some():
            pass
