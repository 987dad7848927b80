"""Where a process keeps what outlives it: settings in, stores out. MongoDB for many machines, SQLite files for one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agent.config import Settings
from agent.guard.ports import OrderStore
from agent.keep.ports import CallStore, ObjectStore


@dataclass(frozen=True, slots=True)
class Stores:
    """All of one process; those in MongoDB share its connections."""

    calls: CallStore
    orders: OrderStore


@contextmanager
def open_stores(settings: Settings) -> Iterator[Stores]:
    """MongoDB where MONGODB_URI is set, else SQLite under DATA_DIR, for as long as the block lasts. Raises
    StoreError."""
    if uri := settings.MONGODB_URI.get_secret_value():
        from agent.providers.mongo import MongoStore
        from agent.providers.mongo_database import Mongo
        from agent.providers.mongo_orders import MongoOrders

        mongo = Mongo(uri)
        stores = Stores(MongoStore(mongo), MongoOrders(mongo))
    else:
        from agent.providers.sqlite import SqliteStore
        from agent.providers.sqlite_orders import SqliteOrders

        stores = Stores(SqliteStore(settings.DATA_DIR / "calls.db"), SqliteOrders(settings.DATA_DIR / "orders.db"))
    try:
        yield stores
    finally:
        stores.orders.close()
        stores.calls.close()


def open_objects(settings: Settings) -> ObjectStore:
    """The bucket where S3_BUCKET is set, else a folder under DATA_DIR. Asks nothing of either yet."""
    if settings.S3_BUCKET:
        from agent.providers.s3_objects import S3Objects

        return S3Objects(settings)
    from agent.providers.local_objects import LocalObjects

    return LocalObjects(settings.DATA_DIR / "recordings")
