"""Orders in MongoDB: shared by all processes, one document each.

Beside what it is found by, a document has the order as JSON: names of variables are the user's, and need not be names
that MongoDB takes. A number that grows with each change makes it a compare-and-swap.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import pymongo
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import DuplicateKeyError

from agent.errors import StoreError
from agent.guard.order import FINAL, Order, State
from agent.providers.mongo_database import Mongo

T = TypeVar("T")


class MongoOrders:
    """The OrderStore port on one collection."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        # Durable and read where it was written, whatever the URI says: an order that is lost is a call nobody knows.
        self._orders = mongo.database.get_collection(
            "orders", read_preference=ReadPreference.PRIMARY, write_concern=WriteConcern("majority", j=True)
        )
        self._decoder = msgspec.json.Decoder(Order)
        self._indexed = False

    def begin(self, order: Order) -> Order:
        def write() -> Order:
            try:
                self._orders.insert_one(_document(order, 0))
            except DuplicateKeyError:
                key = order.wanted.idempotency_key
                found = self._orders.find_one({"key": key} if key else {"_id": order.order_id})
                if found is None:  # forgotten in this moment
                    raise StoreError("an order was there and is gone: ask again") from None
                return self._decode(found)
            return order

        return self._do(write)

    def get(self, order_id: str) -> Order | None:
        return self._one({"_id": order_id})

    def by_call(self, call_sid: str) -> Order | None:
        return self._one({"call_sid": call_sid}) if call_sid else None

    def by_key(self, idempotency_key: str) -> Order | None:
        return self._one({"key": idempotency_key}) if idempotency_key else None

    def find(self, state: State | None, limit: int, after: str = "") -> list[Order]:
        asked: dict[str, Any] = ({"_id": {"$lt": after}} if after else {}) | ({"state": state} if state else {})
        return self._many(asked, pymongo.DESCENDING, limit)

    def open(self, limit: int) -> list[Order]:
        return self._many({"over": False}, pymongo.ASCENDING, limit)

    def replace(self, before: Order, after: Order) -> bool:
        def write() -> bool:
            found = self._orders.find_one({"_id": before.order_id})
            if found is None or self._decode(found) != before:
                return False
            rev = found["rev"]
            return (
                self._orders.replace_one({"_id": before.order_id, "rev": rev}, _document(after, rev + 1)).matched_count
                > 0
            )

        return self._do(write)

    def erase(self, number: str) -> tuple[int, int]:
        def write() -> tuple[int, int]:
            gone = self._orders.delete_many({"number": number, "over": True}).deleted_count
            return gone, self._orders.count_documents({"number": number})

        return self._do(write)

    def expire(self, days: int | None, most: int) -> int:
        if days is None:
            return 0
        before = datetime.now(UTC) - timedelta(days=days)

        def write() -> int:
            old = [
                each["_id"] for each in self._orders.find({"at": {"$lt": before}, "over": True}, {"_id": 1}).limit(most)
            ]
            return self._orders.delete_many({"_id": {"$in": old}}).deleted_count if old else 0

        return self._do(write)

    def close(self) -> None:
        self._mongo.close()

    def _one(self, asked: dict[str, Any]) -> Order | None:
        found = self._do(lambda: self._orders.find_one(asked))
        return None if found is None else self._decode(found)

    def _many(self, asked: dict[str, Any], way: int, limit: int) -> list[Order]:
        found = self._do(lambda: list(self._orders.find(asked).sort("_id", way).limit(limit))) if limit > 0 else []
        return [self._decode(each) for each in found]

    def _decode(self, document: dict[str, Any]) -> Order:
        try:
            return self._decoder.decode(document["order"])
        except (msgspec.DecodeError, KeyError, TypeError, UnicodeError) as error:
            raise StoreError(f"an order in {self._orders.full_name} cannot be read: {error}") from error

    def _do(self, work: Callable[[], T]) -> T:
        def indexed_first() -> T:
            if not self._indexed:  # without it, two requests with one key could make two calls
                self._orders.create_index("key", unique=True, sparse=True)
                self._orders.create_index("call_sid", sparse=True)
                self._orders.create_index([("state", 1), ("_id", 1)])
                self._orders.create_index([("over", 1), ("_id", 1)])
                self._orders.create_index("number")
                self._orders.create_index("at")
                self._indexed = True
            return work()

        return self._mongo.do(indexed_first)


def _document(order: Order, rev: int) -> dict[str, Any]:
    found_by = {"key": order.wanted.idempotency_key, "call_sid": order.call_sid}
    return {
        "_id": order.order_id,
        **{name: value for name, value in found_by.items() if value},
        "state": order.state,
        "over": order.state in FINAL,
        "number": order.wanted.to,
        "at": _time(order.created_at),
        "rev": rev,
        "order": msgspec.json.encode(order).decode(),
    }


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.now(UTC)
