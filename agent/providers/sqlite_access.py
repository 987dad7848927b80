"""Keys and used tokens in SQLite: one file under DATA_DIR, for the processes of one machine."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.errors import StoreError
from agent.guard.access import MOST_KEYS
from agent.guard.api_keys import ApiKey
from agent.providers.sqlite_file import Connection, private

T = TypeVar("T")

VERSION = 1
"""Of `PRAGMA user_version`."""

_TABLES = """
CREATE TABLE IF NOT EXISTS api_keys (
    key_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    revoked_at REAL,
    used_at REAL
);
CREATE TABLE IF NOT EXISTS burnt (nonce TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS burnt_until ON burnt (until);
"""


class SqliteAccess:
    """The AccessStore port on one file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises StoreError where that cannot be."""
        self._path = path
        try:
            private(path)
            self._file = Connection(path, _bring_forward)
        except (OSError, sqlite3.Error, StoreError) as error:
            raise StoreError(f"cannot use {path}: {error}") from error

    def add(self, key: ApiKey) -> None:
        def write(db: sqlite3.Connection) -> None:
            if db.execute("SELECT count(*) FROM api_keys").fetchone()[0] >= MOST_KEYS:
                raise StoreError(f"there are {MOST_KEYS} keys already")
            try:
                db.execute("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)", msgspec.structs.astuple(key))
            except sqlite3.IntegrityError:
                raise StoreError(f"there is a key {key.key_id} already") from None

        self._do(self._file.write, write)

    def keys(self) -> list[ApiKey]:
        query = "SELECT * FROM api_keys ORDER BY created_at, key_id"
        rows = self._do(self._file.read, lambda db: db.execute(query).fetchall())
        return [ApiKey(*row) for row in rows]

    def revoke(self, key_id: str, at: float) -> bool:
        query = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE key_id = ?"
        return self._do(self._file.write, lambda db: db.execute(query, (at, key_id)).rowcount > 0)

    def used(self, key_id: str, at: float) -> None:
        query = "UPDATE api_keys SET used_at = max(coalesce(used_at, 0), ?) WHERE key_id = ?"
        self._do(self._file.write, lambda db: db.execute(query, (at, key_id)))

    def burn(self, nonce: str, until: float) -> bool:
        def write(db: sqlite3.Connection) -> bool:
            db.execute("DELETE FROM burnt WHERE until < ?", (time.time(),))
            return db.execute("INSERT OR IGNORE INTO burnt VALUES (?, ?)", (nonce, until)).rowcount > 0

        return self._do(self._file.write, write)

    def close(self) -> None:
        self._file.close()

    def _do(self, how: Callable[[Callable[[sqlite3.Connection], T]], T], work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return how(work)
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error


def _bring_forward(db: sqlite3.Connection) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise StoreError(f"it is of version {version}, and this program knows {VERSION}: use a newer one")
    db.executescript(f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version = {VERSION};COMMIT;")
