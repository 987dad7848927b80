"""Orders in SQLite: a file of their own under DATA_DIR, durable before the carrier hears of one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.errors import StoreError
from agent.guard.order import FINAL, Order, State
from agent.providers.sqlite_file import Connection, private

T = TypeVar("T")

VERSION = 1

_TABLES = """
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY,
    key TEXT,
    call_sid TEXT,
    state TEXT NOT NULL,
    over INTEGER NOT NULL,
    number TEXT NOT NULL,
    created_at TEXT NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX order_keys ON orders (key) WHERE key IS NOT NULL;
CREATE INDEX order_calls ON orders (call_sid) WHERE call_sid IS NOT NULL;
CREATE INDEX order_states ON orders (state, order_id);
CREATE INDEX orders_open ON orders (order_id) WHERE over = 0;
CREATE INDEX order_numbers ON orders (number);
CREATE INDEX order_times ON orders (created_at);
"""


class SqliteOrders:
    """The OrderStore port on one file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises StoreError where that cannot be."""
        self._path = path
        self._decoder = msgspec.json.Decoder(Order)
        try:
            private(path)
            self._writer, self._reader = (Connection(path, _bring_forward) for _ in range(2))
        except (OSError, sqlite3.Error, StoreError) as error:
            raise StoreError(f"cannot use {path}: {error}") from error

    def begin(self, order: Order) -> Order:
        def write(db: sqlite3.Connection) -> Order:
            if key := order.wanted.idempotency_key:
                row = db.execute("SELECT body FROM orders WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    return self._decode(row[0])
            db.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _row(order))
            return order

        return self._do(self._writer.write, write)

    def get(self, order_id: str) -> Order | None:
        return self._one("SELECT body FROM orders WHERE order_id = ?", order_id)

    def by_call(self, call_sid: str) -> Order | None:
        return self._one("SELECT body FROM orders WHERE call_sid = ?", call_sid)

    def by_key(self, idempotency_key: str) -> Order | None:
        return self._one("SELECT body FROM orders WHERE key = ?", idempotency_key)

    def find(self, state: State | None, limit: int, after: str = "") -> list[Order]:
        conditions = ["order_id < ?" if after else "order_id > ?", *(["state = ?"] if state else [])]
        query = f"SELECT body FROM orders WHERE {' AND '.join(conditions)} ORDER BY order_id DESC LIMIT ?"  # noqa: S608
        return self._many(query, after, *([state] if state else []), limit)

    def open(self, limit: int) -> list[Order]:
        return self._many("SELECT body FROM orders WHERE over = 0 ORDER BY order_id LIMIT ?", limit)

    def replace(self, before: Order, after: Order) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            row = db.execute("SELECT body FROM orders WHERE order_id = ?", (before.order_id,)).fetchone()
            if row is None or self._decode(row[0]) != before:
                return False
            db.execute("REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _row(after))
            return True

        return self._do(self._writer.write, write)

    def erase(self, number: str) -> tuple[int, int]:
        def write(db: sqlite3.Connection) -> tuple[int, int]:
            gone = db.execute("DELETE FROM orders WHERE number = ? AND over = 1", (number,)).rowcount
            (left,) = db.execute("SELECT count(*) FROM orders WHERE number = ?", (number,)).fetchone()
            return gone, int(left)

        gone, left = self._do(self._writer.write, write)
        if gone:
            self._cut_log()
        return gone, left

    def expire(self, days: int | None, most: int) -> int:
        if days is None:
            return 0
        before = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
        old = "SELECT order_id FROM orders WHERE created_at < ? AND over = 1 LIMIT ?"

        def write(db: sqlite3.Connection) -> int:
            return db.execute(f"DELETE FROM orders WHERE order_id IN ({old})", (before, most)).rowcount  # noqa: S608

        count = self._do(self._writer.write, write)
        if count:
            self._cut_log()
        return count

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def _cut_log(self) -> None:
        """What is forgotten is to leave the disk; where somebody reads, with the next that is."""
        self._do(lambda work: work(self._writer), lambda writer: writer.cut_log())

    def _one(self, query: str, given: str) -> Order | None:
        row = self._do(self._reader.read, lambda db: db.execute(query, (given,)).fetchone()) if given else None
        return self._decode(row[0]) if row else None

    def _many(self, query: str, *given: object) -> list[Order]:
        return [
            self._decode(row[0]) for row in self._do(self._reader.read, lambda db: db.execute(query, given).fetchall())
        ]

    def _decode(self, body: bytes) -> Order:
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise StoreError(f"an order in {self._path} cannot be read: {error}") from error

    def _do(self, how: Callable[[Callable[..., T]], T], work: Callable[..., T]) -> T:
        try:
            return how(work)
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            raise StoreError(f"{self._path}: {error}") from error


def _row(order: Order) -> tuple[object, ...]:
    return (
        order.order_id,
        order.wanted.idempotency_key or None,
        order.call_sid or None,
        order.state,
        int(order.state in FINAL),
        order.wanted.to,
        order.created_at,
        msgspec.json.encode(order),
    )


def _bring_forward(db: sqlite3.Connection) -> None:
    """To this version. Raises StoreError for a file of a newer one."""
    db.execute("BEGIN IMMEDIATE")
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        _check(version)
        if version < 1:
            for statement in filter(str.strip, _TABLES.split(";")):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        db.rollback()
        raise
    db.commit()


def _check(version: int) -> None:
    if version > VERSION:
        raise StoreError(f"the file is of a newer version ({version}) than this program knows ({VERSION})")
