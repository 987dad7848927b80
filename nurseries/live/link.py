"""The lifetime of one WebSocket to a Realtime server: connects, writes what is queued, hands on what is read, ends.

Over trio-websocket, on a transport that is ours: its goodbye waits for a silent peer, so no goodbye is said, and
leaving closes the transport at once. See ops/adr/0016. HTTPS_PROXY is not honoured.
"""

from __future__ import annotations

import json
import math
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache

import h11
import trio
from trio_websocket import CloseReason, ConnectionClosed, ConnectionRejected, WebSocketConnection, wrap_client_stream
from wsproto.utilities import LocalProtocolError

from agent.errors import Fault, ProviderError
from agent.providers.openai_client import DETAIL_LENGTH, fault_of, fault_of_status
from agent.providers.realtime_events import RealtimeEvent, parse
from agent.providers.realtime_requests import Address

OpenStream = Callable[[Address], Awaitable[trio.abc.Stream]]
"""Raises OSError, UnicodeError (of a host's name) or trio.BrokenResourceError; cancelled, it leaves nothing open."""

MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of one incoming message: one with sound has some 20 KB, `session.updated` repeats all our instructions."""

QUEUE = 32
"""Messages that the library reads ahead of us."""

CHUNK = 64 * 1024
"""Bytes asked of the transport at a time: a message with sound in one piece instead of five."""

CLOSES = {1000: Fault.UNREACHABLE, 1001: Fault.UNREACHABLE, 1008: Fault.REFUSED, 1013: Fault.BUSY}
"""RFC 6455, 7.4.1: a server that goes away, by itself or because a session has lasted its time, is to be asked again.
From 3000 on the codes are the server's own, and its reason tells. All else is broken."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Why there is no socket any more, or never was. `detail` is for a log; the key is not in it."""

    fault: Fault
    detail: str = ""


@cache
def _certificates() -> ssl.SSLContext:
    """The system's; loading them takes some 20 ms, so it is done once."""
    return ssl.create_default_context()


async def tcp_or_tls(address: Address) -> trio.abc.Stream:
    """A transport to the address, past the TLS handshake."""
    stream = await trio.open_tcp_stream(address.host, address.port)
    if not address.tls:
        return stream
    secure = trio.SSLStream(stream, _certificates(), server_hostname=address.host, https_compatible=True)
    try:
        await secure.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return secure


class Link:
    """One socket. Whoever holds it runs `run` in a task of theirs; `send` is called from any."""

    def __init__(
        self,
        address: Address,
        *,
        opened: Callable[[], None],
        received: Callable[[RealtimeEvent], None],
        connect_s: float,
        silent_s: float,
        open_stream: OpenStream = tcp_or_tls,
    ) -> None:
        """`opened` is called once, after the handshake, and `received` for every event that `parse` knows, in order;
        neither may wait. `connect_s`: for TCP, TLS and handshake together. `silent_s` without a byte from the server,
        and it is asked whether it is there; as long again, and it is not."""
        self._address = address
        self._opened = opened
        self._received = received
        self._connect_s = connect_s
        self._silent_s = silent_s
        self._open_stream = open_stream
        self._messages: deque[str] = deque()
        self._more = trio.Event()
        self._scope = trio.CancelScope()
        self._ended: Ended | None = None

    @property
    def queued(self) -> int:
        """Messages not yet on the wire, the one being written included."""
        return len(self._messages)

    def send(self, message: str) -> None:
        """Queue a message, also before the socket is open; after its end, for nobody. Not a checkpoint."""
        self._messages.append(message)
        self._more.set()

    async def run(self) -> Ended:
        """Hold the socket until it ends. To be called once. Cancelled, or raising what a callback raised: the transport
        is closed at once, without a goodbye."""
        try:
            with self._scope:
                self._scope.deadline = trio.current_time() + self._connect_s
                await self._connect()
        except* ConnectionRejected as refusals:
            self._refused(refusals)
        except* (ConnectionClosed, LocalProtocolError, h11.LocalProtocolError):  # of the library's reader
            self._end(Fault.BROKEN, "no WebSocket's bytes came back, or a key that no header can carry")
        return self._ended or Ended(Fault.TIMEOUT, f"not open within {self._connect_s:g} s")

    async def _connect(self) -> None:
        try:
            transport = _Transport(await self._open_stream(self._address))
        except (OSError, UnicodeError, trio.BrokenResourceError) as error:
            self._end(Fault.UNREACHABLE, f"{type(error).__name__}: {error.__cause__ or error}")
            return
        try:
            async with trio.open_nursery() as nursery:
                await self._hold(nursery, transport)
        finally:
            await trio.aclose_forcefully(transport)

    async def _hold(self, nursery: trio.Nursery, transport: _Transport) -> None:
        address = self._address
        with trio.CancelScope() as shaking:
            transport.on_end = lambda: shaking.cancel("the transport has ended")  # the library would wait for ever
            connection = await wrap_client_stream(
                nursery,
                transport,  # type: ignore[arg-type]  # any stream will do
                address.host_header,
                address.resource,
                extra_headers=[(name.encode(), value.encode()) for name, value in address.headers],
                message_queue_size=QUEUE,
                max_message_size=MAX_MESSAGE,
                receive_buffer_size=CHUNK,
            )
        if shaking.cancelled_caught:
            self._end(Fault.BROKEN, "no WebSocket handshake")
            return
        transport.on_end = lambda: None
        self._scope.deadline = math.inf
        nursery.start_soon(self._write, connection, name="link writer")
        nursery.start_soon(self._watch, connection, transport, nursery, name="link watch")
        self._opened()
        await self._read(connection)

    async def _read(self, connection: WebSocketConnection) -> None:
        while True:
            try:
                event = parse(await connection.get_message())
            except ConnectionClosed as closed:
                self._end(*_why(closed.reason))
                return
            except ProviderError as error:
                self._end(error.fault, error.detail)
                return
            if event is not None:
                self._received(event)

    async def _write(self, connection: WebSocketConnection) -> None:
        try:
            while True:
                while self._messages:
                    await connection.send_message(self._messages[0])
                    self._messages.popleft()
                self._more = trio.Event()
                await self._more.wait()
        except (ConnectionClosed, LocalProtocolError):
            return  # the reader tells why

    async def _watch(self, connection: WebSocketConnection, transport: _Transport, nursery: trio.Nursery) -> None:
        asking = False

        async def ask() -> None:
            # Not with a deadline: half a frame on the wire would break the socket.
            nonlocal asking
            asking = True
            try:
                await connection.ping()
            except (ConnectionClosed, LocalProtocolError):
                return
            asking = False

        while True:
            heard = transport.heard
            await trio.sleep_until(heard + self._silent_s)
            if transport.heard > heard:
                continue
            if not asking:
                nursery.start_soon(ask, name="link ping")
            await trio.sleep(self._silent_s)
            if transport.heard == heard:
                self._end(Fault.TIMEOUT, f"nothing heard for {2 * self._silent_s:g} s")

    def _refused(self, refusals: BaseExceptionGroup[ConnectionRejected]) -> None:
        error: BaseException = refusals
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        assert isinstance(error, ConnectionRejected)  # noqa: S101  the group has nothing else
        status = error.status_code
        self._end(fault_of_status(status), f"{status} {_reason(status, error.body)}".strip())

    def _end(self, fault: Fault, detail: str) -> None:
        if self._ended is None:
            for _, value in self._address.headers:
                detail = detail.replace(value.split(" ")[-1] or value, "***")
            self._ended = Ended(fault, " ".join(detail.split())[:DETAIL_LENGTH])
        self._scope.cancel("the socket has ended")


def _why(reason: CloseReason | None) -> tuple[Fault, str]:
    if reason is None:
        return Fault.BROKEN, "closed for breaking the protocol"
    said = reason.reason or ""
    fault = fault_of(said) if reason.code >= 3000 else CLOSES.get(reason.code, Fault.BROKEN)
    return fault, f"closed with {reason.code} {said}".strip()


def _reason(status: int, body: bytes | None) -> str:
    """What an API's error says of itself; of a 401, which may quote the key, no more than its code."""
    try:
        error = json.loads(body or b"{}")["error"]
        told = [error.get("code"), None if status == 401 else error.get("message")]
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return " ".join(part for part in told if isinstance(part, str))


class _Transport(trio.abc.Stream):
    """A stream that remembers when it was heard, and tells its end."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.heard = trio.current_time()
        self.on_end: Callable[[], object] = lambda: None

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        try:
            data = bytes(await self._stream.receive_some(max_bytes))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.on_end()
            raise
        self.heard = trio.current_time()
        if not data:
            self.on_end()
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        self.on_end()
        await self._stream.aclose()
