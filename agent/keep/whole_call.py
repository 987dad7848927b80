"""A record of a call that went on without its past, and what the store has of that past: the whole in one. Pure.

The process that goes on could not read the record in time. What it writes has a greater revision, and would replace
what was said before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from agent.keep.record import CallRecord, Entry
from agent.keep.thread import Leg, Thread
from agent.keep.usage import Meter

SUMS = (
    *("barge_ins", "frames_dropped", "false_interruptions", "backchannels"),
    *("early_transcriptions", "early_discarded"),
)


def has_past(stored: CallRecord | None, record: CallRecord) -> bool:
    """Whether the store has any of the legs that are `missing`."""
    return stored is not None and bool(stored.legs) and stored.missing < record.missing


def whole_call(past: CallRecord, record: CallRecord) -> CallRecord:
    """`record` behind its past, on the clock of the call's beginning. Where its writer is gone, and the store has had
    both before, that stands: it is a moment behind."""
    if len(past.legs) > record.missing - past.missing:
        news = ("revision", "ending", "reason", "summary", "summary_by", "lead", "transferred_to", "thread")
        return msgspec.structs.replace(past, **{name: getattr(record, name) for name in news})
    by_ms = _later_ms(past, record)
    length = round(by_ms) + record.duration_ms
    sums: dict[str, Any] = {name: getattr(past, name) + getattr(record, name) for name in SUMS}
    return msgspec.structs.replace(
        record,
        started_at=past.started_at,
        duration_ms=length if record.entries or record.ending else past.duration_ms,
        entries=(*past.entries, *(_entry(entry, by_ms) for entry in record.entries)),
        turns=(*past.turns, *record.turns),
        facts=past.facts | record.facts,
        usage=Meter((*past.usage, *record.usage)).used,
        stand_ins=(*past.stand_ins, *record.stand_ins),
        purpose=record.purpose or past.purpose,
        variables=past.variables | record.variables,
        legs=(*past.legs, *(_leg(leg, by_ms) for leg in record.legs)),
        thread=record.thread and _thread(record.thread, past, len(record.entries)),
        missing=past.missing,
        **sums,
    )


def _later_ms(past: CallRecord, record: CallRecord) -> int:
    """How much later the record's clock began; not before the end of what had happened."""
    latest = max([*(entry.end_ms for entry in past.entries), *(leg.ended_ms or leg.began_ms for leg in past.legs)])
    try:
        between = datetime.fromisoformat(record.started_at) - datetime.fromisoformat(past.started_at)
    except (ValueError, TypeError):  # of no known time
        return latest
    return max(round(between / timedelta(milliseconds=1)), latest)


def _entry(entry: Entry, by_ms: int) -> Entry:
    return msgspec.structs.replace(entry, start_ms=entry.start_ms + by_ms, end_ms=entry.end_ms + by_ms)


def _leg(leg: Leg, by_ms: int) -> Leg:
    ended = None if leg.ended_ms is None else leg.ended_ms + by_ms
    return msgspec.structs.replace(leg, began_ms=leg.began_ms + by_ms, ended_ms=ended)


def _thread(thread: Thread, past: CallRecord, entries: int) -> Thread:
    before = past.thread or Thread()
    first = before.turn
    turns = (*_filled(before.turns, len(past.entries)), *(n and n + first for n in _filled(thread.turns, entries)))
    told = {fact.name: fact for fact in (*before.facts, *thread.facts)}
    return msgspec.structs.replace(
        thread,
        announced=thread.announced or before.announced,
        disclosures=thread.disclosures + before.disclosures,
        turns=turns,
        turn=thread.turn + first,
        notices=(*before.notices, *(n + first for n in thread.notices)),
        facts=tuple(told.values()),
    )


def _filled(turns: Sequence[int], length: int) -> tuple[int, ...]:
    return (*turns[:length], *[0] * (length - len(turns)))
