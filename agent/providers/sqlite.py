"""Call records in SQLite: the embedded store, one file under DATA_DIR.

WAL with full synchronisation: a record that was saved survives a crash of the process and of the machine. Used from
threads, one statement at a time.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.errors import StoreError
from agent.keep.ports import HAND_OVER_S
from agent.keep.record import CallRecord

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    call_sid TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS calls_by_start ON calls (started_at DESC, call_sid DESC);
CREATE TABLE IF NOT EXISTS hand_overs (
    call_sid TEXT PRIMARY KEY,
    number TEXT NOT NULL,
    at REAL NOT NULL
);
"""

_SAVE = """
INSERT INTO calls VALUES (?, ?, ?)
ON CONFLICT (call_sid) DO UPDATE SET started_at = excluded.started_at, record = excluded.record
WHERE coalesce(json_extract(calls.record, '$.revision'), 0) <= json_extract(excluded.record, '$.revision')
"""


class SqliteStore:
    """The CallStore port on one file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises StoreError where it cannot be."""
        self._path = path
        self._lock = threading.Lock()
        self._decoder = msgspec.json.Decoder(CallRecord)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, timeout=5, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"cannot use {path}: {error}") from error

    @property
    def name(self) -> str:
        return f"sqlite ({self._path})"

    def save(self, *records: CallRecord) -> None:
        rows = [(record.call_sid, record.started_at, msgspec.json.encode(record).decode()) for record in records]

        def write(db: sqlite3.Connection) -> None:
            db.execute("BEGIN IMMEDIATE")
            try:
                db.executemany(_SAVE, rows)
            except BaseException:
                db.rollback()
                raise
            db.commit()

        self._do(write)

    def get(self, call_sid: str) -> CallRecord | None:
        row = self._do(lambda db: db.execute("SELECT record FROM calls WHERE call_sid = ?", (call_sid,)).fetchone())
        return self._decode(row[0]) if row else None

    def newest(self, limit: int) -> list[CallRecord]:
        query = "SELECT record FROM calls ORDER BY started_at DESC, call_sid DESC LIMIT ?"
        return [self._decode(row[0]) for row in self._do(lambda db: db.execute(query, (limit,)).fetchall())]

    def hand_over(self, call_sid: str, to: str) -> None:
        now = time.time()

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM hand_overs WHERE at < ?", (now - HAND_OVER_S,))
            db.execute("INSERT OR REPLACE INTO hand_overs VALUES (?, ?, ?)", (call_sid, to, now))

        self._do(write)

    def handed_over(self, call_sid: str) -> str | None:
        query = "SELECT number FROM hand_overs WHERE call_sid = ? AND at >= ?"
        row = self._do(lambda db: db.execute(query, (call_sid, time.time() - HAND_OVER_S)).fetchone())
        return str(row[0]) if row else None

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _decode(self, text: str) -> CallRecord:
        try:
            return self._decoder.decode(text)
        except msgspec.DecodeError as error:
            raise StoreError(f"a record in {self._path} cannot be read: {error}") from error

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return work(self._db)
            except sqlite3.Error as error:
                raise StoreError(f"{self._path}: {error}") from error
