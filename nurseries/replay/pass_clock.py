"""A clock that stands still while Trio's loop runs whoever can run, and a watcher of who does.

Then all that a call reads of the time is one number a pass, which a recording holds. A loop that caches its time is
nothing new: libuv does so. What sleeps is not affected but by the length of a pass.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Protocol

import msgspec
import trio
from trio.lowlevel import Task

from agent.replay.events import DECIDED
from agent.seen.feed import FEED


class Watched(Protocol):
    """Whose tasks are watched. Not checkpoints; never raises."""

    def begun(self, task: Task) -> None:
        """A task of its own code was spawned."""
        ...

    def steps(self, task: Task) -> None:
        """Such a task is about to run."""
        ...

    def gone(self, task: Task) -> None:
        """It has ended."""
        ...

    def told(self, event: str, fields: dict[str, Any]) -> None:
        """Its code has logged this: plain values."""
        ...


WATCHED: ContextVar[Watched | None] = ContextVar("WATCHED", default=None)
"""Whose a task is."""

OUTSIDE: ContextVar[bool] = ContextVar("OUTSIDE", default=False)
"""The task is in code that is not the call's own, which a player replaces."""


def listen_in(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog's, the first one: whoever is watched is told what its own code logs."""
    watched = WATCHED.get()
    if watched is not None and not OUTSIDE.get():
        fields = {name: value for name, value in line.items() if name not in {"event", "call_sid"}}
        watched.told(str(line.get("event")), msgspec.to_builtins(fields, enc_hook=repr))
    return line


def decided(what: str, **fields: str | float | bool) -> None:
    """A recording is told of this decision, at any LOG_LEVEL, and whoever watches the call. Not a checkpoint."""
    if (feed := FEED.get()) is not None:
        feed.decided(what, fields)
    watched = WATCHED.get()
    if watched is not None and not OUTSIDE.get():
        watched.told(DECIDED, {"what": what, **fields})


class PassClock(trio.abc.Clock):
    """Stands still within a pass."""

    def __init__(self) -> None:
        self.now = perf_counter()

    def start_clock(self) -> None:
        self.now = perf_counter()

    def current_time(self) -> float:
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - perf_counter()


class Watcher(trio.abc.Instrument):
    """One process's. Tells each of the watched of its own tasks."""

    def __init__(self, clock: PassClock | None = None) -> None:
        """`clock` is the one that the loop runs on; None: another one, which stands still within a pass as well."""
        self._clock = clock
        self.passes = 0

    def after_io_wait(self, timeout: float) -> None:  # noqa: ARG002  as the loop tells it
        if self._clock is not None:
            self._clock.now = perf_counter()
        self.passes += 1

    def task_spawned(self, task: Task) -> None:
        watched = task.context.get(WATCHED)
        if watched is not None and not task.context.get(OUTSIDE):
            watched.begun(task)

    def before_task_step(self, task: Task) -> None:
        watched = task.context.get(WATCHED)
        if watched is not None:
            watched.steps(task)

    def task_exited(self, task: Task) -> None:
        watched = task.context.get(WATCHED)
        if watched is not None:
            watched.gone(task)
