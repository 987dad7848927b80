"""One MongoDB database and the connections to it, which all stores of a process share.

pymongo in threads. Connects lazily: a database that is away does not keep calls from being answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import pymongo
from bson.errors import BSONError
from pymongo.database import Database
from pymongo.errors import PyMongoError

from agent.errors import StoreError
from agent.keep.ports import LIMIT_S

T = TypeVar("T")

_AFTER = re.compile(r",| \(configured timeouts:")
"""Where the driver goes on with its settings, and its whole view of the cluster."""

DATABASE = "calling_agent"
"""Used where the URI names none."""


class Mongo:
    """One process's."""

    def __init__(self, uri: str) -> None:
        """Raises StoreError for a URI that is none."""
        try:
            self._client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
                uri, serverSelectionTimeoutMS=int(LIMIT_S * 1000), appname="calling-agent", tz_aware=True
            )
        except (PyMongoError, ValueError) as error:
            raise StoreError(f"MONGODB_URI cannot be used: {error}") from error
        self.database: Database[dict[str, Any]] = self._client.get_default_database(DATABASE)

    @property
    def name(self) -> str:
        hosts = ", ".join(f"{host}:{port}" for host, port in sorted(self._client.nodes)) or "not connected yet"
        return f"mongodb ({self.database.name}; {hosts})"

    def do(self, work: Callable[[], T], *, patient: bool = False) -> T:
        """Run the work within LIMIT_S. `patient`: what takes its time, where the server is there at all. Raises
        StoreError instead of what the driver raises; a write that was given up may still happen."""
        try:
            if patient:
                with pymongo.timeout(LIMIT_S):
                    self._client.admin.command("ping")
            with nullcontext() if patient else pymongo.timeout(LIMIT_S):
                return work()
        except (PyMongoError, BSONError, OverflowError, UnicodeEncodeError) as error:
            raise StoreError(f"MongoDB: {_AFTER.split(str(error), maxsplit=1)[0][:200]}") from error

    def close(self) -> None:
        self._client.close()
