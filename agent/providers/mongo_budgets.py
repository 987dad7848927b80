"""Budgets in MongoDB: a document a pot, replaced only while it is what was read. One clock for all: the server's."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from pymongo import ReadPreference
from pymongo.errors import DuplicateKeyError

from agent.errors import StoreError
from agent.guard.pot import Pot
from agent.providers.mongo_database import Mongo

T = TypeVar("T")

ATTEMPTS = 200
"""With others in between: far more than there are processes."""

_PAUSE_S = 0.002
"""Between two of them, at most: so that two do not stay in step."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Pot).decode


class MongoBudgets:
    """The BudgetStore port."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._pots = mongo.database.get_collection("budgets", read_preference=ReadPreference.PRIMARY)

    def now(self) -> datetime:
        """See the port. A server that does not tell its time has it by this machine's clock."""
        told = self._mongo.do(lambda: self._pots.database.command("hello")).get("localTime")
        if not isinstance(told, datetime):
            return datetime.now(UTC)
        return told if told.tzinfo is not None else told.replace(tzinfo=UTC)

    def change(self, name: str, how: Callable[[Pot], tuple[Pot, T]]) -> T:
        """See the port."""
        for _ in range(ATTEMPTS):
            found = self._mongo.do(lambda: self._pots.find_one({"_id": name}))
            before = _read(name, found) if found is not None else Pot()
            pot, made = how(before)
            new = {"_id": name, "version": int(found["version"]) + 1 if found else 1, "pot": _encode(pot)}
            if self._replaced(name, found["version"] if found else None, new):
                return made
            time.sleep(random.uniform(0, _PAUSE_S))  # noqa: S311
        raise StoreError(f"MongoDB: the budget {name} is changed by too many at once")

    def pots(self) -> dict[str, Pot]:
        """See the port."""
        found = self._mongo.do(lambda: list(self._pots.find()))
        return {str(each["_id"]): _read(str(each["_id"]), each) for each in found}

    def close(self) -> None:
        """The connections are shared: whoever has opened them closes them."""

    def _replaced(self, name: str, version: int | None, new: dict[str, object]) -> bool:
        if version is None:
            return self._mongo.do(lambda: self._inserted(new))
        return (
            self._mongo.do(lambda: self._pots.replace_one({"_id": name, "version": version}, new)).modified_count == 1
        )

    def _inserted(self, new: dict[str, object]) -> bool:
        try:
            self._pots.insert_one(new)
        except DuplicateKeyError:
            return False
        return True


def _read(name: str, found: dict[str, object]) -> Pot:
    try:
        return _decode(bytes(found["pot"]))  # type: ignore[call-overload]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise StoreError(f"MongoDB: the budget {name} cannot be read: {error}") from error
