"""What stands before the front door: an open door on a real or an imagined street, and visitors who write raw bytes."""

from __future__ import annotations

import functools
import math
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio
import trio.testing
import trio_websocket
from pydantic import SecretStr
from quart_trio import QuartTrio

from agent.config import Settings
from agent.guard.tokens import Tokens
from agent.lines import load_lines
from agent.web.app import create_app
from agent.web.rates import Limits
from agent.web.security import Gate
from agent.web.state import ProcessState
from agent.wire.ports import MediaSocket
from nurseries.door.front_door import serve_door
from nurseries.legs.turnstile import Turnstile

PATIENCE_S = 10.0
"""Real seconds after which a test on real sockets gives up."""
AUTH_TOKEN = "f" * 32
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
)


class Street(trio.abc.Listener[trio.StapledStream]):
    """A listener for virtual time: its connections are memory streams."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[trio.StapledStream](100)

    async def accept(self) -> trio.StapledStream:
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            raise trio.ClosedResourceError from None

    async def aclose(self) -> None:
        self._receive.close()
        await trio.lowlevel.checkpoint()

    def connect(self, *, deaf: bool = False, lockstep: bool = False) -> Visitor:
        """`deaf`: never reads, and nothing is buffered for it. `lockstep`: nothing is buffered, either way."""
        near, far = trio.testing.lockstep_stream_pair() if lockstep else trio.testing.memory_stream_pair()
        if deaf:
            far.send_stream.send_all_hook = trio.sleep_forever
            far.send_stream.close_hook = near.receive_stream.put_eof
        self._send.send_nowait(far)
        return Visitor(near)


async def echo(socket: MediaSocket) -> None:
    while (message := await socket.receive()) is not None:
        await socket.send(f"echo {message}")


@dataclass
class House:
    """An open door."""

    state: ProcessState
    app: QuartTrio
    port: int = 0
    street: Street = field(default_factory=Street)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    """Cancel it to close the door."""
    closed: trio.Event = field(default_factory=trio.Event)
    elsewhere: trio.Event = field(default_factory=trio.Event)
    """Set it, and the next request is another process's."""
    _streams: list[trio.SocketStream] = field(default_factory=list)

    async def serve(self, door: Callable[..., Awaitable[None]], *, task_status: trio.TaskStatus[None]) -> None:
        with self.scope:
            await door(task_status=task_status)
        self.closed.set()

    async def visit(self) -> Visitor:
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        self._streams.append(stream)
        return Visitor(stream)

    def send_everyone_home(self) -> None:
        for stream in self._streams:
            stream.socket.close()

    async def healthy(self) -> bool:
        async with (await self.visit()).stream as stream:
            return await Visitor(stream).get() == 200


@asynccontextmanager
async def open_house(
    on_media: Callable[..., Awaitable[None]] = echo,
    *,
    imagined: bool = False,
    turnstile: Turnstile | None = None,
    limits: Limits | None = None,
    **changes: object,
) -> AsyncIterator[House]:
    """The door is open within the block, and gone after it. On a real street all of it takes `PATIENCE_S` at most."""
    known = {"TWILIO_AUTH_TOKEN": SecretStr(AUTH_TOKEN), "TWILIO_SIGNATURE": "off"}
    settings = Settings(_env_file=None, **{**known, **changes})
    state, gate = ProcessState(ready=True), Gate(settings)
    app = create_app(
        settings, Tokens(b"key", ttl_s=60, random=secrets.token_bytes), state, gate, load_lines(settings), nowhere
    )
    with trio.fail_after(math.inf if imagined else PATIENCE_S):
        async with trio.open_nursery() as nursery:
            house = House(state, app)
            listeners = [house.street] if imagined else await trio.open_tcp_listeners(0, host="127.0.0.1")
            if not imagined:
                house.port = listeners[0].socket.getsockname()[1]
            await nursery.start(
                house.serve,
                functools.partial(
                    *(serve_door, listeners, app, on_media),
                    gate=gate,
                    state=state,
                    turnstile=turnstile,
                    limits=limits,
                    elsewhere=house.elsewhere,
                ),
            )
            try:
                yield house
                nursery.cancel_scope.cancel()
            finally:
                house.send_everyone_home()


class Visitor:
    """One connection, by hand."""

    def __init__(self, stream: trio.abc.HalfCloseableStream) -> None:
        self.stream = stream
        self._rest = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def get(self, path: str = "/health") -> int:
        await self.send(f"GET {path} HTTP/1.1\r\nHost: house\r\n\r\n".encode())
        return (await self.answer())[0]

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        while b"\r\n\r\n" not in self._rest:
            await self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        size = int(found[1]) if found else 0
        while len(self._rest) < size:
            await self._more()
        body, self._rest = self._rest[:size], self._rest[size:]
        return int(head.split()[1]), body

    async def until_closed(self) -> bytes:
        """Everything that still comes."""
        try:
            while data := await self.stream.receive_some():
                self._rest += data
        except trio.BrokenResourceError:
            pass
        return self._rest

    async def upgrade(
        self, nursery: trio.Nursery, path: str = "/twilio/media", headers: dict[str, str] | None = None
    ) -> trio_websocket.WebSocketConnection:
        """Raises ConnectionRejected (in a group) where the door says no."""
        extra = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        return await trio_websocket.wrap_client_stream(nursery, self.stream, "house", path, extra_headers=extra)

    async def raw_upgrade(self, path: str = "/twilio/media", headers: bytes = b"") -> int:
        """The status of an upgrade whose frames the test writes itself."""
        await self.send(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: house\r\n" + UPGRADE + headers + b"\r\n")
        return (await self.answer())[0]

    async def _more(self) -> None:
        data = await self.stream.receive_some()
        if not data:
            raise EOFError(f"closed in the middle of an answer: {self._rest!r}")
        self._rest += data


async def nowhere(_call_sid: str) -> None:
    """No call was passed on."""
