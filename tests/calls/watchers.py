"""Those who watch calls of a stage, as streams over HTTP would: what they are told, taken apart again."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import trio

from agent.keep.record import CallRecord
from agent.model import Ending
from agent.wire.ports import MediaSocket
from nurseries.call import GOES_ON, Call
from nurseries.legs.pick_up import pick_up
from nurseries.watch.watching import Watching
from tests.calls.stage import Stage
from tests.fakes.memory_leases import Asked
from tests.fakes.memory_store import MemoryStore


@dataclass(frozen=True)
class Event:
    name: str
    data: Any
    number: int | None = None


def parsed(sent: bytes) -> list[Event]:
    """As a browser reads it."""
    events = []
    for block in sent.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if fields:
            number = int(fields["id"]) if "id" in fields else None
            events.append(Event(fields["event"], json.loads(fields["data"]), number))
    return events


@dataclass
class Kept:
    """Records so far, as Keeping has them: looked at now and then, with a revision that grows."""

    calls: dict[str, Call] = field(default_factory=dict)
    records: dict[str, CallRecord] = field(default_factory=dict)

    def known(self, call_sid: str) -> CallRecord | None:
        return self.records.get(call_sid)

    def look(self, call_sid: str) -> None:
        if call_sid in self.calls:
            self.take(self.calls[call_sid].so_far())

    def take(self, record: CallRecord) -> None:
        before = self.records.get(record.call_sid)
        revision = before.revision if before is not None else 0
        record = msgspec.structs.replace(record, revision=revision)
        if record != before:
            self.records[record.call_sid] = msgspec.structs.replace(record, revision=revision + 1)

    async def run(self) -> None:
        while True:
            for call_sid in self.calls:
                self.look(call_sid)
            await trio.sleep(0.4)


class Watcher:
    """One who reads a stream, as fast as told."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self.sent = b""
        self.ended = False
        """By the server."""
        self.pause_s = pause_s

    @property
    def events(self) -> list[Event]:
        return parsed(self.sent)

    @property
    def last(self) -> int:
        """The newest number."""
        return max(event.number for event in self.events if event.number is not None)

    def of(self, name: str) -> list[Any]:
        return [event.data for event in self.events if event.name == name]

    def moments(self, *kinds: str) -> list[Any]:
        return [moment for moment in self.of("moment") if not kinds or moment["kind"] in kinds]

    async def read(self, stream: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(stream) as pieces:
            async for piece in pieces:
                self.sent += piece
                await trio.sleep(self.pause_s)
        self.ended = True


class House:
    """A stage whose calls can be watched."""

    def __init__(self, stage: Stage, left: Callable[[], Awaitable[Iterable[str]]] | None = None) -> None:
        self.stage = stage
        self.kept = Kept()
        self.store = MemoryStore()
        self.asked = Asked()
        self.watching = Watching(self.kept, {}, self.store, left=left, ask=self.asked)
        self.begun = trio.Event()
        self.softphone = False
        """Calls are a browser's."""

    async def serve(self, socket: MediaSocket) -> None:
        """A call, as the process holds it."""
        info = await pick_up(socket, self.stage.tokens, 10)
        assert info is not None
        call = self.stage.call(replace(info, softphone=self.softphone), socket)
        self.stage.calls.append(call)
        self.kept.calls[info.call_sid] = call
        self.watching.begun(call, call._tape)
        self.begun.set()
        try:
            await call.run()
        finally:
            del self.kept.calls[info.call_sid]
            goes_on = call.fenced or call.ending in GOES_ON
            self.kept.take(call.so_far() if goes_on else call.record())
            self.watching.over(call, "" if goes_on else (call.ending or Ending.SHUTDOWN).value)

    async def watched(
        self, place: Callable[..., Awaitable[object]], *beside: Callable[[str], Awaitable[object]]
    ) -> None:
        """Place a call; `beside` are told its CallSid as soon as it has begun."""
        self.begun = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.kept.run)

            async def watch() -> None:
                await self.begun.wait()
                async with trio.open_nursery() as watchers:
                    for one in beside:
                        watchers.start_soon(one, self.stage.calls[-1].info.call_sid)

            async with trio.open_nursery() as both:
                both.start_soon(watch)
                await place(serve=self.serve)
            nursery.cancel_scope.cancel()
