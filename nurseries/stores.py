"""Where a process keeps what outlives it: settings in, stores out. MongoDB for many machines, SQLite files for one.

Each store is opened when it is first asked for: who reads records makes no file for anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

from agent.config import Settings
from agent.guard.access import AccessStore
from agent.guard.budget_store import BudgetStore
from agent.guard.dial_book import DialBook
from agent.guard.lease import LeaseStore
from agent.guard.ports import OrderStore
from agent.keep.ports import CallStore, ObjectStore

if TYPE_CHECKING:
    from agent.providers.mongo_database import Mongo


class _Closes(Protocol):
    def close(self) -> None: ...


S = TypeVar("S", bound=_Closes)

ACCESS_FILE = "access.db"
"""Keys and used tokens, under DATA_DIR."""


class Stores:
    """All of one process; those in MongoDB share its connections. Each raises StoreError where it cannot be opened."""

    def __init__(self, settings: Settings, opened: ExitStack) -> None:
        """`opened` closes them."""
        self._uri = settings.MONGODB_URI.get_secret_value()
        self._folder = settings.DATA_DIR
        self._opened = opened

    @cached_property
    def calls(self) -> CallStore:
        if self._uri:
            from agent.providers.mongo import MongoStore

            return self._kept(MongoStore(self._mongo))
        from agent.providers.sqlite import SqliteStore

        return self._kept(SqliteStore(self._folder / "calls.db"))

    @cached_property
    def access(self) -> AccessStore:
        if self._uri:
            from agent.providers.mongo_access import MongoAccess

            return self._kept(MongoAccess(self._mongo))
        from agent.providers.sqlite_access import SqliteAccess

        return self._kept(SqliteAccess(self._folder / ACCESS_FILE))

    @cached_property
    def orders(self) -> OrderStore:
        if self._uri:
            from agent.providers.mongo_orders import MongoOrders

            return self._kept(MongoOrders(self._mongo))
        from agent.providers.sqlite_orders import SqliteOrders

        return self._kept(SqliteOrders(self._folder / "orders.db"))

    @cached_property
    def dial_book(self) -> DialBook:
        if self._uri:
            from agent.providers.mongo_dial_book import MongoDialBook

            return self._kept(MongoDialBook(self._mongo))
        from agent.providers.sqlite_dial_book import SqliteDialBook

        return self._kept(SqliteDialBook(self._folder / "dial_book.db"))

    @cached_property
    def budgets(self) -> BudgetStore:
        if self._uri:
            from agent.providers.mongo_budgets import MongoBudgets

            return self._kept(MongoBudgets(self._mongo))
        from agent.providers.sqlite_budgets import SqliteBudgets

        return self._kept(SqliteBudgets(self._folder / "budgets.db"))

    @cached_property
    def leases(self) -> LeaseStore:
        if self._uri:
            from agent.providers.mongo_leases import MongoLeases

            return self._kept(MongoLeases(self._mongo))
        from agent.providers.sqlite_leases import SqliteLeases

        return self._kept(SqliteLeases(self._folder / "leases.db"))

    @cached_property
    def _mongo(self) -> Mongo:
        from agent.providers.mongo_database import Mongo

        return self._kept(Mongo(self._uri))

    def _kept(self, store: S) -> S:
        return self._opened.enter_context(closing(store))


@contextmanager
def open_stores(settings: Settings) -> Iterator[Stores]:
    """MongoDB where MONGODB_URI is set, else SQLite under DATA_DIR, for as long as the block lasts."""
    with ExitStack() as opened:
        yield Stores(settings, opened)


def open_objects(settings: Settings) -> ObjectStore:
    """The bucket where S3_BUCKET is set, else a folder under DATA_DIR. Asks nothing of either yet."""
    if settings.S3_BUCKET:
        from agent.providers.s3_objects import S3Objects

        return S3Objects(settings)
    from agent.providers.local_objects import LocalObjects

    return LocalObjects(settings.DATA_DIR / "recordings")
