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


async def dial(nursery: trio.Nursery, url: str, host: str, headers: list[tuple[bytes, bytes]]) -> DialledSocket:
    """Open the socket at `url`, naming `host` to the server; its reader runs in the nursery until it is closed.

    Raises NoAnswerError. Cancelled, it leaves nothing open.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] | None = None
    try:
        with trio.fail_after(DIAL_S):
            tcp = await trio.open_tcp_stream(parts.hostname or "", port)
            stream = tcp
            if secure:
                context = ssl.create_default_context()
                stream = trio.SSLStream(tcp, context, server_hostname=parts.hostname, https_compatible=True)
                await stream.do_handshake()
            connection = await wrap_client_stream(
                nursery,
                stream,
                host,
                parts.path or "/",
                extra_headers=headers,
                message_queue_size=QUEUE,
                max_message_size=MAX_MESSAGE,
            )
            if connection.closed is not None:
                raise ConnectionClosed(connection.closed)  # noqa: TRY301  one place maps every failure
    except BaseException as error:
        if stream is not None:
            await trio.aclose_forcefully(stream)
        if isinstance(error, Exception):
            raise NoAnswerError(_in_words(error, url)) from error
        raise
    return DialledSocket(connection, stream)


def _in_words(error: Exception, url: str) -> str:
    match error:
        case ConnectionRejected():
            return f"the media socket {url} was refused with status {error.status_code} (31920)"
        case trio.TooSlowError():
            return f"the media socket {url} did not answer within {DIAL_S:g} s (31901)"
        case ssl.SSLError() | trio.BrokenResourceError():
            return f"no TLS connection to the media socket {url}: {error.__cause__ or error} (31910)"
        case HandshakeError() | ConnectionClosed():
            return f"the media socket {url} closed during the handshake (31920)"
        case _:
            return f"the media socket {url} cannot be reached: {error} (31902)"
