"""Finishes what processes that are gone have left: their journals read, each record ended, scored, summed up, kept.

A child of the process, from its start; cancelled, it leaves the rest in this process's own journal, to whoever starts
next. What the store has of a call may be newer than the journal, where the disk had failed: the later one counts.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec
import structlog
import trio

from agent.errors import StoreError
from agent.keep import journal
from agent.keep.ports import CallStore
from agent.keep.record import CallRecord
from agent.keep.tally import tell
from agent.keep.usage import METER, Meter
from agent.providers.journal_file import Leftover, leftovers
from agent.web.state import ProcessState
from nurseries.afterwards import BY_RULES, facts_of, summed_up, taken_up
from nurseries.boundary import contain
from nurseries.keeping import Keeping
from nurseries.parts import Parts

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Records that are finished side by side: each may wait for a model."""

PAUSE_S = 2.0
"""Before a store that is away is asked again what it has."""


async def take_up(folder: Path, keeping: Keeping, store: CallStore, parts: Parts, state: ProcessState) -> None:
    """All that is left in the folder. Always a checkpoint."""
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
    turns = trio.CapacityLimiter(AT_ONCE)
    async with trio.open_nursery() as nursery:
        if parts.purse is not None:
            for name in gone:
                nursery.start_soon(contain, partial(parts.purse.bury, name), "bury", name="bury")
        for record in records.values():
            work = partial(_finish, record, keeping, store, parts, turns)
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
            records[sid] = _newer(records.get(sid), record)
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


async def _finish(
    record: CallRecord, keeping: Keeping, store: CallStore, parts: Parts, turns: trio.CapacityLimiter
) -> None:
    async with turns:
        known = await _known(record.call_sid, store)
        record = taken_up(_newer(known, record))
        log.warning("record of a process that is gone", call_sid=record.call_sid, entries=len(record.entries))
        keeping.update(record)
        meter = Meter(record.usage)
        METER.set(meter)  # this task's own
        try:
            if record.summary_by == BY_RULES:
                record = await summed_up(record, *facts_of(record), parts)
                record = msgspec.structs.replace(record, usage=meter.used)
        finally:
            keeping.finish(record)
            tell(record, parts.prices)
    if parts.purse is not None:
        await parts.purse.adopt(record)


async def _known(call_sid: str, store: CallStore) -> CallRecord | None:
    """What the store has, as soon as it says."""
    while True:
        try:
            return await trio.to_thread.run_sync(store.get, call_sid)
        except StoreError as error:
            log.warning("not known yet what the store has of a call", call_sid=call_sid, error=str(error))
            await trio.sleep(PAUSE_S)


def _newer(one: CallRecord | None, other: CallRecord) -> CallRecord:
    return one if one is not None and one.revision > other.revision else other
