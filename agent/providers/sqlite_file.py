"""A connection to the SQLite file: private to its user, durable, and able to have what was removed leave the disk.

What is deleted lies on in the write-ahead log until that is cut off, and its words in the index until its parts are
merged. Both are done in pieces, between which others write.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import structlog

from agent.providers import sqlite_schema as schema

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENCE_S = 5.0
"""For another process that writes."""

READERS_S = 0.25
"""For whoever reads, before the log is cut off; until then nobody writes."""


def private(path: Path) -> None:
    """Have the file, and what SQLite puts beside it, for our user alone; files of other users stay as they are. Raises
    OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite gives the others the mode of this
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        try:
            found = file.stat()
            if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077:
                file.chmod(0o600)
        except FileNotFoundError:
            continue


class Connection:
    """Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, timeout=PATIENCE_S, isolation_level=None)
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA secure_delete=ON")  # who is deleted is not to be found in free pages
            schema.bring_forward(self._db)
        except BaseException:
            self._db.close()
            raise

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            return work(self._db)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """All of the work, or nothing."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                done = work(self._db)
            except BaseException:
                self._db.rollback()
                raise
            self._db.commit()
            return done

    def cut_log(self) -> bool:
        """Bring the write-ahead log into the file and empty it; False where somebody who reads is in the way."""
        with self._lock:
            self._db.execute(f"PRAGMA busy_timeout={int(READERS_S * 1000)}")
            try:
                (busy, _, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                return not busy
            finally:
                self._db.execute(f"PRAGMA busy_timeout={int(PATIENCE_S * 1000)}")

    def close(self) -> None:
        with self._lock:
            self._db.close()
