"""Call records in MongoDB: the store that many processes share, chosen by MONGODB_URI.

pymongo in threads; every operation has a deadline of its own, writes are idempotent (one document per call, all of it
set but the pieces of its sound) and retried by the driver. A deleted call leaves a document that is newer than any
record: no transaction is needed, so a standalone server does as well as a replica set.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import msgspec
import pymongo
import structlog
from pymongo import ReadPreference, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from agent.errors import NotKept, StoreError, Unreadable
from agent.keep.clean import clean_place, clean_query, clean_text
from agent.keep.piece import Piece
from agent.keep.ports import HAND_OVER_S, Unread
from agent.keep.query import Place, Query, Sort, page, place_of, span
from agent.keep.record import CallRecord, Outline, outlined, with_pieces
from agent.keep.terms import asked
from agent.providers import mongo_figures as figures
from agent.providers import mongo_schema as schema
from agent.providers.mongo_database import Mongo

log = structlog.get_logger(__name__)

T = TypeVar("T")

DUPLICATE = 11000
"""The server's code for a second document of one call."""

AT_WORK = "its indexes are being made; ask again"
"""Of a store that is not ready to be searched."""


class MongoStore:
    """The CallStore port on one database."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._calls = mongo.database["calls"]
        # Read where it was written, whatever the URI prefers: the carrier asks half a second later, and whoever goes on
        # with a call must find its last words.
        self._newest = mongo.database.get_collection("calls", read_preference=ReadPreference.PRIMARY)
        self._hand_overs = mongo.database.get_collection("hand_overs", read_preference=ReadPreference.PRIMARY)
        self._unique = False
        self._prepared = False
        self._preparing = threading.Lock()

    @property
    def name(self) -> str:
        return self._mongo.name

    def save(self, *records: CallRecord) -> list[str]:
        # A write that was given up may still reach a server that was only stopped: it must not undo a later one.
        writes = [
            UpdateOne(
                {"call_sid": record.call_sid, "revision": {"$not": {"$gt": record.revision}}, **schema.THERE},
                {"$set": schema.document(record)},
                upsert=True,
            )
            for record in records
        ]
        return [records[index].call_sid for index in self._do(lambda: self._write(writes))]

    def get(self, call_sid: str) -> CallRecord | None:
        asked_for = {"call_sid": clean_text(call_sid), schema.DELETED: None}
        document = self._do(lambda: self._newest.find_one(asked_for, schema.OURS))
        return None if document is None else self._read(document)

    def find(
        self, query: Query, limit: int, after: Place | None = None, unread: Unread | None = None
    ) -> list[CallRecord]:
        query = clean_query(query)
        after = None if after is None else clean_place(after)
        groups = asked(query)
        if groups is None or limit < 1:
            return []
        if not self._prepared:
            self._prepare(patient=False)
        least, most = span(query, after)
        conditions: dict[str, Any] = {schema.AT: {"$gte": least, "$lte": most}}
        size = min(limit, 1000) + 2

        def read() -> list[CallRecord]:
            if groups:
                conditions["$and"] = [{schema.TERMS: {"$in": group}} for group in self._rarest_first(groups)]
            if query.sort in schema.FIGURES:
                cursors = figures.cursors(self._calls, query, conditions, after, size)
                return page(
                    (each for one in cursors for each in self._readable(one, unread, query.sort)), query, limit, after
                )
            order = [(schema.AT, pymongo.DESCENDING if query.sort == "newest" else pymongo.ASCENDING)]
            with self._calls.find(conditions, schema.OURS).sort(order).batch_size(size) as cursor:
                return page(self._readable(cursor, unread, query.sort), query, limit, after)

        return self._do(read)

    def count(self, query: Query, most: int) -> int:
        query = clean_query(query)
        groups = asked(query)
        if groups is None or most < 1:
            return 0
        if not self._prepared:
            self._prepare(patient=False)
        least, latest = span(query, None)
        conditions: dict[str, Any] = {schema.AT: {"$gte": least, "$lte": latest}}
        if groups:
            conditions["$and"] = [{schema.TERMS: {"$in": group}} for group in groups]
        return self._do(lambda: self._calls.count_documents(conditions, limit=most))

    def add_piece(self, call_sid: str, piece: Piece) -> bool:
        # Not below a key of a record's own: what a leg that has ended adds is none of a later leg's.
        there, told = {"call_sid": clean_text(call_sid)}, {f"{schema.PIECES}.{piece.leg}": msgspec.to_builtins(piece)}
        change = {"$set": told}
        if self._do(lambda: self._calls.update_one(there | schema.THERE, change)).matched_count:
            return True
        if self._do(lambda: self._calls.find_one(there, {schema.DELETED: 1})) is None:
            return False
        raise NotKept(f"the call {call_sid} was deleted")

    def delete(self, *call_sids: str, sound: Callable[[str], object] = bool) -> int:
        return sum(self._do(partial(self._delete, clean_text(sid), sound)) for sid in call_sids)

    def prepare(self) -> None:
        self._prepare(patient=True)

    def expire(self, days: int | None, most: int) -> int:  # noqa: ARG002  the server does it by itself
        self._do(lambda: schema.expire(self._calls, days), patient=True)
        return 0

    def scrub(self) -> bool:
        return False

    def hand_over(self, call_sid: str, to: str) -> None:
        told = {"to": to, "at": datetime.now(UTC)}
        self._do(lambda: self._hand_overs.replace_one({"_id": call_sid}, told, upsert=True))

    def handed_over(self, call_sid: str) -> str | None:
        oldest = datetime.now(UTC) - timedelta(seconds=HAND_OVER_S)  # MongoDB removes them once a minute
        found = self._do(lambda: self._hand_overs.find_one({"_id": call_sid, "at": {"$gte": oldest}}))
        return None if found is None else str(found["to"])

    def close(self) -> None:
        self._mongo.close()

    def _prepare(self, *, patient: bool) -> None:
        """One at a time; not `patient`, in no more time than an operation has."""
        if not self._preparing.acquire(blocking=patient):
            raise StoreError(f"MongoDB: {AT_WORK}")
        try:
            self._do(lambda: schema.index(self._calls), patient=patient)
            self._do(lambda: self._hand_overs.create_index("at", expireAfterSeconds=int(HAND_OVER_S)))
            schema.bring_forward(self._calls, self._do)
            self._prepared = True
        finally:
            self._preparing.release()

    def _write(self, writes: list[UpdateOne]) -> list[int]:
        """Those that do not match try to insert, and find the call there: newer, deleted, or come in this moment.
        Returns which were not written in the end."""
        left = list(range(len(writes)))
        for _ in range(2):
            try:
                self._calls.bulk_write([writes[index] for index in left], ordered=False)
            except BulkWriteError as error:
                faults = error.details["writeErrors"]
                if error.details["writeConcernErrors"] or any(fault["code"] != DUPLICATE for fault in faults):
                    raise
                left = [left[fault["index"]] for fault in faults]
            else:
                return []
        return left

    def _delete(self, call_sid: str, sound: Callable[[str], object]) -> int:
        stone, wanted = schema.tombstone(call_sid, datetime.now(UTC)), {schema.DELETED: 1, schema.PIECES: 1}
        try:
            before = self._calls.find_one_and_replace({"call_sid": call_sid}, stone, wanted, upsert=True)
        except DuplicateKeyError:  # a record came in this moment
            before = self._calls.find_one_and_replace({"call_sid": call_sid}, stone, wanted, upsert=True)
        for piece in schema.pieces(before or {}):
            sound(piece.key)
        return int(before is not None and schema.DELETED not in before)

    def _rarest_first(self, groups: list[list[str]]) -> list[list[str]]:
        """An index of many terms a document is walked by one of them; the rest is looked up in the documents."""
        if len(groups) == 1:
            return groups
        some, rest = groups[: schema.COMPARED], groups[schema.COMPARED :]
        counts = [self._calls.count_documents({schema.TERMS: {"$in": group}}, limit=schema.COUNTED) for group in some]
        return [some[n] for n in sorted(range(len(some)), key=counts.__getitem__)] + rest

    def _readable(
        self, documents: pymongo.cursor.Cursor[dict[str, Any]], unread: Unread | None, sort: Sort
    ) -> Iterator[tuple[object, CallRecord]]:
        for document in documents:
            try:
                record = self._read(document)
            except StoreError as error:
                call_sid = str(document.get("call_sid"))
                log.warning("a record is left out", call_sid=call_sid, error=str(error))
                if unread is not None:
                    unread(call_sid, _outlined(call_sid, document))
            else:
                yield (document[schema.AT], place_of(record, sort).figure), record

    def _read(self, document: dict[str, Any]) -> CallRecord:
        try:
            return with_pieces(msgspec.convert(document, CallRecord), schema.pieces(document))
        except msgspec.ValidationError as error:
            raise Unreadable(f"a record in {self._calls.full_name} cannot be read: {error}") from error

    def _do(self, work: Callable[[], T], *, patient: bool = False) -> T:
        """`patient`: an index over millions of records takes its time, where the server is there at all."""

        def unique_first() -> T:
            if not self._unique:  # without it, two writers could make two documents of one call
                self._calls.create_index("call_sid", unique=True)
                self._unique = True
            return work()

        return self._mongo.do(unique_first, patient=patient)


def _outlined(call_sid: str, document: dict[str, Any]) -> CallRecord | None:
    try:
        return with_pieces(outlined(call_sid, msgspec.convert(document, Outline)), schema.pieces(document))
    except msgspec.ValidationError:
        return None
