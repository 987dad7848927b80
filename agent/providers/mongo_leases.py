"""Leases of calls in MongoDB: a document a call, replaced only while it is what was read, at the server's time.

Read and written at the primary, by a majority: what two processes must agree on is not to be taken back by an election.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pymongo
import structlog
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import DuplicateKeyError

from agent.errors import StoreError
from agent.guard.lease import KEPT_S, LEASE_S, RENEWED, Lease, Rule, Stand
from agent.providers.mongo_database import Mongo

log = structlog.get_logger(__name__)

ATTEMPTS = 20
"""With others in between: its holder renews it once a second, and few others want the same call."""

_PAUSE_S = 0.01
"""Between two of them, at most: so that two do not stay in step."""

_RENEW = [
    {"$set": {"until": {"$add": ["$$NOW", round(LEASE_S * 1000)]}, "version": {"$add": ["$version", 1]}}},
]


class MongoLeases:
    """The LeaseStore port, on the connections of the process's other stores, which close them."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._leases = mongo.database.get_collection(
            "leases", read_preference=ReadPreference.PRIMARY, write_concern=WriteConcern("majority")
        )
        self._indexed = False

    def get(self, call_sid: str) -> Lease | None:
        """See the port."""
        found = self._mongo.do(lambda: self._leases.find_one({"_id": call_sid}))
        return None if found is None else _lease(found)

    def change(self, call_sid: str, rule: Rule) -> tuple[Lease | None, bool]:
        """See the port."""
        for _ in range(ATTEMPTS):
            found, now = self._mongo.do(lambda: self._read(call_sid))
            before = None if found is None else _lease(found)
            after = rule(before, now)
            if after is None:
                return before, False
            version = None if found is None else found.get("version")
            new = {**_document(after), "version": 1 if version is None else int(version) + 1}
            if self._replaced(call_sid, found is None, version, new):
                return after, True
            time.sleep(random.uniform(0, _PAUSE_S))  # noqa: S311
        raise StoreError(f"MongoDB: the lease of {call_sid} is changed by too many at once")

    def renew(self, holder: str) -> dict[str, int]:
        """See the port."""
        ours = {"holder": holder, "done": False}

        def work() -> dict[str, int]:
            self._leases.update_many({**ours, "stand": {"$in": [stand.value for stand in RENEWED]}}, _RENEW)
            with self._leases.find(ours, {"fence": 1}) as found:
                return {str(each["_id"]): int(each["fence"]) for each in found}

        return self._mongo.do(work)

    def stale(self, after_s: float, limit: int) -> list[Lease]:
        """See the port."""
        over = {"$cond": [{"$eq": ["$stand", Stand.OVER.value]}, min(LEASE_S, after_s) * 1000, after_s * 1000]}
        lasted = {"$expr": {"$lte": ["$until", {"$subtract": ["$$NOW", {"$toLong": over}]}]}}

        def work() -> list[Lease]:
            self._index()
            with self._leases.find({"done": False, **lasted}).sort("until").limit(limit) as found:
                return [lease for each in found if (lease := _readable(each)) is not None]

        return self._mongo.do(work)

    def erase(self, *call_sids: str) -> None:
        """See the port."""
        self._mongo.do(lambda: self._leases.delete_many({"_id": {"$in": list(call_sids)}}))

    def expire(self) -> int:
        """See the port: the server does."""
        return 0

    def close(self) -> None:
        """The connections are shared: whoever has opened them closes them."""

    def _read(self, call_sid: str) -> tuple[dict[str, Any] | None, float]:
        """The lease, and the server's time."""
        with self._leases.aggregate([{"$match": {"_id": call_sid}}, {"$set": {"now": "$$NOW"}}]) as cursor:
            for found in cursor:
                return found, found["now"].timestamp()
        told = self._leases.database.command("hello").get("localTime")
        if not isinstance(told, datetime):
            return None, time.time()  # a server that does not tell its time
        return None, (told if told.tzinfo is not None else told.replace(tzinfo=UTC)).timestamp()

    def _replaced(self, call_sid: str, absent: bool, version: object, new: dict[str, Any]) -> bool:
        def work() -> bool:
            if not absent:
                return self._leases.replace_one({"_id": call_sid, "version": version}, new).modified_count == 1
            try:
                self._leases.insert_one({"_id": call_sid, **new})
            except DuplicateKeyError:
                return False
            return True

        return self._mongo.do(work)

    def _index(self) -> None:
        if not self._indexed:
            self._leases.create_index([("holder", pymongo.ASCENDING), ("done", pymongo.ASCENDING)])
            self._leases.create_index([("done", pymongo.ASCENDING), ("until", pymongo.ASCENDING)])
            self._leases.create_index([("until", pymongo.ASCENDING)], expireAfterSeconds=int(KEPT_S))
            self._indexed = True


def _document(lease: Lease) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(lease)
    del told["call_sid"]
    return {**told, "until": datetime.fromtimestamp(0, UTC) + timedelta(seconds=lease.until)}


def _readable(found: dict[str, Any]) -> Lease | None:
    """None of another version's, or a damaged one: it keeps no other from being found."""
    try:
        return _lease(found)
    except StoreError as error:
        log.warning("a lease is left out", call_sid=str(found["_id"]), error=str(error))
        return None


def _lease(found: dict[str, Any]) -> Lease:
    try:
        told = {**found, "call_sid": found["_id"], "until": found["until"].timestamp()}
        return msgspec.convert(told, Lease)
    except (msgspec.ValidationError, KeyError, AttributeError) as error:
        raise StoreError(f"MongoDB: the lease of {found.get('_id')} cannot be read: {error}") from error
