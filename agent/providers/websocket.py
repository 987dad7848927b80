"""A media socket over trio-websocket: an open connection in, text in and out. A caller's end; the server's is
nurseries/door/media_socket.py, and is held to this one by its tests.

What the library leaves open is closed here: it waits for a silent peer's goodbye without end (`close` can be
cancelled, and then closes at once), and where the peer broke the rules it may forget the transport.
"""

from __future__ import annotations

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.utilities import LocalProtocolError

from agent.wire.ports import MediaSocket


class WebSocket(MediaSocket):
    """A `MediaSocket`. One task receives, one task sends; any task closes."""

    def __init__(self, connection: WebSocketConnection, transport: trio.abc.AsyncResource) -> None:
        """`transport` is what the connection runs on: closing it is closing the socket."""
        self._connection = connection
        self._transport = transport

    async def receive(self) -> str | bytes | None:
        try:
            return await self._connection.get_message()
        except ConnectionClosed:
            return None

    async def send(self, text: str) -> None:
        try:
            await self._connection.send_message(text)
        except (ConnectionClosed, LocalProtocolError) as error:
            raise ConnectionError("the media socket is closed") from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        try:
            await self._connection.aclose(code, reason or None)
        finally:
            await trio.aclose_forcefully(self._transport)

    async def abort(self) -> None:
        await trio.aclose_forcefully(self._transport)
