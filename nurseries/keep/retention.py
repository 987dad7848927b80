"""Removes what is older than records are kept: records, recordings, journals and files that nobody has taken up.

A child of the process, for as long as it lives. It works in small pieces with pauses between them, so that no call's
record waits for it; what fails is tried again the next time.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import structlog
import trio

from agent.errors import StoreError
from agent.guard.ports import OrderStore
from agent.keep.keys import is_recording
from agent.keep.ports import CallStore, ObjectStore
from agent.providers.old_files import SESSIONS, remove_old

log = structlog.get_logger(__name__)

EVERY_S = 3600.0

BATCH = 200
"""Records or recordings at once: a few hundredths of a second."""

KEPT = "the store is not told yet that records are kept for ever"
"""Where nothing is too old, it may still have a time from a start before."""

PAUSE_S = 0.1
"""Between two batches."""

DAY_S = 86_400.0

SESSION_DAYS = 7
"""For calls that were recorded to be played again, at most: they are for who looks into a fault, and a minute takes
megabytes."""


class Retention:
    """One process's."""

    def __init__(
        self,
        store: CallStore,
        objects: ObjectStore | None,
        data_dir: Path,
        days: int | None,
        orders: OrderStore | None = None,
    ) -> None:
        """`days` None: everything is kept for ever."""
        self._store = store
        self._objects = objects
        self._data_dir = data_dir
        self._orders = orders
        self._days = days
        self._threads = trio.CapacityLimiter(1)

    async def run(self) -> None:
        """Once at the start, and then every hour, until cancelled."""
        while True:
            await self.once()
            await trio.sleep(EVERY_S)

    async def once(self) -> None:
        """All that is old by now. Always a checkpoint; cancelled, it leaves the rest to the next time."""
        await self._all("records", lambda: self._store.expire(self._days, BATCH))
        await self._scrub()
        days = SESSION_DAYS if self._days is None else min(self._days, SESSION_DAYS)
        await self._all("sessions", lambda: remove_old(self._data_dir, days * DAY_S, SESSIONS), once=True)
        if self._days is None:
            return
        if (orders := self._orders) is not None:
            await self._all("orders", lambda: orders.expire(self._days, BATCH))
        seconds = self._days * DAY_S
        await self._all("files", lambda: remove_old(self._data_dir, seconds), once=True)
        if (objects := self._objects) is not None:
            await self._all("recordings", lambda: _remove_some(objects, seconds))

    async def _scrub(self) -> None:
        """Have what deletions left in the store's files overwritten, in pieces that it chooses."""
        try:
            more = True
            while more:
                more = await trio.to_thread.run_sync(self._store.scrub, limiter=self._threads)
                await trio.sleep(PAUSE_S)
        except StoreError as error:
            log.warning("what was deleted is not overwritten yet", error=str(error))

    async def _all(self, what: str, some: Callable[[], int], *, once: bool = False) -> None:
        """Until less than a batch was left to remove."""
        removed = 0
        try:
            while True:
                # Left to itself at the end: what it has not removed, the next one does; a store may hang.
                count = await trio.to_thread.run_sync(some, limiter=self._threads, abandon_on_cancel=True)
                removed += count
                if once or count < BATCH:
                    break
                await trio.sleep(PAUSE_S)
        except StoreError as error:
            why = "what is too old is not removed yet" if self._days or what != "records" else KEPT
            log.warning(why, what=what, error=str(error))
        if removed:
            log.info("removed what is too old", what=what, count=removed, days=self._days)


def _remove_some(objects: ObjectStore, seconds: float) -> int:
    """A bucket may hold other things as well: those stay."""
    keys = list(islice(filter(is_recording, objects.older(seconds)), BATCH))
    for key in keys:
        objects.delete(key)
    return len(keys)
