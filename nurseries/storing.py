"""Brings one recording from its file to the object store, and its key into the record, however often it takes.

Used by the archive. Each step is durable before the next: the object, the record's key, then the file is removed. What
a crash makes be done twice is done to the same key. A record that has been deleted takes its recording with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import msgspec
import structlog
import trio

from agent.errors import NotKept, StoreError
from agent.keep.ports import CallStore, ObjectStore
from agent.keep.record import CallRecord, changed_at
from agent.providers.spool import Spooled
from nurseries.keeping import Keeping

T = TypeVar("T")

log = structlog.get_logger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
"""Before an object store that is away is asked again."""

AT_ONCE = 2
"""Recordings on their way to the object store."""

NOBODY_S = 120.0
"""A record of another process that goes on and has not been changed for so long has nobody who is at it."""
SUMMARY_S = 10.0
"""One that has ended has nobody so long after the time that a summary may take."""

ORPHAN_S = 24 * 3600.0
"""A recording without a record, where the store says that there is none: until then it may still come from another
process's journal; after that it was deleted, and so is the recording."""


class Waiting(Exception):  # noqa: N818  not an error: its time has not come
    """The recording cannot be stored yet."""


class Storing:
    """One process's."""

    def __init__(self, objects: ObjectStore, store: CallStore, keeping: Keeping, summary_s: float) -> None:
        """`summary_s`: SUMMARY_TIMEOUT_S."""
        self._objects = objects
        self._store = store
        self._keeping = keeping
        self._summary_s = summary_s
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
        record = await self._record(way)
        if record is None:
            await self._forget(way)
        elif record.recording == way.spooled.key:
            await self._in_thread(way.spooled.remove)
        else:
            async with self._uploads:
                await self._upload(way, record)

    async def _upload(self, way: _Way, record: CallRecord) -> None:
        """Nobody erases the file meanwhile: the object would be left."""
        spooled, key = way.spooled, way.spooled.key
        try:
            if not await self._in_thread(spooled.hold):
                raise Waiting
        except NotKept:
            log.error("recording lost: somebody has removed its file", call_sid=record.call_sid)  # noqa: TRY400
            await self._in_thread(spooled.remove)
            return
        try:
            put = partial(self._objects.put, key, spooled.path, "audio/wav")
            await trio.to_thread.run_sync(put, limiter=self._threads, abandon_on_cancel=True)
            way.put = True
            now = await self._record(way)
            if now is None:
                await self._forget(way)
                return
            if now.recording != key:
                self._keeping.finish(msgspec.structs.replace(now, recording=key))
                await self._keeping.safe()
                log.info("recording stored", call_sid=now.call_sid, key=key, store=self._objects.name)
            await self._in_thread(spooled.remove)
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

    async def _record(self, way: _Way) -> CallRecord | None:
        """As it is by now; None where it has been deleted. Raises StoreError, and Waiting where that is not known."""
        call_sid = way.spooled.label.call_sid
        if self._keeping.erased(call_sid):
            return None
        known = self._keeping.known(call_sid)
        if known is None:
            known = await trio.to_thread.run_sync(
                self._store.get, call_sid, limiter=self._threads, abandon_on_cancel=True
            )
            ours = way.ours or call_sid in self._keeping.inherited
            if known is None:
                if not ours and not way.seen and way.spooled.age_s < ORPHAN_S:
                    raise Waiting
                return None
            way.seen = True
            left_s = self._summary_s + SUMMARY_S if known.ending else NOBODY_S
            if not ours and time.time() - changed_at(known.revision) < left_s:
                raise Waiting
        return known

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """A disk that hangs is left to itself when the process leaves."""
        return await trio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)


@dataclass
class _Way:
    """How far one recording has come."""

    spooled: Spooled
    ours: bool
    """Of a call of this process."""
    seen: bool = False
    """The store has had its record: where it is not there any more, it has been deleted."""
    put: bool = False
    """The object store has it."""
