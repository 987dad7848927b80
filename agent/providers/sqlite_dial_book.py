"""The DialBook port in a SQLite file of its own, opened when it is first asked: not every server calls out."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from agent.errors import StoreError
from agent.guard.dial_book import ATTEMPTS_KEPT_S, DoNotCall
from agent.providers.sqlite_file import Connection, private

T = TypeVar("T")

VERSION = 1


class SqliteDialBook:
    """Any number of processes on one file; one that writes waits for another."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opening = threading.Lock()
        self._connections: tuple[Connection, Connection] | None = None

    def add(self, entries: Sequence[DoNotCall]) -> int:
        rows = [(each.number, each.who, each.why, each.at) for each in entries]

        def write(db: sqlite3.Connection) -> int:
            before = db.total_changes
            db.executemany("INSERT OR IGNORE INTO do_not_call VALUES (?, ?, ?, ?)", rows)
            return db.total_changes - before

        return self._write(write)

    def remove(self, number: str) -> bool:
        statement = "DELETE FROM do_not_call WHERE number = ?"
        return self._write(lambda db: db.execute(statement, (number,)).rowcount > 0)

    def get(self, number: str) -> DoNotCall | None:
        query = "SELECT number, who, why, at FROM do_not_call WHERE number = ?"
        row = self._read(lambda db: db.execute(query, (number,)).fetchone())
        return DoNotCall(*row) if row else None

    def listed(self, after: str, limit: int) -> list[DoNotCall]:
        query = "SELECT number, who, why, at FROM do_not_call WHERE number > ? ORDER BY number LIMIT ?"
        return [DoNotCall(*row) for row in self._read(lambda db: db.execute(query, (after, limit)).fetchall())]

    def attempts(self, number: str, day: str) -> int:
        return self._read(lambda db: _attempts(db, number, day))

    def take(self, number: str, day: str, most: int) -> bool:
        now = time.time()

        def write(db: sqlite3.Connection) -> bool:
            db.execute("DELETE FROM attempts WHERE at < ?", (now - ATTEMPTS_KEPT_S,))
            if _attempts(db, number, day) >= most:
                return False
            one_more = "INSERT INTO attempts VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE SET n = n + 1"
            db.execute(one_more, (number, day, now))
            return True

        return self._write(write)

    def give_back(self, number: str, day: str) -> None:
        one_less = "UPDATE attempts SET n = n - 1 WHERE number = ? AND day = ? AND n > 0"
        self._write(lambda db: db.execute(one_less, (number, day)))

    def close(self) -> None:
        with self._opening:
            for connection in self._connections or ():
                connection.close()
            self._connections = None

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._do(lambda reader, _: reader.read(work))

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._do(lambda _, writer: writer.write(work))

    def _do(self, work: Callable[[Connection, Connection], T]) -> T:
        try:
            with self._opening:
                if self._connections is None:
                    private(self._path)
                    self._connections = (Connection(self._path, _bring_forward), Connection(self._path, _bring_forward))
            return work(*self._connections)
        except (sqlite3.Error, OSError, UnicodeEncodeError, OverflowError) as error:
            raise StoreError(f"{self._path}: {error}") from error


def _attempts(db: sqlite3.Connection, number: str, day: str) -> int:
    row = db.execute("SELECT n FROM attempts WHERE number = ? AND day = ?", (number, day)).fetchone()
    return int(row[0]) if row else 0


def _bring_forward(db: sqlite3.Connection) -> None:
    """Raises StoreError where the file is of a later version."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise StoreError(f"it is of version {version}, and this program knows {VERSION}: use the newer one")
    if version == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    db.execute(
        "CREATE TABLE IF NOT EXISTS do_not_call"
        " (number TEXT PRIMARY KEY, who TEXT NOT NULL, why TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE IF NOT EXISTS attempts"
        " (number TEXT, day TEXT, n INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (number, day)) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX IF NOT EXISTS attempts_at ON attempts (at)")
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("COMMIT")
