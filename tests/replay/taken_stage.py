"""Calls that are recorded on the mock clock, and played again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
import trio
from trio.testing import MockClock

from agent.config import Settings
from agent.keep.record import CallRecord
from agent.replay.events import Event, Header
from nurseries.replay.pass_clock import Watcher
from nurseries.replay.take import Take
from nurseries.replay.taken_call import TakenCall
from nurseries.replay.taking import Taking
from tests.calls.stage import Stage


class Kept(Taking):
    """Keeps what it takes, a leg after the other."""

    def __init__(self, settings: Settings) -> None:
        self.watcher = Watcher()
        super().__init__(settings, self.watcher)
        self.legs: list[tuple[Header, list[Event]]] = []

    def begins(self, take: Take, header: Header) -> None:
        self.legs.append((header, take.events))

    def ends(self, take: Take, record: CallRecord) -> None:
        take.over(msgspec.to_builtins(record))


def taken(
    stage: Stage, work: Callable[[], Awaitable[Any]], legs: list[tuple[Header, list[Event]]] | None = None
) -> list[tuple[Header, list[Event]]]:
    """Do it on a clock of its own; the legs that it had on this stage, as they were recorded and read again. They are
    added to `legs`, also where the work raises."""
    kept, legs = Kept(stage.settings), [] if legs is None else legs
    stage.kind = partial(TakenCall, kept)
    try:
        trio.run(work, clock=MockClock(autojump_threshold=0), instruments=[kept.watcher])
    finally:
        legs += [(again(header, Header), [again(event, Event) for event in events]) for header, events in kept.legs]
    return legs


def again(value: Any, kind: Any) -> Any:
    """As it is read from a file."""
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)
