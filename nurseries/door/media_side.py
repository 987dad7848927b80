"""Media sockets: a transport with a media request on it in, an accepted `MediaSocket` handed to the process.

Refused before the upgrade: what Twilio did not sign and has no one-time token in its path, and strangers beyond a
bound. The token is burnt by then, and never logged. The socket is closed when the process is done with it; the goodbye
is bounded.
"""

from __future__ import annotations

import select
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import structlog
import trio

from agent.guard.tokens import Claims
from agent.web.rates import Limits
from agent.web.security import MEDIA_PATH, Gate, the_one
from agent.web.state import ProcessState
from agent.wire.upgrade import Opening, Upgrade, accepted, refused
from nurseries.boundary import contain
from nurseries.door.crowd import Crowd
from nurseries.door.handover import HEAD_S
from nurseries.door.media_socket import WebSocket
from nurseries.door.peer import peer, share
from nurseries.door.pipe import Pipe, pipe
from nurseries.door.switchboard import Switchboard
from nurseries.legs.turnstile import Turnstile

OnMedia = Callable[..., Awaitable[None]]
"""Takes the `MediaSocket`, and, where a token in its path has told which call it is, the `Claims`."""

Known = tuple[()] | tuple[Claims]
"""Of a call, before its socket says anything."""

M = TypeVar("M")

GOODBYE_S = 1.0
"""For the peer to answer our goodbye."""
MAX_STRANGERS = 100
"""Open media sockets that have not become a call (yet), and half of them for one client. Each is one for no longer than
START_TIMEOUT_S; beyond, the client with the most has its oldest closed."""
MAX_ARRIVING = 100
"""The same of those whose request is still arriving."""

log = structlog.get_logger(__name__)


class MediaDoor:
    """All media sockets of one process."""

    def __init__(
        self, on_media: OnMedia, gate: Gate, state: ProcessState, limits: Limits, turnstile: Turnstile | None = None
    ) -> None:
        """Without a turnstile there are no softphones."""
        self._board = Switchboard() if hasattr(select, "epoll") else None
        self._turnstile = turnstile
        told = [(name.lower().encode(), value.encode()) for name, value in gate.headers.items()]
        self._headers = [(b"connection", b"close"), *told]
        self._on_media = on_media
        self._gate = gate
        self._state = state
        self._limits = limits
        self._open: dict[object, trio.CancelScope] = {}
        self._arriving: Crowd[trio.CancelScope] = Crowd()
        self._strangers: Crowd[object] = Crowd()

    def leave(self) -> None:
        """Take what still has its socket away from the process; each peer is told goodbye."""
        for work in self._open.values():
            work.cancel("door closed")

    async def attend(self) -> None:
        """Handle what comes over all sockets, where the system has a wait for that, until cancelled."""
        if self._board is not None:
            await self._board.run()

    async def serve(self, transport: trio.abc.Stream, head: bytes) -> None:
        """Upgrade and hand over; return once the socket is closed. `head` was read from the transport already."""
        address, stream = peer(transport), pipe(transport, self._board)
        try:
            welcome = None
            with trio.move_on_after(HEAD_S) as patience, self._arrival(patience, address), suppress(OSError):
                welcome = await self._upgrade(stream, address, head)
            if welcome is not None:
                known, rest = welcome
                await self._attend(WebSocket(stream, rest), address, known)
        finally:
            await stream.close()  # noqa: ASYNC102  does not wait

    async def _upgrade(self, stream: Pipe, address: str, data: bytes) -> tuple[Known, bytes] | None:
        """What is known of the call, and what has come behind the request. None: there is no socket."""
        opening = Opening()
        while (request := opening.feed(data)) is None:
            data = bytes(await stream.receive())
            if not data:
                return None
        if isinstance(request, Upgrade):
            answer = await self._answer(request, address)
            if not isinstance(answer, int):
                await stream.send(accepted(request))
                return answer, request.rest
            await stream.send(refused(answer, self._headers))
        else:
            await stream.send(refused(request.status, (*request.headers, *self._headers)))
        return None

    @contextmanager
    def _arrival(self, patience: trio.CancelScope, peer: str) -> Iterator[None]:
        leaving = self._enter(self._arriving, patience, peer, MAX_ARRIVING)
        if leaving is not None:
            leaving.cancel("made room")
        try:
            yield
        finally:
            self._arriving.leave(patience)

    def _enter(self, crowd: Crowd[M], member: M, peer: str, most: int) -> M | None:
        """Let one more in, and tell who has to go."""
        client = self._limits.client(peer, "")
        leaving = crowd.in_the_way(client, most, share(peer, self._limits, most))
        if leaving is not None:
            log.warning("too many media sockets", open=len(self._open), calls=self._state.calls)
            crowd.leave(leaving)
        crowd.enter(member, client)
        return leaving

    async def _answer(self, request: Upgrade, peer: str) -> Known | int:
        """What is known of the call, or the status that refuses it."""
        known = await self._known(request)
        if known is not None:
            return known
        client = self._limits.client(peer, _header(request, b"x-forwarded-for"))
        return 429 if self._limits.refused.take(client, time.time()) else 403

    async def _known(self, request: Upgrade) -> Known | None:
        """None where it may not pass."""
        host = request.host
        token = request.target.partition("?")[0].removeprefix(MEDIA_PATH).strip("/")
        if token:
            page = self._gate.page(_header(request, b"origin"), host)
            claims = await self._turnstile.softphone(token) if page and self._turnstile is not None else None
            return (claims,) if claims is not None else None
        proto, given = _header(request, b"x-forwarded-proto"), _header(request, b"x-twilio-signature")
        return () if self._gate.media(host, proto, given) else None

    async def _attend(self, socket: WebSocket, peer: str, known: Known) -> None:
        code = 1001  # going away
        work = trio.CancelScope()
        for welcome in self._state.welcome:
            self._strangers.leave(welcome)
        leaving = self._enter(self._strangers, socket, peer, MAX_STRANGERS)
        if leaving is not None:
            self._open[leaving].cancel("made room")
        self._open[socket] = work
        try:
            with work:
                crashed = await contain(lambda: self._on_media(socket, *known), "media socket")
                code = 1011 if crashed else 1000
        finally:
            del self._open[socket]
            self._strangers.leave(socket)
            self._state.welcome.discard(socket)
            with trio.move_on_after(GOODBYE_S, shield=True):
                await socket.close(code)


def _header(request: Upgrade, name: bytes) -> str:
    return the_one([value.decode("latin-1") for each, value in request.headers if each == name])
