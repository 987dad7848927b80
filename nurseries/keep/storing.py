"""Brings one recording from its file to the object store, and tells the calls' store of it, however often it takes.

Used by the archive. Each step is durable before the next: the object, the store knows of it, then the file is removed.
What a crash makes be done twice is done to the same key. The call may go on elsewhere by then, and its record be
another process's: the piece is added beside the record. A record that has been deleted takes its recording with it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog
import trio

from agent.errors import NotKept, StoreError
from agent.keep.ports import CallStore, ObjectStore
from agent.providers.spool import Spooled
from nurseries.keep.keeping import Keeping

T = TypeVar("T")

log = structlog.get_logger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""Before an object store that is away is asked again."""

AT_ONCE = 2
"""Recordings on their way to the object store."""

ORPHAN_S = 24 * 3600.0
"""A recording without a record, where the store says that there is none: until then it may still come from a journal;
after that it was deleted, and so is the recording."""


class Waiting(Exception):  # noqa: N818  not an error: its time has not come
    """The recording cannot be stored yet."""


class Storing:
    """One process's."""

    def __init__(self, objects: ObjectStore, store: CallStore, keeping: Keeping) -> None:
        self._objects = objects
        self._store = store
        self._keeping = keeping
        self._threads = trio.CapacityLimiter(AT_ONCE + 2)
        self._uploads = trio.CapacityLimiter(AT_ONCE)
        self._away = False

    async def store(self, spooled: Spooled, *, ours: bool) -> None:
        """Until it is done."""
        way = _Way(spooled, ours=ours)
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._try(way)
            except Waiting:
                pass
            except StoreError as error:
                if not self._away:
                    log.warning("recordings wait on the disk", error=str(error))
                    self._away = True
            else:
                break
            await trio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        if self._away:
            log.info("recordings are stored again")
            self._away = False

    async def _try(self, way: _Way) -> None:
        """Raises StoreError and Waiting, and then all is to be tried again."""
        if self._keeping.erased(way.call_sid):
            await self._forget(way)
        elif way.put or way.ours or await self._there(way):
            async with self._uploads:
                await self._upload(way)

    async def _there(self, way: _Way) -> bool:
        """Whether the store has the call of a recording that somebody has left; one that it never gets is forgotten."""
        if await self._in_thread(lambda: self._store.get(way.call_sid)) is not None:
            return True
        await self._wait(way)
        return False

    async def _wait(self, way: _Way) -> None:
        """For the record: it is in a journal, or on its way."""
        if self._keeping.known(way.call_sid) is not None or way.spooled.age_s < ORPHAN_S:
            raise Waiting
        await self._forget(way)

    async def _upload(self, way: _Way) -> None:
        """Nobody erases the file meanwhile: the object would be left."""
        spooled = way.spooled
        try:
            if not await self._in_thread(spooled.hold):
                raise Waiting
        except NotKept:
            log.error("recording lost: somebody has removed its file", call_sid=way.call_sid)  # noqa: TRY400
            await self._in_thread(spooled.remove)
            return
        try:
            if not way.put:
                put = partial(self._objects.put, spooled.key, spooled.path, "audio/wav")
                await trio.to_thread.run_sync(put, limiter=self._threads, abandon_on_cancel=True)
                way.put = True
            if self._keeping.erased(way.call_sid):
                await self._forget(way)
                return
            piece = await self._in_thread(lambda: spooled.piece)
            if await self._in_thread(lambda: self._store.add_piece(way.call_sid, piece)):
                log.info("recording stored", call_sid=way.call_sid, key=spooled.key, store=self._objects.name)
                await self._in_thread(spooled.remove)
            else:
                await self._wait(way)
        except NotKept:
            await self._forget(way)
        finally:
            spooled.rest()

    async def _forget(self, way: _Way) -> None:
        """The file first, for the object store may be away; but not before an object that it has for sure."""
        if not way.put:
            await self._in_thread(way.spooled.remove)
        with suppress(NotKept):
            delete = partial(self._objects.delete, way.spooled.key)
            await trio.to_thread.run_sync(delete, limiter=self._threads, abandon_on_cancel=True)
        await self._in_thread(way.spooled.remove)
        log.info("recording deleted, as its record was", call_sid=way.spooled.label.call_sid)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """A disk that hangs is left to itself when the process leaves."""
        return await trio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)


@dataclass
class _Way:
    """How far one recording has come."""

    spooled: Spooled
    ours: bool
    """Of a call of this process."""
    put: bool = False
    """The object store has it."""

    @property
    def call_sid(self) -> str:
        return self.spooled.label.call_sid
