"""Takes up what processes that are gone have left: their journals read, each record held, delivered, and finished once
its call is over.

A child of the process, from its start; cancelled, it leaves the rest in this process's own journal, to whoever starts
next. What the store has of a call may be newer than the journal, where the disk had failed, or another process has gone
on with the call: the later one counts. A call may yet come back, here or elsewhere, as long as its lease says so.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec
import structlog
import trio

from agent.errors import StoreError
from agent.guard.lease import Lease, Stand
from agent.keep import journal
from agent.keep.ports import CallStore
from agent.keep.record import CallRecord, epoch_of
from agent.providers.journal_file import Leftover, leftovers
from agent.web.state import ProcessState
from nurseries.boundary import contain
from nurseries.keep.keeping import Keeping
from nurseries.legs.finishing import finish, in_store, newer
from nurseries.legs.holding import Ask, Holding, InThreads
from nurseries.parts import Parts

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Records that are finished side by side: each may wait for a model."""

LOOK_S = 2.0
"""Between two looks whether a call that was left is over."""


async def take_up(
    folder: Path,
    keeping: Keeping,
    store: CallStore,
    parts: Parts,
    state: ProcessState,
    holding: Holding | None = None,
) -> None:
    """All that is left in the folder; without `holding` each call is over with its process. Always a checkpoint."""
    records, told = await _gather(folder)
    for record in records.values():
        keeping.hold(record)
    gone = {"-".join(left.path.stem.split("-")[:2]) for left, _ in told}
    try:
        await keeping.written()
    except trio.Cancelled:
        for left, _ in told:
            left.release()
        raise
    for left, damaged in told:
        if damaged:
            state.journal_doubt = "an earlier one was damaged"
            log.error("a journal is damaged: the rest of it is told", lines=damaged, kept=str(left.put_aside()))
        else:
            left.remove()
    turns, ask = trio.CapacityLimiter(AT_ONCE), InThreads()
    async with trio.open_nursery() as nursery:
        if parts.purse is not None:
            for name in gone:
                nursery.start_soon(contain, partial(parts.purse.bury, name), "bury", name="bury")
        for record in records.values():
            work = partial(_settle, record, keeping, store, parts, turns, ask, holding)
            nursery.start_soon(contain, work, "take up", name="take up")


async def _gather(folder: Path) -> tuple[dict[str, CallRecord], list[tuple[Leftover, int]]]:
    """The records, and the files with their damaged lines."""
    found, faults = await trio.to_thread.run_sync(leftovers, folder)
    records: dict[str, CallRecord] = {}
    told = []
    for left in found:
        try:
            open_, damaged = await trio.to_thread.run_sync(_read, left)
        except StoreError as error:
            left.release()
            faults.append(str(error))
            continue
        told.append((left, damaged))
        for sid, record in open_.items():
            records[sid] = newer(records.get(sid), record)
    for fault in faults:
        log.error("a journal of an earlier process is not read", error=fault)
    return records, told


def _read(left: Leftover) -> tuple[dict[str, CallRecord], int]:
    """The records in it, and how many lines are damaged: not the last, which a crash may have torn."""
    data = left.read()
    whole, _, torn = data.rpartition(b"\n")
    events, damaged = journal.read(whole)
    if torn:
        events += journal.read(torn)[0]
    return journal.replay(events), damaged


async def _settle(
    left: CallRecord,
    keeping: Keeping,
    store: CallStore,
    parts: Parts,
    turns: trio.CapacityLimiter,
    ask: Ask,
    holding: Holding | None,
) -> None:
    sid = left.call_sid
    held = keeping.known(sid)
    lease: Lease | None = None
    if holding is not None:
        keeping.deliver(sid)
        try:
            lease = await _over(left, held, keeping, holding)
        except _Else:
            return
    async with turns:
        stored = await in_store(sid, store, ask)
        if keeping.known(sid) is not held:
            return
        record, finished = newer(stored, left), stored is not None and bool(stored.ending)
        if stored is not None and finished and lease is not None:
            if not _further(left, stored):
                keeping.drop(sid)
                return
            log.warning("the journal has more of a call than its finished record", call_sid=sid)
            told = {"revision": stored.revision, "ending": stored.ending, "reason": stored.reason}
            record = msgspec.structs.replace(left, **told)
        await finish(record, keeping, parts, counted=finished and lease is not None)


class _Else(Exception):  # noqa: N818  no error
    """The call is somebody else's."""


async def _over(left: CallRecord, held: CallRecord | None, keeping: Keeping, holding: Holding) -> Lease | None:
    """The call's lease once the call is over and its record is nobody's, None where there is none. Raises _Else where
    somebody goes on with the call, or it has been finished here as an orphan."""
    sid = left.call_sid
    while True:
        lease = await _lease(sid, holding)
        if keeping.known(sid) is not held or keeping.goes_on(sid):
            raise _Else
        if lease is None or lease.done:
            return lease
        if lease.epoch > epoch_of(left.revision) and lease.stand is not Stand.OVER:
            keeping.drop(sid)
            log.info("another process has gone on with a call that was left", call_sid=sid, holder=lease.holder)
            raise _Else
        await trio.sleep(LOOK_S)


async def _lease(call_sid: str, holding: Holding) -> Lease | None:
    """As soon as the store says."""
    while True:
        try:
            return await holding.stored(call_sid)
        except StoreError as error:
            log.debug("not known yet who has a call", call_sid=call_sid, error=str(error))
            await trio.sleep(LOOK_S)


def _further(left: CallRecord, stored: CallRecord) -> bool:
    """Whether what a process has left goes on where the record that was finished without it ends."""
    same_legs = len(left.legs) == len(stored.legs)
    return same_legs and (len(left.entries), left.duration_ms) > (len(stored.entries), stored.duration_ms)
