"""What the store does not have yet: the newest state of each record waits, and is delivered in the order of change.

Run by keeping. At least once: a write whose answer was lost is done again, and a record's revision keeps the store from
going back to an older state.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import TypeVar

import msgspec
import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.errors import StoreError, Unreadable
from agent.keep.derive import derived
from agent.keep.ports import CallStore
from agent.keep.prices import Prices
from agent.keep.record import CallRecord
from agent.keep.whole_call import all_there, collected, has_past, lacks, put_between, whole_call

log = structlog.get_logger(__name__)

K = TypeVar("K", bound=Hashable)

BATCH = 64
"""Records given to the store at once, at most; after a failure one, so that one that is refused holds up no other."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
"""Before a store that is away is asked again."""

PUT_S, OVER_S = 0.5, 5.0
"""Before it is looked whether what was put before, or between, others' writing has stayed; and whether the call is over
that goes on without what this process has of it."""

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
        self._told: dict[str, CallRecord] = {}
        """Of calls that went on without their past: what the store was told of them last."""
        self._between: set[str] = set()
        """Calls of which something is put between what others have told."""
        self._later: dict[str, float] = {}
        """Calls that are not to be looked at again before then, on trio's clock."""
        self._most = BATCH
        self._away = False
        self._more = ParkingLot()
        self._progress = ParkingLot()
        self._threads = trio.CapacityLimiter(1)

    def add(self, record: CallRecord) -> None:
        """The store is to have this, instead of what is waiting of the same call. Not a checkpoint."""
        self._due[record.call_sid] = record
        self._later.pop(record.call_sid, None)
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
            while not (batch := self._next()):
                with trio.move_on_at(min(self._later.values(), default=float("inf"))):
                    await self._more.park()
            if await self._save(batch):
                pause = FIRST_PAUSE_S
            else:
                await trio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)

    def _next(self) -> list[CallRecord]:
        """What the store is to be given now."""
        now = trio.current_time()
        self._later = {sid: at for sid, at in self._later.items() if at > now and sid in self._due}
        return [record for sid, record in self._due.items() if sid not in self._later][: self._most]

    async def _save(self, batch: list[CallRecord]) -> bool:
        saved, again = False, dict[str, float]()
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
            self._note(batch, done, again)
        for record in done:
            self._stored(record)
        if self._away and not self._due:
            log.info("the store has all records again")
            self._away = False
        self._progress.unpark_all()
        return saved

    def _note(self, batch: list[CallRecord], done: list[CallRecord], again: dict[str, float]) -> None:
        """What is waiting now."""
        now = trio.current_time()
        for record in done:
            self._since.pop(record.call_sid, None)
            self._between.discard(record.call_sid)
            if record.missing:
                _remember(self._told, record.call_sid, record)
        for record in batch:
            if self._due.get(record.call_sid) is record:  # else a newer one waits, or none
                if record.call_sid in again:  # the store has said why: nothing is behind
                    self._since[record.call_sid] = now
                    self._later[record.call_sid] = now + again[record.call_sid]
                del self._due[record.call_sid]
                self._due |= {} if record in done else {record.call_sid: record}  # behind the others
            elif record in done and record.call_sid in self._due:
                self._since[record.call_sid] = now  # the newer one's, within a write

    def _deliver(self, batch: list[CallRecord]) -> dict[str, float]:
        """Returns the calls that are to be looked at again, and in how many seconds."""
        kept_out = self._store.save(*(derived(self._whole(record), self._prices) for record in batch))
        looked_at = {record.call_sid: self._puts_past(record) for record in batch if record.call_sid in kept_out}
        return {call_sid: pause for call_sid, pause in looked_at.items() if pause}

    def _puts_past(self, record: CallRecord) -> float:
        """Where another process has gone on with the call, could not read this, and has told the store before this one
        could: have the store put it before that; whoever goes on finds it there with the next change. Or between, where
        they know what was before this, and not this: then it is put there until the call is over, as they do not look
        for it. In how many seconds it is to be looked at again, if at all: what was put, what was being written
        meanwhile may have replaced."""
        try:
            stored = self._store.get(record.call_sid)
        except Unreadable:
            return 0
        if stored is None:
            return 0
        between = lacks(stored, record)
        if has_past(record, stored):
            past = whole_call(record, stored)
        elif between:
            past = put_between(record, stored)
            self._between.add(record.call_sid)
        else:
            return OVER_S if record.call_sid in self._between and not stored.ending else 0
        self._store.save(derived(msgspec.structs.replace(past, revision=stored.revision), self._prices))
        return OVER_S if between and not stored.ending else PUT_S

    def _whole(self, record: CallRecord) -> CallRecord:
        """With what was said before it, where its process could not read that when it went on with the call."""
        if not record.missing:
            return record
        which = record.call_sid, record.missing
        past = self._pasts.get(which)
        if past is None or not all_there(past, record):
            with suppress(Unreadable):
                stored, told = self._store.get(record.call_sid), self._told.get(record.call_sid)
                past = collected(past, stored, record, told)
            if past is None:
                return record  # it may still come
            _remember(self._pasts, which, past)
        return whole_call(past, record)


def _remember(known: dict[K, CallRecord], which: K, record: CallRecord) -> None:
    known[which] = record
    if len(known) > PASTS:
        del known[next(iter(known))]
