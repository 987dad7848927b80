"""A fake Realtime server at the other end of streams in memory, for tests on the mock clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trio
import trio.testing

from agent.config import Settings
from agent.providers.realtime_events import RealtimeEvent
from agent.providers.realtime_requests import Address, transcription_address
from nurseries.live.link import Link
from tests.fakes.realtime_server import Realtime

ADDRESS = transcription_address(Settings(_env_file=None, OPENAI_API_KEY="sk-right"))  # type: ignore[call-arg,arg-type]


class Lagging(trio.abc.Stream):
    """A stream whose bytes are this long on their way to us."""

    def __init__(self, stream: trio.abc.Stream, lag_s: float, nursery: trio.Nursery) -> None:
        self._stream = stream
        self._lag_s = lag_s
        self._late, self._due = trio.open_memory_channel[tuple[float, bytes | None]](10_000)
        self._rest = b""
        nursery.start_soon(self._take)

    async def _take(self) -> None:
        data: bytes | None = b"x"
        while data:
            try:
                data = bytes(await self._stream.receive_some())
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                data = None
            self._late.send_nowait((trio.current_time() + self._lag_s, data))

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if not self._rest:
            when, data = await self._due.receive()
            await trio.sleep_until(when)
            if data is None:
                raise trio.BrokenResourceError
            self._rest = data
            if not data:
                self._late.send_nowait((when, b""))
        data, self._rest = self._rest[:max_bytes], self._rest[max_bytes or len(self._rest) :]
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


@dataclass
class InMemory:
    """Where links of a test go. `nursery` is the server's."""

    server: Realtime
    nursery: trio.Nursery
    address: Address = ADDRESS
    away: bool = False
    """Nobody is there to connect to."""
    slow_s: float = 0.0
    """To connect."""
    lag_s: float = 0.0
    """Of every byte, one way."""
    connect_s: float = 3.0
    silent_s: float = 5.0

    async def open(self, _address: Address) -> trio.abc.Stream:
        """Connect."""
        await trio.sleep(self.slow_s)
        if self.away:
            raise OSError("connection refused")
        ours, theirs = trio.testing.memory_stream_pair()
        lagging = [Lagging(end, self.lag_s, self.nursery) for end in (ours, theirs)] if self.lag_s else [ours, theirs]
        self.nursery.start_soon(self.server.serve, lagging[1])
        return lagging[0]

    def link(self, opened: Callable[[], None], received: Callable[[RealtimeEvent], None]) -> Link:
        """A link to it."""
        return Link(
            self.address,
            opened=opened,
            received=received,
            connect_s=self.connect_s,
            silent_s=self.silent_s,
            open_stream=self.open,
        )
