"""Leases of calls in a SQLite file of their own, for the processes of one machine, and for one that comes back after a
crash."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import structlog

from agent.errors import StoreError
from agent.guard.lease import KEPT_S, LEASE_S, Lease, Rule
from agent.providers.sqlite_file import Connection, private

log = structlog.get_logger(__name__)

VERSION = 1

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Lease).decode

_RENEWED = "holder = ? AND NOT done AND stand IN ('held', 'over')"


class SqliteLeases:
    """The LeaseStore port. `until` and what is searched by stand in columns of their own: there they count."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Raises StoreError."""
        self._path = path
        self._clock = clock
        with self._told():
            private(path)
            self._db = Connection(path, _bring_forward)

    def get(self, call_sid: str) -> Lease | None:
        """See the port."""
        with self._told():
            return self._db.read(lambda db: _find(db, call_sid))

    def change(self, call_sid: str, rule: Rule) -> tuple[Lease | None, bool]:
        """See the port."""

        def work(db: sqlite3.Connection) -> tuple[Lease | None, bool]:
            before = _find(db, call_sid)
            after = rule(before, self._clock())
            if after is None:
                return before, False
            db.execute(
                "INSERT OR REPLACE INTO leases (call_sid, holder, stand, done, until, lease) VALUES (?, ?, ?, ?, ?, ?)",
                (call_sid, after.holder, after.stand.value, after.done, after.until, _encode(after)),
            )
            return after, True

        with self._told():
            return self._db.write(work)

    def renew(self, holder: str) -> dict[str, int]:
        """See the port."""

        def work(db: sqlite3.Connection) -> list[tuple[str, bytes]]:
            db.execute(f"UPDATE leases SET until = ? WHERE {_RENEWED}", (self._clock() + LEASE_S, holder))  # noqa: S608
            query = "SELECT call_sid, lease FROM leases WHERE holder = ? AND NOT done"
            return db.execute(query, (holder,)).fetchall()

        with self._told():
            return {sid: _decode(lease).fence for sid, lease in self._db.write(work)}

    def stale(self, after_s: float, limit: int) -> list[Lease]:
        """See the port."""
        query = (
            "SELECT call_sid, lease, until FROM leases WHERE NOT done"
            " AND until <= CASE stand WHEN 'over' THEN ? ELSE ? END ORDER BY until LIMIT ?"
        )
        with self._told():
            now = self._clock()
            row = (now - min(LEASE_S, after_s), now - after_s, limit)
            rows = self._db.read(lambda db: db.execute(query, row).fetchall())
            return [lease for row in rows if (lease := _readable(*row)) is not None]

    def erase(self, *call_sids: str) -> None:
        """See the port."""
        with self._told():
            rows = [(call_sid,) for call_sid in call_sids]
            self._db.write(lambda db: db.executemany("DELETE FROM leases WHERE call_sid = ?", rows))

    def expire(self) -> int:
        """See the port."""
        with self._told():
            before = (self._clock() - KEPT_S,)
            return self._db.write(lambda db: db.execute("DELETE FROM leases WHERE until < ?", before).rowcount)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, msgspec.DecodeError, UnicodeEncodeError) as error:
            raise StoreError(f"SQLite {self._path}: {error}") from error


def _find(db: sqlite3.Connection, call_sid: str) -> Lease | None:
    row = db.execute("SELECT lease, until FROM leases WHERE call_sid = ?", (call_sid,)).fetchone()
    return _lease(*row) if row else None


def _readable(call_sid: str, lease: bytes, until: float) -> Lease | None:
    """None of another version's, or a damaged one: it keeps no other from being found."""
    try:
        return _lease(lease, until)
    except (msgspec.DecodeError, UnicodeError) as error:
        log.warning("a lease is left out", call_sid=call_sid, error=str(error))
        return None


def _lease(lease: bytes, until: float) -> Lease:
    return msgspec.structs.replace(_decode(lease), until=until)


def _bring_forward(db: sqlite3.Connection) -> None:
    """Raises StoreError for a file of a later version."""
    db.execute("BEGIN IMMEDIATE")
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version < 1:
            db.execute(
                "CREATE TABLE leases (call_sid TEXT PRIMARY KEY, holder TEXT NOT NULL, stand TEXT NOT NULL,"
                " done INTEGER NOT NULL, until REAL NOT NULL, lease BLOB NOT NULL) WITHOUT ROWID"
            )
            db.execute("CREATE INDEX leases_holder ON leases (holder) WHERE NOT done")
            db.execute("CREATE INDEX leases_open ON leases (until) WHERE NOT done")
            db.execute("CREATE INDEX leases_until ON leases (until)")
            db.execute(f"PRAGMA user_version = {VERSION}")
            version = VERSION
    except BaseException:
        db.rollback()
        raise
    db.commit()
    if version > VERSION:
        raise StoreError(f"the leases are of version {version}, and this server knows {VERSION}: update it")
