"""Records calls as RECORD_SESSIONS says. One of the process's children; what calls leave is written down in a thread.

A disk that is slow, full or does not answer costs a call nothing: its recording is given up, and that is told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol
from zlib import crc32

import msgspec
import structlog
import trio

from agent.config import Settings
from agent.keep.record import CallRecord
from agent.metrics import Count
from agent.model import CallInfo
from agent.replay import file
from agent.replay.events import Event, Header
from nurseries.boundary import contain
from nurseries.replay.pass_clock import Watcher
from nurseries.replay.take import Take

log = structlog.get_logger(__name__)

LOOK_S = 0.5
"""Between two times that is written down what there is."""

ROUND_S = 10.0
"""For all that there is to be written: what calls leave is in memory meanwhile."""

LEAVE_S = 2.0
"""For what is left, at the end."""


LOST = Count("sessions_lost", "Recordings to be played again that were given up: the disk did not take them.")

Write = Callable[[file.Sheet, list[Header | Event]], Awaitable[None]]
"""Append these to the file. Raises OSError."""


class Takes(Protocol):
    """Where recordings go. None of these is a checkpoint."""

    def take(self) -> Take:
        """A new one, of a leg that is about to begin."""
        ...

    def begins(self, take: Take, header: Header) -> None:
        """Its first line is known."""
        ...

    def ends(self, take: Take, record: CallRecord) -> None:
        """The leg is over."""
        ...


class Taking:
    """One process's."""

    def __init__(self, settings: Settings, watcher: Watcher, *, write: Write | None = None) -> None:
        """`write`: in a thread, unless told otherwise."""
        self._append = write or self._in_thread
        self._share = settings.sessions_share
        self._folder = settings.DATA_DIR / "sessions"
        self._watcher = watcher
        self._takes: dict[Take, file.Sheet] = {}
        self._heads: dict[Take, Header] = {}
        """Not written down yet."""
        self._over: set[Take] = set()
        self._trouble = False
        """The disk has not taken one, and nothing since."""
        self._thread = trio.CapacityLimiter(1)

    def wants(self, info: CallInfo) -> bool:
        """Whether this call is recorded: all its legs, in whichever process. Not a checkpoint."""
        return crc32(info.call_sid.encode()) / 2**32 < self._share

    def take(self) -> Take:
        """A new one, of a leg that is about to begin. Not a checkpoint."""
        return Take(self._watcher)

    def begins(self, take: Take, header: Header) -> None:
        """It is written down from here on. Not a checkpoint."""
        sid, leg = header.info["call_sid"], header.info.get("leg", 1)
        self._takes[take] = file.Sheet(file.path_of(self._folder, sid, leg))
        self._heads[take] = header

    def ends(self, take: Take, record: CallRecord) -> None:
        """The leg is over. Not a checkpoint."""
        if take in self._takes:  # it is not given up
            take.over(msgspec.to_builtins(record))
            self._over.add(take)

    async def run(self) -> None:
        """Write until cancelled, then what is left."""
        try:
            while True:
                await trio.sleep(LOOK_S)
                await contain(self._round, "sessions")
        finally:
            with trio.move_on_after(LEAVE_S, shield=True):
                await contain(self._write, "sessions")
                async with self._thread:  # what was being written when this was cancelled
                    pass

    async def _round(self) -> None:
        with trio.move_on_after(ROUND_S) as limit:
            await self._write()
        if limit.cancelled_caught:
            self._lost("no answer in time", *self._takes)

    async def _write(self) -> None:
        for take, sheet in tuple(self._takes.items()):
            over, head = take in self._over, self._heads.pop(take, None)
            lines: list[Header | Event] = [*([head] if head else []), *take.events]
            take.events.clear()
            try:
                if lines:
                    await self._append(sheet, lines)
                    self._trouble = False
            except OSError as error:
                self._lost(error.strerror or str(error), take)
            except (TypeError, ValueError, OverflowError) as error:  # what cannot be written as text
                log.warning("session not recorded", path=str(sheet.path), error=str(error))
                LOST.add()
                self._drop(take)
            if over:
                self._drop(take)

    def _lost(self, why: str, *takes: Take) -> None:
        """The disk does not take these; it is said once, until it takes something again."""
        if not self._trouble:
            log.warning("sessions not recorded", folder=str(self._folder), error=why)
        self._trouble = True
        LOST.add(len(takes))
        for take in takes:
            self._drop(take)

    def _drop(self, take: Take) -> None:
        self._takes.pop(take, None)
        self._heads.pop(take, None)
        self._over.discard(take)
        take.stop()

    async def _in_thread(self, sheet: file.Sheet, lines: list[Header | Event]) -> None:
        """Cancelled, the thread is left to itself, and the next one waits for it."""
        work = partial(sheet.append, lines)
        await trio.to_thread.run_sync(work, limiter=self._thread, abandon_on_cancel=True)
