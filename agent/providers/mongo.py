"""Call records in MongoDB: the store that many processes share, chosen by MONGODB_URI.

pymongo in threads; every operation has a deadline of its own, writes are idempotent (one document per call, replaced
as a whole) and retried by the driver.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import pymongo
from pymongo import ReadPreference, ReplaceOne
from pymongo.errors import BulkWriteError, PyMongoError

from agent.errors import StoreError
from agent.keep.ports import HAND_OVER_S
from agent.keep.record import CallRecord

T = TypeVar("T")

DATABASE = "calling_agent"
"""Used where the URI names none."""

DUPLICATE = 11000
"""The server's code for a second document of one call."""

LIMIT_S = 5.0
"""For one operation, server selection included."""


class MongoStore:
    """The CallStore port on one database."""

    def __init__(self, uri: str) -> None:
        """Connects lazily: a database that is away does not keep calls from being answered.

        Raises StoreError for a URI that is none.
        """
        try:
            self._client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
                uri, serverSelectionTimeoutMS=int(LIMIT_S * 1000), appname="calling-agent", tz_aware=True
            )
        except PyMongoError as error:
            raise StoreError(f"MONGODB_URI cannot be used: {error}") from error
        self._calls = self._client.get_default_database(DATABASE)["calls"]
        # Read where it was written, whatever the URI prefers: the carrier asks half a second later.
        self._hand_overs = self._calls.database.get_collection("hand_overs", read_preference=ReadPreference.PRIMARY)
        self._indexed = False

    @property
    def name(self) -> str:
        hosts = ", ".join(f"{host}:{port}" for host, port in sorted(self._client.nodes)) or "not connected yet"
        return f"mongodb ({self._calls.database.name}; {hosts})"

    def save(self, *records: CallRecord) -> None:
        # A write that was given up may still reach a server that was only stopped: it must not undo a later one.
        writes = [
            ReplaceOne(
                {"call_sid": record.call_sid, "revision": {"$not": {"$gt": record.revision}}},
                msgspec.to_builtins(record),
                upsert=True,
            )
            for record in records
        ]
        self._do(lambda: self._write(writes))

    def get(self, call_sid: str) -> CallRecord | None:
        document = self._do(lambda: self._calls.find_one({"call_sid": call_sid}, {"_id": 0}))
        return None if document is None else self._read(document)

    def newest(self, limit: int) -> list[CallRecord]:
        order = [("started_at", pymongo.DESCENDING), ("call_sid", pymongo.DESCENDING)]
        found = self._do(lambda: list(self._calls.find({}, {"_id": 0}).sort(order).limit(limit)))
        return [self._read(document) for document in found]

    def hand_over(self, call_sid: str, to: str) -> None:
        told = {"to": to, "at": datetime.now(UTC)}
        self._do(lambda: self._hand_overs.replace_one({"_id": call_sid}, told, upsert=True))

    def handed_over(self, call_sid: str) -> str | None:
        oldest = datetime.now(UTC) - timedelta(seconds=HAND_OVER_S)  # MongoDB removes them once a minute
        found = self._do(lambda: self._hand_overs.find_one({"_id": call_sid, "at": {"$gte": oldest}}))
        return None if found is None else str(found["to"])

    def close(self) -> None:
        self._client.close()

    def _write(self, writes: list[ReplaceOne[dict[str, Any]]]) -> None:
        """Those that do not match try to insert, and find the call there: newer, or come in this moment."""
        for again in (True, False):
            try:
                self._calls.bulk_write(writes, ordered=False)
            except BulkWriteError as error:
                faults = error.details["writeErrors"]
                if error.details["writeConcernErrors"] or any(fault["code"] != DUPLICATE for fault in faults):
                    raise
                writes = [writes[fault["index"]] for fault in faults]
                if again:
                    continue
            return

    def _read(self, document: dict[str, Any]) -> CallRecord:
        try:
            return msgspec.convert(document, CallRecord)
        except msgspec.ValidationError as error:
            raise StoreError(f"a record in {self._calls.full_name} cannot be read: {error}") from error

    def _do(self, work: Callable[[], T]) -> T:
        try:
            with pymongo.timeout(LIMIT_S):
                if not self._indexed:
                    self._calls.create_index("call_sid", unique=True)
                    self._calls.create_index([("started_at", pymongo.DESCENDING), ("call_sid", pymongo.DESCENDING)])
                    self._hand_overs.create_index("at", expireAfterSeconds=int(HAND_OVER_S))
                    self._indexed = True
                return work()
        except PyMongoError as error:
            # The driver adds its whole view of the cluster after the first comma.
            raise StoreError(f"MongoDB: {str(error).split(',', maxsplit=1)[0][:200]}") from error
