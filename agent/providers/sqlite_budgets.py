"""Budgets in a SQLite file of their own, for one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.errors import StoreError
from agent.guard.pot import Pot
from agent.providers.sqlite_file import Connection, private

T = TypeVar("T")

VERSION = 1

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Pot).decode


class SqliteBudgets:
    """The BudgetStore port."""

    def __init__(self, path: Path) -> None:
        """Raises StoreError."""
        self._path = path
        with self._told():
            private(path)
            self._db = Connection(path, _bring_forward)

    def now(self) -> datetime:
        """See the port."""
        return datetime.now(UTC)

    def change(self, name: str, how: Callable[[Pot], tuple[Pot, T]]) -> T:
        """See the port."""

        def work(db: sqlite3.Connection) -> T:
            row = db.execute("SELECT pot FROM pots WHERE name = ?", (name,)).fetchone()
            pot, made = how(_decode(row[0]) if row else Pot())
            db.execute("INSERT OR REPLACE INTO pots (name, pot) VALUES (?, ?)", (name, _encode(pot)))
            return made

        with self._told():
            return self._db.write(work)

    def pots(self) -> dict[str, Pot]:
        """See the port."""
        with self._told():
            rows = self._db.read(lambda db: db.execute("SELECT name, pot FROM pots").fetchall())
            return {name: _decode(pot) for name, pot in rows}

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, msgspec.DecodeError) as error:
            raise StoreError(f"SQLite {self._path}: {error}") from error


def _bring_forward(db: sqlite3.Connection) -> None:
    """Raises StoreError for a file of a later version."""
    db.execute("BEGIN IMMEDIATE")
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version < 1:
            db.execute("CREATE TABLE pots (name TEXT PRIMARY KEY, pot BLOB NOT NULL) WITHOUT ROWID")
            db.execute(f"PRAGMA user_version = {VERSION}")
            version = VERSION
    except BaseException:
        db.rollback()
        raise
    db.commit()
    if version > VERSION:
        raise StoreError(f"the budgets are of version {version}, and this server knows {VERSION}: update it")
