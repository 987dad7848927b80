"""The documents of MongoDB's collection of calls: a record, and beside it what finds it; or a call's tombstone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
import pymongo
from bson.int64 import Int64
from pymongo import UpdateOne
from pymongo.collection import Collection

from agent.keep.derive import derived
from agent.keep.piece import Piece
from agent.keep.ports import TOMBSTONE_S
from agent.keep.query import Sort, rank
from agent.keep.record import CallRecord
from agent.keep.terms import terms

T = TypeVar("T")

AT, TERMS, BEGAN, DELETED, PIECES = "_at", "_terms", "_began", "_deleted", "_pieces"
"""The order of time (see `rank`), what it is found by (see `terms`), when it began as a date, when it was deleted; and
the pieces of its sound by leg, which a save leaves alone."""

FIGURES: dict[Sort, str] = {"score": "lead.score", "longest": "duration_ms", "cost": "cost_usd"}
"""Where a record has what calls are in order of, where that is not time."""

THERE = {DELETED: {"$exists": False}}
"""Of a record that is none of a deleted call."""

OURS = {"_id": 0, TERMS: 0, BEGAN: 0}

RETENTION = "retention"
"""The index by which the server removes calls."""

COUNTED = 2000
"""Records that have a term: more are many."""

COMPARED = 12
"""Terms of a query that are counted."""

NEVER = Int64(2**63 - 1)
"""A tombstone's revision: no record has a later one."""

BATCH = 200


class Do(Protocol):
    """Bounds work, and turns what the driver raises into StoreError."""

    def __call__(self, work: Callable[[], T]) -> T: ...


def document(record: CallRecord) -> dict[str, Any]:
    own = msgspec.to_builtins(record)
    del own["pieces"]
    return {**own, **_beside(record)}


def pieces(document: Mapping[str, Any]) -> list[Piece]:
    """Of the call's sound. Raises msgspec.ValidationError."""
    return msgspec.convert(list(document.get(PIECES, {}).values()), list[Piece])


def tombstone(call_sid: str, now: datetime) -> dict[str, Any]:
    return {"call_sid": call_sid, "revision": NEVER, DELETED: now}


def index(calls: Collection[dict[str, Any]]) -> None:
    """Make what there is not yet. Goes on in the server where it takes longer than anybody waits for."""
    calls.create_index([(AT, pymongo.DESCENDING)])
    calls.create_index([(TERMS, pymongo.ASCENDING), (AT, pymongo.DESCENDING)])
    for field in FIGURES.values():
        calls.create_index([(field, pymongo.DESCENDING), (AT, pymongo.DESCENDING)])
    calls.create_index(DELETED, sparse=True, expireAfterSeconds=int(TOMBSTONE_S))


def expire(calls: Collection[dict[str, Any]], days: int | None) -> None:
    """Have the server remove calls so long after they began; None: not any more."""
    known = calls.index_information().get(RETENTION)
    if days is None:
        if known is not None:
            calls.drop_index(RETENTION)
        return
    seconds = days * 86_400
    if known is None:
        calls.create_index(BEGAN, name=RETENTION, expireAfterSeconds=seconds)
    elif known.get("expireAfterSeconds") != seconds:
        calls.database.command("collMod", calls.name, index={"name": RETENTION, "expireAfterSeconds": seconds})


def bring_forward(calls: Collection[dict[str, Any]], do: Do) -> None:
    """Give records of older versions what they are found by. A record that is saved meanwhile has it already."""
    left = {AT: None, DELETED: None}
    while found := do(lambda: list(calls.find(left, {TERMS: 0}).limit(BATCH))):
        writes = [
            UpdateOne({"_id": each["_id"], "revision": each.get("revision")}, {"$set": _of_old(each)}) for each in found
        ]
        do(partial(calls.bulk_write, writes, ordered=False))


def _of_old(each: dict[str, Any]) -> dict[str, Any]:
    try:
        return document(derived(msgspec.convert(each, CallRecord)))
    except msgspec.ValidationError:  # it is there, and cannot be read
        return {AT: Int64(rank(str(each.get("started_at", ""))))}


def _beside(record: CallRecord) -> dict[str, Any]:
    beside: dict[str, Any] = {AT: Int64(rank(record.started_at)), TERMS: sorted(terms(record))}
    try:
        began = datetime.fromisoformat(record.started_at)
        beside[BEGAN] = began.astimezone(UTC) if began.tzinfo else began.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass  # of no known time: it is kept
    return beside
