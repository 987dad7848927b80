"""A connection to the SQLite file: private to its user, durable, and able to have what was removed leave the disk.

What is deleted lies on in the write-ahead log until that is cut off, and its words in the index until its parts are
merged. Both are done in pieces, between which others write.
"""

from __future__ import annotations

import math
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import structlog

from agent.errors import StoreError

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENCE_S = 5.0
"""For another process that writes."""

READ_S = 8.0
"""For one read: less than whoever waits for it does, and then its thread is free again."""

AGAIN_S = 0.02
"""Between two tries, where SQLite does not wait by itself."""

MIGRATE_S = 60.0
"""For a process that brings the file to this version: the second of two that start at once."""

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


def _log_ahead(db: sqlite3.Connection) -> None:
    """Of a new file, which several may open at once, SQLite says at once that it is locked, whatever patience it has
    been told: here it has it. Raises sqlite3.Error."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        else:
            return
        time.sleep(AGAIN_S)


class Connection:
    """Used by one thread at a time."""

    def __init__(self, path: Path, bring_forward: Callable[[sqlite3.Connection], None]) -> None:
        """`bring_forward` makes the file's tables, or brings them to this version."""
        self._lock = threading.Lock()
        self._until = math.inf
        """When what is done is given up."""
        self._db = sqlite3.connect(path, check_same_thread=False, timeout=PATIENCE_S, isolation_level=None)
        try:
            _log_ahead(self._db)
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA secure_delete=ON")  # who is deleted is not to be found in free pages
            self._db.execute(f"PRAGMA busy_timeout={int(MIGRATE_S * 1000)}")
            bring_forward(self._db)
            self._db.execute(f"PRAGMA busy_timeout={int(PATIENCE_S * 1000)}")
            self._db.set_progress_handler(lambda: time.monotonic() > self._until, 1000)
        except BaseException:
            self._db.close()
            raise

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Raises StoreError where it takes longer than READ_S, those before it included."""
        until = time.monotonic() + READ_S
        if not self._lock.acquire(timeout=READ_S):
            raise StoreError(f"a read had to wait longer than {READ_S:g} s for others")
        try:
            self._until = until
            return work(self._db)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            raise StoreError(f"a read took longer than {READ_S:g} s: ask for less") from error
        finally:
            self._until = math.inf
            self._lock.release()

    def rewrite(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Outside of a transaction, however long it takes."""
        with self._lock:
            work(self._db)

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
