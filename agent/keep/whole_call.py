"""A record of a call that went on without its past, and what the store has of that past: the whole in one. Pure.

The process that goes on could not read the record in time. What it writes has a greater revision, and would replace
what was said before it. Where several legs, one after the other, could not read it, the store may have the past in
parts, told in any order; and one of them that all later ones know nothing of is put between.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import msgspec

from agent.keep.record import CallRecord, Entry
from agent.keep.thread import Leg, Thread
from agent.keep.usage import AMOUNTS, Meter, Row

NEAR_MS = 1500
"""Two legs of one process that begin within this, by two records' clocks, are one."""

SUMS = (
    *("barge_ins", "frames_dropped", "false_interruptions", "backchannels"),
    *("early_transcriptions", "early_discarded"),
)


def has_past(stored: CallRecord | None, record: CallRecord) -> bool:
    """Whether the store has any of the legs that are `missing`."""
    return stored is not None and bool(stored.legs) and stored.missing < record.missing


def collected(
    have: CallRecord | None, stored: CallRecord | None, record: CallRecord, told: CallRecord | None
) -> CallRecord | None:
    """What is known of the past of `record`: what was found earlier, and what the store has now, which may have been
    put together with what its writer had `told`."""
    if stored is None or not has_past(stored, record):
        return have
    if _common(stored, record):
        stored = _without(stored, record, told if told is not None and told.revision == stored.revision else record)
    if not stored.legs or (have is not None and len(_common(stored, have)) == len(stored.legs)):
        return have
    if have is None or len(_common(have, stored)) == len(have.legs):
        return stored
    earlier, later = sorted((have, stored), key=lambda each: each.missing)
    return have if len(earlier.legs) > later.missing - earlier.missing else whole_call(earlier, later)


def all_there(past: CallRecord, record: CallRecord) -> bool:
    """Whether it is all of the legs that are `missing`."""
    return not past.missing and len(past.legs) >= record.missing


def lacks(stored: CallRecord, record: CallRecord) -> bool:
    """Whether those who have gone on with the call know what was before this record's last leg, and not that, or not
    all of it."""
    if not record.legs:
        return False
    last = record.legs[-1]
    if (n := _place(stored, record, last)) is None:
        at = last.began_ms + (_apart_ms(record, stored) or 0)
        moved = any(leg.process == last.process and leg.began_ms > at for leg in stored.legs)  # the clocks differ
        return stored.missing <= record.missing and not moved
    heard = sum(entry.start_ms >= last.began_ms for entry in record.entries)
    return n + 1 < len(stored.legs) and heard > sum(entry.start_ms in _stretch(stored, n) for entry in stored.entries)


def joined(own: CallRecord, stored: CallRecord) -> CallRecord:
    """What the store has of a call, which is newer, with what a process still has of an earlier leg of its own."""
    if has_past(own, stored):
        whole = whole_call(own, stored)
    elif lacks(stored, own):
        whole = put_between(own, stored)
    else:
        return stored
    return msgspec.structs.replace(whole, revision=stored.revision)


def put_between(record: CallRecord, stored: CallRecord) -> CallRecord:
    """`stored`, with the legs of `record` that it lacks. Costs and counts are added where they are of those legs
    alone."""
    last = record.legs[-1]
    if (known := _place(stored, record, last)) is not None:
        there, by_ms, legs = _stretch(stored, known), stored.legs[known].began_ms - last.began_ms, [last]
    else:
        there, by_ms = range(0), max(_apart_ms(record, stored) or 0, 0)
        legs = [leg for leg in record.legs if _place(stored, record, leg) is None]
    began, alone = legs[0].began_ms, known is None and len(legs) == len(record.legs)
    more: dict[str, Any] = {}
    if alone:
        more = {name: getattr(stored, name) + getattr(record, name) for name in SUMS}
        before = sum(turn.said_ms is not None and turn.said_ms < began + by_ms for turn in stored.turns)
        more["turns"] = (*stored.turns[:before], *record.turns, *stored.turns[before:])
        more["usage"] = Meter((*record.usage, *stored.usage)).used
        more["stand_ins"] = (*record.stand_ins, *stored.stand_ins)
    entries = [entry for entry in stored.entries if entry.start_ms not in there]
    entries += [_entry(entry, by_ms) for entry in record.entries if alone or entry.start_ms >= began]
    left = [leg for n, leg in enumerate(stored.legs) if n != known]
    return msgspec.structs.replace(
        stored,
        entries=tuple(sorted(entries, key=lambda entry: entry.start_ms)),
        facts=record.facts | stored.facts,
        legs=tuple(sorted((*left, *(_leg(leg, by_ms) for leg in legs)), key=lambda leg: leg.began_ms)),
        **more,
    )


def _place(stored: CallRecord, record: CallRecord, leg: Leg) -> int | None:
    """Which of the stored record's legs this one is: of the same process, and begun at the same time."""
    apart = _apart_ms(record, stored) or 0
    away = [(abs(leg.began_ms + apart - each.began_ms), n) for n, each in enumerate(stored.legs)]
    near = [found for found in away if stored.legs[found[1]].process == leg.process and found[0] <= NEAR_MS]
    return min(near)[1] if near else None


def _common(stored: CallRecord, record: CallRecord) -> set[int]:
    """Which of its legs the other has as well."""
    return {n for leg in record.legs if (n := _place(stored, record, leg)) is not None}


def _stretch(stored: CallRecord, n: int) -> range:
    """From when to when it has this leg, which is not the last."""
    return range(stored.legs[n].began_ms, stored.legs[n + 1].began_ms)


def _without(stored: CallRecord, record: CallRecord, told: CallRecord) -> CallRecord:
    """What was put before what its writer had told."""
    first = min(_common(stored, record))
    began = stored.legs[first].began_ms
    sums: dict[str, Any] = {name: max(getattr(stored, name) - getattr(told, name), 0) for name in SUMS}
    meter = Meter(stored.usage)
    for used in told.usage:
        meter.book(Row(-1, used.part, used.model, used.estimated), {name: getattr(used, name) for name in AMOUNTS}, -1)
    entries = tuple(entry for entry in stored.entries if entry.start_ms < began)
    thread = stored.thread and msgspec.structs.replace(stored.thread, turns=stored.thread.turns[: len(entries)])
    return msgspec.structs.replace(
        stored,
        entries=entries,
        turns=tuple(takewhile(lambda turn: turn.said_ms is None or turn.said_ms < began, stored.turns)),
        stand_ins=tuple(each for each in stored.stand_ins if each.at_ms < began),
        usage=meter.used,
        legs=stored.legs[:first],
        thread=thread,
        **sums,
    )


def whole_call(past: CallRecord, record: CallRecord) -> CallRecord:
    """`record` behind its past, on the clock of the call's beginning. Where its writer is gone, and the store has had
    both before, that stands: it is a moment behind."""
    both = bool(record.legs) and _place(past, record, record.legs[-1]) is not None
    if both and len(past.legs) > record.missing - past.missing:
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
    between = _apart_ms(record, past)
    return latest if between is None else max(between, latest)


def _apart_ms(record: CallRecord, past: CallRecord) -> int | None:
    """Between their beginnings; None: they are of no known time."""
    try:
        between = datetime.fromisoformat(record.started_at) - datetime.fromisoformat(past.started_at)
    except (ValueError, TypeError):
        return None
    return round(between / timedelta(milliseconds=1))


def _entry(entry: Entry, by_ms: int) -> Entry:
    return msgspec.structs.replace(entry, start_ms=entry.start_ms + by_ms, end_ms=entry.end_ms + by_ms)


def _leg(leg: Leg, by_ms: int) -> Leg:
    ended = None if leg.ended_ms is None else leg.ended_ms + by_ms
    return msgspec.structs.replace(leg, began_ms=leg.began_ms + by_ms, ended_ms=ended, later_ms=leg.later_ms + by_ms)


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
