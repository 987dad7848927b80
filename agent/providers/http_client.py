"""The one HTTP client of the process: every vendor that speaks HTTP gets this one, and closes none.

HTTP/1.1, because a cancelled HTTP/2 request sends no reset and its answer keeps coming. Without a limit of its own on
connections, so that no request ever queues for one: the number of calls is bounded at the front door, and each call
has a handful of requests at most. See ops/adr/0006 for what cancelled requests do to a pool.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import httpcore2
import httpx2

KEEP_IDLE = 100
"""Idle connections kept. More simply close."""

KEEP_IDLE_S = 55.0
"""A caller speaks every ten seconds or so: five seconds, the default, would pay for a new TLS connection each turn.
Under a minute, because many load balancers close an idle connection then."""

CONNECT_S = 5.0
SILENCE_S = 60.0
"""The last resort against a dead peer. Callers have deadlines of their own, and shorter ones."""


class Sent:
    """How far a request has come."""

    def __init__(self) -> None:
        self.whole = False
        """The other side may have all of it: before that, no server does what it asks for."""


SENDING: ContextVar[Sent | None] = ContextVar("sending", default=None)
"""Whoever wants to know of the requests that are sent from here."""


def open_http_client() -> httpx2.AsyncClient:
    """The client. Honours the usual proxy and certificate variables of the environment. To be closed with `aclose`,
    after its last user: that closes every socket at once, also when cancelled."""
    client = httpx2.AsyncClient(
        http1=True,
        http2=False,
        timeout=httpx2.Timeout(SILENCE_S, connect=CONNECT_S),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=KEEP_IDLE, keepalive_expiry=KEEP_IDLE_S),
        follow_redirects=True,
        event_hooks={"request": [_watched]},
    )
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001  there is no public way in
        if isinstance(transport, httpx2.AsyncHTTPTransport):
            transport._pool._network_backend = _Network()  # noqa: SLF001
    return client


async def _watched(request: httpx2.Request) -> None:
    sent = SENDING.get()
    if sent is None:
        return

    async def trace(event: str, _info: object) -> None:
        if event.endswith("send_request_body.complete"):
            sent.whole = True

    request.extensions["trace"] = trace


class _Network(httpcore2.TrioBackend):
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        return _Plain(await super().connect_tcp(host, port, timeout, local_address, socket_options))


class _Plain(httpcore2.AsyncNetworkStream):
    """A connection before TLS. httpcore leaves one that is cancelled during the handshake to the garbage collector,
    and so open for as long as that takes; this one closes it."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            self._stream.get_extra_info("socket").close()
            raise

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
