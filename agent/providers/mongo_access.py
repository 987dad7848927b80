"""Keys and used tokens in MongoDB, for the processes of many machines.

Read where it was written, whatever the URI prefers: a revoked key and a used token count at once.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from pymongo import ReadPreference
from pymongo.errors import DuplicateKeyError

from agent.errors import StoreError
from agent.guard.access import MOST_KEYS
from agent.guard.api_keys import ApiKey
from agent.providers.mongo_database import Mongo

log = structlog.get_logger(__name__)


class MongoAccess:
    """The AccessStore port on one database. Leaves the connections to whoever opened them."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._keys = mongo.database.get_collection("api_keys", read_preference=ReadPreference.PRIMARY)
        self._burnt = mongo.database["burnt_tokens"]
        self._expires = False

    def add(self, key: ApiKey) -> None:
        def write() -> None:
            if self._keys.count_documents({}, limit=MOST_KEYS) >= MOST_KEYS:
                raise StoreError(f"there are {MOST_KEYS} keys already")
            try:
                self._keys.insert_one(_document(key))
            except DuplicateKeyError:
                raise StoreError(f"there is a key {key.key_id} already") from None

        self._mongo.do(write)

    def keys(self) -> list[ApiKey]:
        found = self._mongo.do(lambda: list(self._keys.find().sort([("created_at", 1), ("_id", 1)])))
        return [key for document in found if (key := _key(document)) is not None]

    def revoke(self, key_id: str, at: float) -> bool:
        when = [{"$set": {"revoked_at": {"$ifNull": ["$revoked_at", at]}}}]
        return self._mongo.do(lambda: self._keys.update_one({"_id": key_id}, when).matched_count > 0)

    def used(self, key_id: str, at: float) -> None:
        self._mongo.do(lambda: self._keys.update_one({"_id": key_id}, {"$max": {"used_at": at}}))

    def burn(self, nonce: str, until: float) -> bool:
        def write() -> bool:
            try:
                self._burnt.insert_one({"_id": nonce, "until": datetime.fromtimestamp(until, UTC)})
            except DuplicateKeyError:
                return False
            if not self._expires:
                self._burnt.create_index("until", expireAfterSeconds=0)
                self._expires = True
            return True

        return self._mongo.do(write)

    def close(self) -> None:
        """Nothing of its own is open."""


def _document(key: ApiKey) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(key)
    document["_id"] = document.pop("key_id")
    return document


def _key(document: dict[str, Any]) -> ApiKey | None:
    """A damaged document lets nobody in, and keeps nobody out but its own holder."""
    try:
        return msgspec.convert(document | {"key_id": document["_id"]}, ApiKey)
    except msgspec.ValidationError as error:
        log.error("a key in the store cannot be read", key=str(document["_id"])[:40], error=str(error))  # noqa: TRY400
        return None
