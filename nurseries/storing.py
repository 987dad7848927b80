"""Brings one recording from its file to the object store, and its key into the record, however often it takes.

Used by the archive. Each step is durable before the next: the object, the record's key, then the file is removed. What
a crash makes be done twice is done to the same key. A record that has been deleted takes its recording with it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial

import msgspec
import structlog
import trio

from agent.errors import NotKept, StoreError
from agent.keep.ports import CallStore, ObjectStore
from agent.keep.record import CallRecord
from agent.providers.spool import Spooled
from nurseries.keeping import Keeping

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
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._try(spooled, ours=ours)
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

    async def _try(self, spooled: Spooled, *, ours: bool) -> None:
        """Raises StoreError and Waiting, and then all is to be tried again."""
        call_sid, key = spooled.label.call_sid, spooled.key
        record = await self._record(spooled, ours=ours)
        if record is not None and record.recording != key:
            async with self._uploads:
                put = partial(self._objects.put, key, spooled.path, "audio/wav")
                await trio.to_thread.run_sync(put, limiter=self._threads, abandon_on_cancel=True)
            record = await self._record(spooled, ours=ours)
        if record is None:
            log.info("recording deleted, as its record was", call_sid=call_sid)
            with suppress(NotKept):
                await trio.to_thread.run_sync(self._objects.delete, key, limiter=self._threads, abandon_on_cancel=True)
        elif record.recording != key:
            self._keeping.finish(msgspec.structs.replace(record, recording=key))
            await self._keeping.safe()
            log.info("recording stored", call_sid=call_sid, key=key, store=self._objects.name)
        await trio.to_thread.run_sync(spooled.remove, limiter=self._threads)

    async def _record(self, spooled: Spooled, *, ours: bool) -> CallRecord | None:
        """As it is by now; None where it has been deleted. Raises StoreError, and Waiting where that is not known."""
        call_sid = spooled.label.call_sid
        known = self._keeping.known(call_sid)
        if known is None:
            known = await trio.to_thread.run_sync(
                self._store.get, call_sid, limiter=self._threads, abandon_on_cancel=True
            )
            if ours or call_sid in self._keeping.inherited:
                return known
            if known is None and spooled.age_s < ORPHAN_S:
                raise Waiting
            if known is not None:
                left_s = self._summary_s + SUMMARY_S if known.ending else NOBODY_S
                if time.time() - known.revision / 1000 < left_s:
                    raise Waiting
        return known
