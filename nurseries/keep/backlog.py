"""What the store does not have yet: the newest state of each record waits, and is delivered in the order of change.

Run by keeping. At least once: a write whose answer was lost is done again, and a record's revision keeps the store from
going back to an older state.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.errors import StoreError, Unreadable
from agent.keep.derive import derived
from agent.keep.ports import CallStore
from agent.keep.prices import Prices
from agent.keep.record import CallRecord
from agent.keep.whole_call import has_past, whole_call

log = structlog.get_logger(__name__)

BATCH = 64
"""Records given to the store at once, at most; after a failure one, so that one that is refused holds up no other."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
"""Before a store that is away is asked again."""


PASTS = 1000
"""Calls whose past is kept in mind: the newest. That the store was away as one went on is rare."""


class Backlog:
    """One process's."""

    def __init__(self, store: CallStore, stored: Callable[[CallRecord], None], prices: Prices | None = None) -> None:
        """`stored` is told of each record that the store has. Not a checkpoint."""
        self._store = store
        self._prices = prices
        self._stored = stored
        self._due: dict[str, CallRecord] = {}
        self._since: dict[str, float] = {}
        """When the oldest change that the store does not have was made to each."""
        self._pasts: dict[tuple[str, int], CallRecord] = {}
        """What the store had of a call, before so many legs of it were gone on from without that."""
        self._most = BATCH
        self._away = False
        self._more = ParkingLot()
        self._progress = ParkingLot()
        self._threads = trio.CapacityLimiter(1)

    def add(self, record: CallRecord) -> None:
        """The store is to have this, instead of what is waiting of the same call. Not a checkpoint."""
        self._due[record.call_sid] = record
        self._since.setdefault(record.call_sid, trio.current_time())
        self._more.unpark_all()

    def has(self, call_sid: str) -> bool:
        """Whether the store does not have all of this call. Not a checkpoint."""
        return call_sid in self._due

    @property
    def waiting(self) -> int:
        """Records that the store does not have yet."""
        return len(self._due)

    @property
    def behind_s(self) -> float:
        """For how long the oldest change that the store does not have has been waiting."""
        return max((trio.current_time() - since for since in self._since.values()), default=0.0)

    async def delivered(self, call_sid: str = "") -> None:
        """Wait until the store has everything, or everything of this call. Always a checkpoint."""
        await trio.lowlevel.checkpoint()
        while call_sid in self._due if call_sid else self._due:
            await self._progress.park()

    async def run(self) -> None:
        """Deliver until cancelled; a write that is under way then is waited for."""
        pause = FIRST_PAUSE_S
        while True:
            while not self._due:
                await self._more.park()
            if await self._save(list(self._due.values())[: self._most]):
                pause = FIRST_PAUSE_S
            else:
                await trio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _save(self, batch: list[CallRecord]) -> bool:
        saved, again = False, frozenset[str]()
        try:
            # Never abandoned: the store bounds it.
            again = await trio.to_thread.run_sync(self._deliver, batch, limiter=self._threads)
            saved = True
        except StoreError as error:
            if not self._away:
                log.warning("the store does not take records: they wait", waiting=len(self._due), error=str(error))
                self._away = True
        finally:
            self._most = min(2 * self._most, BATCH) if saved else 1
            done = [record for record in batch if saved and record.call_sid not in again]
            for record in done:
                self._since.pop(record.call_sid, None)
            for record in batch:
                if self._due.get(record.call_sid) is record:  # else a newer one waits, or none
                    del self._due[record.call_sid]
                    self._due |= {} if record in done else {record.call_sid: record}  # behind the others
                elif record in done and record.call_sid in self._due:
                    self._since[record.call_sid] = trio.current_time()  # the newer one's, within a write
        for record in done:
            self._stored(record)
        if self._away and not self._due:
            log.info("the store has all records again")
            self._away = False
        self._progress.unpark_all()
        return saved and not again

    def _deliver(self, batch: list[CallRecord]) -> frozenset[str]:
        """Returns the calls that are to be looked at again."""
        kept_out = self._store.save(*(derived(self._whole(record), self._prices) for record in batch))
        return frozenset(record.call_sid for record in batch if record.call_sid in kept_out and self._puts_past(record))

    def _puts_past(self, record: CallRecord) -> bool:
        """Where another process has gone on with the call, could not read this, and has told the store before this one
        could: have the store put it before that. Whoever goes on finds it with the next change, and a call that is over
        has it at once. True where it was put: what was being written meanwhile may have replaced it."""
        try:
            stored = self._store.get(record.call_sid)
        except Unreadable:
            return False
        if stored is None or not has_past(record, stored):
            return False
        past = whole_call(record, stored) if stored.ending else record
        self._store.save(derived(msgspec.structs.replace(past, revision=stored.revision), self._prices))
        return True

    def _whole(self, record: CallRecord) -> CallRecord:
        """With what was said before it, where its process could not read that when it went on with the call."""
        if not record.missing:
            return record
        which = record.call_sid, record.missing
        if which not in self._pasts:
            try:
                stored = self._store.get(record.call_sid)
            except Unreadable:
                return record
            if stored is None or not has_past(stored, record):
                return record  # it may still come
            self._pasts[which] = stored
            if len(self._pasts) > PASTS:
                del self._pasts[next(iter(self._pasts))]
        return whole_call(self._pasts[which], record)
