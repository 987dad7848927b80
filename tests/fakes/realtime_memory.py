"""A fake Realtime server at the other end of streams in memory, for tests on the mock clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trio
import trio.testing

from agent.config import Settings
from agent.providers.realtime_events import RealtimeEvent
from agent.providers.realtime_requests import Address, transcription_address
from nurseries.link import Link
from tests.fakes.realtime_server import Realtime

ADDRESS = transcription_address(Settings(_env_file=None, OPENAI_API_KEY="sk-right"))  # type: ignore[call-arg,arg-type]


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
    connect_s: float = 3.0
    silent_s: float = 5.0

    async def open(self, _address: Address) -> trio.abc.Stream:
        """Connect."""
        await trio.sleep(self.slow_s)
        if self.away:
            raise OSError("connection refused")
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.server.serve, theirs)
        return ours

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
