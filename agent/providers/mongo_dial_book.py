"""The DialBook port in MongoDB: a document for each number that is never called, one for each number's day.

All of it is read at the primary: who has asked a moment ago not to be called is not called from a replica's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pymongo import ReadPreference, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from agent.guard.dial_book import ATTEMPTS_KEPT_S, DoNotCall
from agent.providers.mongo_database import Mongo

T = TypeVar("T")

DUPLICATE = 11000


class MongoDialBook:
    """On the connections of the process's other stores, which close them."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        database = mongo.database
        self._list = database.get_collection("do_not_call", read_preference=ReadPreference.PRIMARY)
        self._attempts = database.get_collection("dial_attempts", read_preference=ReadPreference.PRIMARY)
        self._indexed = False

    def add(self, entries: Sequence[DoNotCall]) -> int:
        writes = [
            UpdateOne({"_id": each.number}, {"$setOnInsert": _document(each)}, upsert=True)
            for each in {each.number: each for each in reversed(entries)}.values()
        ]
        return self._mongo.do(lambda: self._write(writes)) if writes else 0

    def remove(self, number: str) -> bool:
        return self._mongo.do(lambda: self._list.delete_one({"_id": number}).deleted_count > 0)

    def get(self, number: str) -> DoNotCall | None:
        found = self._mongo.do(lambda: self._list.find_one({"_id": number}))
        return None if found is None else _entry(found)

    def listed(self, after: str, limit: int) -> list[DoNotCall]:
        def read() -> list[DoNotCall]:
            with self._list.find({"_id": {"$gt": after}}).sort("_id").limit(limit) as cursor:
                return [_entry(each) for each in cursor]

        return self._mongo.do(read)

    def attempts(self, number: str, day: str) -> int:
        found = self._mongo.do(lambda: self._attempts.find_one({"_id": f"{number} {day}"}))
        return 0 if found is None else int(found["n"])

    def take(self, number: str, day: str, most: int) -> bool:
        free = {"_id": f"{number} {day}", "n": {"$lt": most}}
        one_more = {"$inc": {"n": 1}, "$setOnInsert": {"at": datetime.now(UTC)}}

        def write() -> bool:
            try:
                self._attempts.update_one(free, one_more, upsert=most > 0)
            except DuplicateKeyError:  # it is full, or has come in this moment
                return self._attempts.update_one(free, one_more).matched_count > 0
            return most > 0

        return self._indexed_first(write)

    def give_back(self, number: str, day: str) -> None:
        counted = {"_id": f"{number} {day}", "n": {"$gt": 0}}
        self._mongo.do(lambda: self._attempts.update_one(counted, {"$inc": {"n": -1}}))

    def close(self) -> None:
        """Nothing of its own."""

    def _write(self, writes: list[UpdateOne]) -> int:
        try:
            return self._list.bulk_write(writes, ordered=False).upserted_count
        except BulkWriteError as error:  # two who put the same number on the list at once
            faults = error.details["writeErrors"]
            if error.details["writeConcernErrors"] or any(fault["code"] != DUPLICATE for fault in faults):
                raise
            return int(error.details["nUpserted"])

    def _indexed_first(self, work: Callable[[], T]) -> T:
        def do() -> T:
            if not self._indexed:
                self._attempts.create_index("at", expireAfterSeconds=int(ATTEMPTS_KEPT_S))
                self._indexed = True
            return work()

        return self._mongo.do(do)


def _document(entry: DoNotCall) -> dict[str, Any]:
    return {"who": entry.who, "why": entry.why, "at": entry.at}


def _entry(document: dict[str, Any]) -> DoNotCall:
    return DoNotCall(*(str(document.get(name, "")) for name in ("_id", "who", "why", "at")))
