"""Erases what is kept of one person's calls: sounds before records, so that no sound is left that nobody knows of.

Synchronous, for the command line, and for the server's threads: it waits for stores, which bound each thing they do.
What cannot be erased is told, and is found again by whoever asks again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import structlog

from agent.config import Settings
from agent.errors import NotKept, StoreError
from agent.guard.lease import LeaseStore
from agent.guard.ports import OrderStore
from agent.keep.erasure import Erased, asked_line, audit_line, goes_on, of_person
from agent.keep.ports import CallStore, ObjectStore
from agent.keep.query import Place, Query, place_of
from agent.keep.record import CallRecord, sounds_of, with_pieces
from agent.providers.audit_file import AuditFile
from agent.providers.left_files import erase_left, still_told
from agent.replay.file import of_call

log = structlog.get_logger(__name__)

LATE = "more than could be erased in the time there is"

PAGE = 200
"""Records in memory at once."""

ELSEWHERE = (
    "erase on the one that has it under DATA_DIR/recordings; where its disk is gone, with "
    "calling-agent calls delete --sounds-gone"
)


class Erasing:
    """One store's, and one data folder's."""

    def __init__(
        self,
        store: CallStore,
        objects: ObjectStore,
        settings: Settings,
        *,
        lost: bool = False,
        orders: OrderStore | None = None,
        leases: LeaseStore | None = None,
    ) -> None:
        """`lost`: a sound that is not here is nowhere, for its disk is gone."""
        self._leases = leases
        self._orders = orders
        self._store = store
        self._objects = objects
        self._apart = settings.sounds_apart and not lost
        self._erased_here: set[str] = set()
        """Keys, for whoever asks again where a record could not be erased after its sound."""
        self._data_dir: Path = settings.DATA_DIR
        self._longest_s = settings.CALL_MAX_MINUTES * 60

    def audit(self, number: str, who: str) -> AuditFile:
        """With the line of what is asked. Raises StoreError: what cannot be told is not done."""
        audit = AuditFile(self._data_dir / "audit.log")
        try:
            audit.append(asked_line(number, who=who, at=datetime.now(UTC)))
        except BaseException:
            audit.close()
            raise
        return audit

    def erase(
        self, result: Erased, held: Mapping[str, CallRecord], on: set[str], within_s: float = math.inf
    ) -> set[str]:
        """Erase what is kept of `result.number`; returns the calls of which nothing may be kept. What becomes of it is
        in `result`, also where this is interrupted. `held` are records that the process has in its own memory, of which
        those of `on` go on."""
        until = time.monotonic() + within_s
        work = _Work(self._store, self._objects, result, on & held.keys(), self._erased_here, until)
        try:
            work.erase([self._with_sounds(record) for record in held.values() if record.call_sid not in on])
            work.apart = self._apart
            after: Place | None = None
            while True:
                unread: dict[str, CallRecord | None] = {}
                page = self._store.find(Query(number=result.number), PAGE, after, unread.__setitem__)
                for call_sid, outline in unread.items():
                    if outline is None:
                        work.fail(f"the record of {call_sid}, which cannot be read, and may be theirs")
                now = datetime.now(UTC)
                outlines = [outline for outline in unread.values() if outline is not None]
                work.erase([record for record in page + outlines if not work.goes_on(record, now, self._longest_s)])
                if not page:
                    break
                after = place_of(page[-1])
                if work.late:
                    work.fail(LATE)
                    break
        except StoreError as error:
            work.fail(str(error))
        work.apart = False
        left, faults = erase_left(self._data_dir, work.may_go, work.gone)
        result.leftovers += len(left)
        for fault in faults:
            work.fail(fault)
        try:
            work.forget(left)
        except StoreError as error:
            work.fail(str(error))
        held_on = {sid for sid in work.on if sid not in held or of_person(held[sid], result.number)}
        result.goes_on = len(held_on - work.gone)
        self._erase_orders(result, work)
        self._erase_leases(work)
        self._erase_sessions(work)
        return work.gone

    def _erase_leases(self, work: _Work) -> None:
        """They name nobody, but that there was such a call."""
        try:
            if self._leases is not None and work.gone:
                self._leases.erase(*work.gone)
        except StoreError as error:
            work.fail(str(error))

    def _erase_sessions(self, work: _Work) -> None:
        """What was recorded here of these calls, to be played again."""
        for path in (path for sid in sorted(work.gone) for path in of_call(self._data_dir / "sessions", sid)):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                work.fail(f"cannot remove {path}: {error.strerror or error}")

    def _erase_orders(self, result: Erased, work: _Work) -> None:
        """Last: a call of theirs that goes on keeps its order, and one that has just ended has none."""
        if self._orders is None:
            return
        try:
            gone, left = self._orders.erase(result.number)
        except StoreError as error:
            work.fail(str(error))
            return
        result.orders += gone
        result.goes_on = max(result.goes_on, left)

    def _with_sounds(self, record: CallRecord) -> CallRecord:
        """What the process remembers of a call does not say what is stored of its sound."""
        try:
            kept = self._store.get(record.call_sid)
        except StoreError:  # told where it is deleted
            return record
        return record if kept is None else with_pieces(record, kept.pieces)

    def tell(self, audit: AuditFile, erased: Erased, gone: set[str], who: str) -> None:
        """See what other processes' journals still tell, and write the audit line, and the log's."""
        erased.elsewhere = still_told(self._data_dir, gone) if gone else 0
        try:
            audit.append(audit_line(erased, who=who, at=datetime.now(UTC)))
        except StoreError as error:
            erased.failed.append(str(error))
        log.warning(
            "a caller's records are erased",
            who=who,
            number=erased.number,
            records=erased.records,
            recordings=erased.recordings,
            leftovers=erased.leftovers,
            goes_on=erased.goes_on,
            elsewhere=erased.elsewhere,
            failed=erased.failed,
        )


class _Work:
    """One erasure."""

    def __init__(
        self,
        store: CallStore,
        objects: ObjectStore,
        result: Erased,
        on: set[str],
        erased_here: set[str],
        until: float,
    ) -> None:
        """`until`, on the monotonic clock, no sound more is begun with: each may take as long as a store's limit."""
        self.result = result
        self.apart = False
        """The records that come may have their sounds on another machine."""
        self.on = on
        """Calls that go on."""
        self.gone: set[str] = set()
        self._store = store
        self._objects = objects
        self._silent: set[str] = set()
        """Keys of sounds that are gone."""
        self._erased_here = erased_here
        self._until = until

    @property
    def late(self) -> bool:
        return time.monotonic() > self._until

    def fail(self, what: str) -> None:
        if what not in self.result.failed:
            self.result.failed.append(what)

    def goes_on(self, record: CallRecord, now: datetime, longest_s: float) -> bool:
        """Whether the call may not be erased yet."""
        if record.call_sid in self.on:
            return True
        on = of_person(record, self.result.number) and goes_on(record, now, longest_s)
        if on:
            self.on.add(record.call_sid)
        return on

    def erase(self, records: Iterable[CallRecord]) -> None:
        """Those of them that are the person's. Raises StoreError."""
        self.forget({record.call_sid for record in records if self.may_go(record)})

    def forget(self, call_sids: set[str]) -> None:
        """For good: a store that never had them must not get them later; nor sounds that were stored meanwhile. Raises
        StoreError."""
        self.gone |= call_sids
        sounds: list[str] = []
        if call_sids:
            self.result.records += self._store.delete(*call_sids, sound=sounds.append)
        for key in sounds:
            if key not in self._silent:
                self._silence(key, "a call that is erased")

    def may_go(self, record: CallRecord) -> bool:
        """Whether it is the person's, and its sound is gone."""
        if not of_person(record, self.result.number):
            return False
        left = [key for key in sounds_of(record) if key not in self._silent]
        if left and self.late:
            self.fail(LATE)
            return False
        gone = [self._silence(key, record.call_sid) for key in left]
        return all(gone)

    def _silence(self, key: str, whose: str) -> bool:
        """Whether this sound is gone."""
        try:
            if self.apart and key not in self._erased_here:
                self._objects.size(key)
            self._objects.delete(key)
        except NotKept:
            self.fail(f"the sound of {whose}, which is not on this machine: {ELSEWHERE}")
            return False
        except StoreError as error:
            self.fail(f"the sound of {whose}: {error}")
            return False
        self._silent.add(key)
        if self.apart:
            self._erased_here.add(key)
        self.result.recordings += 1
        return True
