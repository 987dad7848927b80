"""Opening a media socket the way Twilio does: an address and headers in, an open socket out.

The handshake carries exactly Twilio's headers: no Origin, no subprotocol, no extension.
"""

from __future__ import annotations

import socket as sockets
import ssl
import struct
from urllib.parse import urlsplit

import trio
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)

from agent.providers.websocket import WebSocket

DIAL_S = 10.0
"""From the first packet to the accepted upgrade."""
MAX_MESSAGE = 16 * 1024 * 1024
"""Ten minutes of audio in one message, base64 included, with room to spare."""
QUEUE = 1024


class NoAnswerError(Exception):
    """The media socket could not be opened; says why, with Twilio's error code."""


class DialledSocket(WebSocket):
    """A `MediaSocket` that can also hang up as a dying network does, and knows how the server said goodbye."""

    def __init__(self, connection: WebSocketConnection, transport: trio.abc.Stream) -> None:
        super().__init__(connection, transport)
        self._wire = connection
        self._stream = transport

    @property
    def goodbye(self) -> tuple[int, str] | None:
        """The close code and reason, 1006 where there was no closing handshake; None while open."""
        closed = self._wire.closed
        return None if closed is None else (closed.code, closed.reason or "")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        try:
            await self._wire.aclose(code, reason or None)
        finally:
            await trio.aclose_forcefully(self._stream)

    async def abort(self) -> None:
        """Close with a TCP reset."""
        stream = self._stream.transport_stream if isinstance(self._stream, trio.SSLStream) else self._stream
        if isinstance(stream, trio.SocketStream) and stream.socket.fileno() >= 0:
            stream.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        await super().abort()


class _Wire(trio.abc.Stream):
    """A stream that tells when its other end is gone: during a handshake trio-websocket would wait without end."""

    def __init__(self, inner: trio.abc.Stream, gone: trio.CancelScope) -> None:
        self._inner = inner
        self._gone = gone

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._inner.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._gone.cancel("connection lost")
            raise
        if not data:
            self._gone.cancel("connection closed")
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._inner.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._inner.aclose()


async def dial(nursery: trio.Nursery, url: str, host: str, headers: list[tuple[bytes, bytes]]) -> DialledSocket:
    """Open the socket at `url`, naming `host` to the server; its reader runs in the nursery until it is closed.

    Raises NoAnswerError; a refusal (trio_websocket's HandshakeError) is raised in the nursery, by the reader. Leaves
    nothing open then, nor when it is cancelled.
    """
    parts = urlsplit(url)
    try:
        with trio.fail_after(DIAL_S):
            stream = await trio.open_tcp_stream(
                parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
            )
            return await _upgrade(nursery, stream, url, host, headers)
    except (OSError, trio.TooSlowError, trio.BrokenResourceError, ConnectionClosed) as error:
        raise NoAnswerError(in_words(error, url)) from error


async def _upgrade(
    nursery: trio.Nursery, tcp: trio.SocketStream, url: str, host: str, headers: list[tuple[bytes, bytes]]
) -> DialledSocket:
    """TLS where the address wants it, then the WebSocket handshake. Closes the stream where that fails."""
    parts = urlsplit(url)
    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = tcp
    ready = False
    try:
        if parts.scheme == "wss":
            context = ssl.create_default_context()
            stream = trio.SSLStream(tcp, context, server_hostname=parts.hostname, https_compatible=True)
            await stream.do_handshake()
        with trio.CancelScope() as handshaking:
            connection = await wrap_client_stream(
                nursery,
                _Wire(stream, handshaking),  # type: ignore[arg-type]  # any stream will do, its docstring says
                host,
                parts.path,
                extra_headers=headers,
                message_queue_size=QUEUE,
                max_message_size=MAX_MESSAGE,
            )
        if handshaking.cancelled_caught or connection.closed is not None:
            raise ConnectionClosed(None)
        ready = True
        return DialledSocket(connection, stream)
    finally:
        if not ready:
            tcp.socket.close()


def in_words(error: BaseException, url: str) -> str:
    """Why there is no socket, with Twilio's error code."""
    match error:
        case NoAnswerError():
            return str(error)
        case ConnectionRejected():
            return f"the media socket {url} was refused with status {error.status_code} (31920)"
        case trio.TooSlowError():
            return f"the media socket {url} did not answer within {DIAL_S:g} s (31901)"
        case ssl.SSLError() | trio.BrokenResourceError():
            return f"no TLS connection to the media socket {url}: {error.__cause__ or error} (31910)"
        case ConnectionClosed() | HandshakeError():
            return f"the media socket {url} closed during the handshake (31920)"
        case _:
            return f"the media socket {url} cannot be reached: {error} (31902)"
