"""One operating system's worth of virtual time: what a process asks of threads, signals, clocks and sockets is answered
on the mock clock, so that several whole processes run in one Trio program, a day in minutes.

Only these seams are replaced, for as long as the block lasts: `trio.to_thread.run_sync`, `trio.open_signal_receiver`,
`time.time`, the time of day of a call, the door in front of a process and the carrier's dialling. Which process asks is
told by a context variable, that all tasks of a process inherit.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from unittest import mock

import trio

import nurseries.process
import nurseries.rehearsal.streams
from agent.errors import StoreError
from agent.wire.ports import MediaSocket
from nurseries.call import Call
from nurseries.rehearsal.loopback import LoopbackSocket

T = TypeVar("T")

EPOCH = 1_800_000_000.0 - 1_800_000_000 % 86_400
"""When a day in virtual time begins: a midnight, UTC."""

THREAD_S = (0.0005, 0.006)
"""What work in a thread takes: a store's answer, a write to a disk."""


class Machine(Protocol):
    """What runs one process."""

    dead: bool
    signals: trio.MemoryReceiveChannel[signal.Signals]

    async def door(self, take: Callable[[MediaSocket], Awaitable[None]], started: Callable[[], None]) -> None: ...


MACHINE: ContextVar[Machine | None] = ContextVar("machine", default=None)
"""Whose task this is."""


class Threads:
    """Those of all processes. What is given up is done all the same, as by a thread that nobody waits for; but for a
    process that is dead nothing is done any more."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.slow_s = 0.0
        """So much longer everything takes."""

    async def __call__(
        self,
        work: Callable[..., T],
        *args: Any,
        limiter: trio.CapacityLimiter | None = None,
        abandon_on_cancel: bool = False,
        thread_name: str | None = None,
    ) -> T:
        machine, borrower = MACHINE.get(), object()
        if limiter is not None:
            await limiter.acquire_on_behalf_of(borrower)
        try:
            with trio.CancelScope(shield=not abandon_on_cancel):
                await trio.sleep(self._dice.uniform(*THREAD_S) + self.slow_s)
        except trio.Cancelled:
            if not (machine and machine.dead):
                with suppress(Exception):
                    work(*args)
            raise
        finally:
            if limiter is not None:
                limiter.release_on_behalf_of(borrower)
        if machine and machine.dead:
            raise StoreError("the process is dead")
        return work(*args)


def now() -> float:
    """Seconds since 1970, on the mock clock; in no Trio program, the day's beginning."""
    return EPOCH + (trio.current_time() - _BEGAN[-1] if trio.lowlevel.in_trio_run() and _BEGAN else 0.0)


_BEGAN: list[float] = []


def _call(*args: Any, **more: Any) -> Call:
    return Call(*args, **({"now": datetime.fromtimestamp(now(), UTC)} | more))


@contextmanager
def _signals(*_: int) -> Iterator[AsyncIterator[int]]:
    machine = MACHINE.get()
    assert machine is not None
    yield machine.signals


async def _door(
    _listeners: object,
    _app: object,
    take: Callable[[MediaSocket], Awaitable[None]],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    **_: object,
) -> None:
    machine = MACHINE.get()
    assert machine is not None
    await machine.door(take, task_status.started)


@contextmanager
def virtual(dice: random.Random, dial: Callable[..., Awaitable[LoopbackSocket]]) -> Iterator[Threads]:
    """Within a Trio program on a mock clock; `dial` opens a media socket for the carrier."""
    threads = Threads(dice)
    _BEGAN.append(trio.current_time())
    try:
        with (
            mock.patch.object(trio.to_thread, "run_sync", threads),
            mock.patch.object(trio, "open_signal_receiver", _signals),
            mock.patch.object(time, "time", now),
            mock.patch.object(nurseries.process, "serve_door", _door),
            mock.patch.object(nurseries.process, "Call", _call),
            mock.patch.object(nurseries.rehearsal.streams, "dial", dial),
        ):
            yield threads
    finally:
        _BEGAN.pop()
