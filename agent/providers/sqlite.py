"""Call records in SQLite: the embedded store, one file under DATA_DIR. Long by a few lines, as all its
questions share two connections and their locks.

WAL with full synchronisation: a record that was saved survives a crash of the process and of the machine. Used from
threads: one writes at a time, and one reads meanwhile; hand-overs wait for neither.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from agent.errors import NotKept, StoreError, Unreadable
from agent.keep.clean import clean_place, clean_query, clean_text
from agent.keep.piece import Piece
from agent.keep.ports import HAND_OVER_S, TOMBSTONE_S, Unread
from agent.keep.query import Place, Query, page, rank, span
from agent.keep.record import CallRecord, Outline, outlined, with_pieces
from agent.keep.terms import asked, terms
from agent.providers import sqlite_figures as figures
from agent.providers import sqlite_schema as schema
from agent.providers.sqlite_file import Connection, private

log = structlog.get_logger(__name__)

T = TypeVar("T")

SCRUB_S = 0.5
"""A deletion goes on so long with overwriting what it has left in the index; a larger one's rest is for `scrub`."""

FIGURES_S = 4.0
"""For what a question by a figure has to read first."""

# As bytes: text that is no UTF-8 would fail with all of its page.
_WALK = """
SELECT at, CAST(call_sid AS BLOB), CAST(record AS BLOB) FROM calls WHERE at BETWEEN ? AND ? ORDER BY at
"""
_FIND = """
SELECT calls.at, CAST(call_sid AS BLOB), CAST(record AS BLOB) FROM words CROSS JOIN calls ON calls.at = words.rowid
WHERE words.rowid BETWEEN ? AND ? AND words MATCH ? ORDER BY words.rowid
"""
_ONE = "SELECT at, CAST(call_sid AS BLOB), CAST(record AS BLOB) FROM calls WHERE at = ?"
_COUNT_ALL = "SELECT count(*) FROM (SELECT 1 FROM calls WHERE at BETWEEN ? AND ? LIMIT ?)"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM words WHERE rowid BETWEEN ? AND ? AND words MATCH ? LIMIT ?)"


class SqliteStore:
    """The CallStore port on one file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file, and bring it to this version. Raises StoreError where that cannot be."""
        self._path = path
        self._decoder = msgspec.json.Decoder(CallRecord)
        try:
            private(path)
            self._writer, self._reader, self._asked = (Connection(path, schema.bring_forward) for _ in range(3))
        except (OSError, sqlite3.Error, StoreError) as error:
            raise StoreError(f"cannot use {path}: {error}") from error
        self._log_is_long = True
        """What was deleted may lie in the write-ahead log: of a process that was killed, or because somebody read."""
        self._cut_log()

    @property
    def name(self) -> str:
        return f"sqlite ({self._path})"

    def save(self, *records: CallRecord) -> list[str]:
        alone = [msgspec.structs.replace(record, pieces=()) if record.pieces else record for record in records]
        rows = [(r, " ".join(sorted(terms(r))), msgspec.json.encode(r).decode()) for r in alone]

        def write(db: sqlite3.Connection) -> list[str]:
            return [row[0].call_sid for row in rows if not schema.save(db, *row)]

        kept_out = self._do(self._writer.write, write)
        if self._log_is_long:
            self._cut_log()
        return kept_out

    def get(self, call_sid: str) -> CallRecord | None:
        query, sid = "SELECT CAST(record AS BLOB) FROM calls WHERE call_sid = ?", clean_text(call_sid)

        def read(db: sqlite3.Connection) -> CallRecord | None:
            row = db.execute(query, (sid,)).fetchone()
            return with_pieces(self._decode(row[0]), schema.pieces(db, sid)) if row else None

        return self._do(self._reader.read, read)

    def find(
        self, query: Query, limit: int, after: Place | None = None, unread: Unread | None = None
    ) -> list[CallRecord]:
        query = clean_query(query)
        after = None if after is None else clean_place(after)
        groups = asked(query)
        if groups is None:
            return []
        bounds, match = _bounds(query, after), schema.match(groups)

        if query.sort in figures.COLUMNS:
            self._read_figures()

        def read(db: sqlite3.Connection) -> list[CallRecord]:
            if query.sort in figures.COLUMNS:
                return page(self._by_figure(db, query, bounds, groups, match, after, unread), query, limit, after)
            way = " DESC" if query.sort == "newest" else ""
            cursor = db.execute(_FIND + way, (*bounds, match)) if match else db.execute(_WALK + way, bounds)
            try:
                return page(self._readable(cursor, unread), query, limit, after)
            finally:
                cursor.close()

        return self._do(self._reader.read, read)

    def _by_figure(
        self,
        db: sqlite3.Connection,
        query: Query,
        bounds: tuple[int, int],
        groups: list[list[str]],
        match: str,
        after: Place | None,
        unread: Unread | None,
    ) -> Iterator[tuple[object, CallRecord]]:
        start = after and (after.figure, ((rank(after.started_at) + 1) << schema.WITHIN) - 1)
        for figure, at in figures.places(db, query, bounds, match, groups, start):
            for second, record in self._readable(db.execute(_ONE, (at,)), unread):
                yield (figure, second), record

    def _read_figures(self) -> None:
        """Of calls that an older version has kept. Raises StoreError where that takes longer than anybody waits."""
        until = time.monotonic() + FIGURES_S
        while self._do(self._reader.read, figures.unread):
            if time.monotonic() > until:
                raise StoreError(f"{self._path}: it is being put in this order; ask again")
            self._do(self._writer.write, figures.read_some)

    def count(self, query: Query, most: int) -> int:
        query = clean_query(query)
        groups = asked(query)
        if groups is None:
            return 0
        bounds, match = _bounds(query, None), schema.match(groups)
        how, values = (_COUNT, (*bounds, match, most)) if match else (_COUNT_ALL, (*bounds, most))
        return int(self._do(self._reader.read, lambda db: db.execute(how, values).fetchone()[0]))

    def add_piece(self, call_sid: str, piece: Piece) -> bool:
        sid = clean_text(call_sid)

        def write(db: sqlite3.Connection) -> bool | None:
            if db.execute("SELECT 1 FROM deleted WHERE call_sid = ?", (sid,)).fetchone():
                return None
            row = (sid, piece.leg, piece.key, piece.began_ms, piece.samples)
            add = "INSERT OR REPLACE INTO pieces SELECT ?, ?, ?, ?, ? FROM calls WHERE call_sid = ?"
            return bool(db.execute(add, (*row, sid)).rowcount)

        added = self._do(self._writer.write, write)
        if added is None:
            raise NotKept(f"the call {call_sid} was deleted")
        return added

    def delete(self, *call_sids: str, sound: Callable[[str], object] = bool) -> int:
        now = time.time()
        keys: list[str] = []

        def write(db: sqlite3.Connection) -> int:
            count = 0
            for sid in map(clean_text, call_sids):
                for at, found_by in db.execute("SELECT at, terms FROM calls WHERE call_sid = ?", (sid,)).fetchall():
                    schema.remove(db, at, found_by)
                    count += 1
                keys.extend(key for (key,) in db.execute("SELECT key FROM pieces WHERE call_sid = ?", (sid,)))
                db.execute("DELETE FROM pieces WHERE call_sid = ?", (sid,))
                db.execute("INSERT OR REPLACE INTO deleted VALUES (?, ?)", (sid, now))
            db.execute("DELETE FROM deleted WHERE at < ?", (now - TOMBSTONE_S,))
            if count:
                schema.to_merge(db, now)
            return count

        count = self._do(self._writer.write, write)
        for key in keys:
            sound(key)
        if count:
            self._log_is_long = True
            self._scrub_for(SCRUB_S)
        return count

    def prepare(self) -> None:
        while self._do(self._writer.write, figures.read_some):
            pass

    def expire(self, days: int | None, most: int) -> int:
        if days is None:
            return 0
        before = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
        query = "SELECT at, terms, call_sid FROM calls WHERE at BETWEEN ? AND ? AND started_at < ? ORDER BY at LIMIT ?"
        bounds = (rank("1970") << schema.WITHIN, ((rank(before) + 1) << schema.WITHIN) - 1)

        def write(db: sqlite3.Connection) -> int:
            old = db.execute(query, (*bounds, before, most)).fetchall()
            for at, found_by, sid in old:
                schema.remove(db, at, found_by)
                db.execute("DELETE FROM pieces WHERE call_sid = ?", (sid,))
            if old:
                schema.to_merge(db, schema.merge_after_expiry(db, time.time()))
            return len(old)

        count = self._do(self._writer.write, write)
        self._log_is_long |= bool(count)
        return count

    def scrub(self) -> bool:
        if self._do(self._reader.read, lambda db: schema.merge_is_due(db, time.time())):
            self._log_is_long = True
            if self._do(self._writer.write, lambda db: schema.merge(db, time.time())):
                return True
            self._do(self._writer.rewrite, schema.rewrite_small)
        if self._log_is_long:
            self._cut_log()
        return False

    def hand_over(self, call_sid: str, to: str) -> None:
        now = time.time()

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM hand_overs WHERE at < ?", (now - HAND_OVER_S,))
            db.execute("INSERT OR REPLACE INTO hand_overs VALUES (?, ?, ?)", (call_sid, to, now))

        self._do(self._writer.write, write)

    def handed_over(self, call_sid: str) -> str | None:
        query = "SELECT number FROM hand_overs WHERE call_sid = ? AND at >= ?"
        since = time.time() - HAND_OVER_S
        # On a connection of its own: a caller who is being passed on waits for no erasure, and for no search.
        row = self._do(self._asked.read, lambda db: db.execute(query, (call_sid, since)).fetchone())
        return str(row[0]) if row else None

    def close(self) -> None:
        self._asked.close()
        self._reader.close()
        self._writer.close()

    def _scrub_for(self, seconds: float) -> None:
        """What is deleted is deleted, whatever becomes of this."""
        until = time.monotonic() + seconds
        try:
            while self.scrub() and time.monotonic() < until:
                pass
        except StoreError as error:
            log.warning("what was deleted is not overwritten yet", error=str(error))
        if self._log_is_long:
            self._cut_log()

    def _cut_log(self) -> None:
        """If nobody is in the way; else with the next record."""
        try:
            self._log_is_long = not self._writer.cut_log()
        except sqlite3.Error as error:
            log.warning("the write-ahead log is not cut off yet", error=str(error))

    def _readable(self, rows: sqlite3.Cursor, unread: Unread | None) -> Iterator[tuple[int, CallRecord]]:
        for at, raw, text in rows:
            call_sid = raw.decode(errors="replace")
            try:
                record = with_pieces(self._decode(text), schema.pieces(rows.connection, call_sid))
            except StoreError as error:
                log.warning("a record is left out", call_sid=call_sid, error=str(error))
                if unread is not None:
                    known = _outlined(call_sid, text)
                    unread(call_sid, known and with_pieces(known, schema.pieces(rows.connection, call_sid)))
            else:
                yield at >> schema.WITHIN, record

    def _decode(self, text: bytes) -> CallRecord:
        try:
            return self._decoder.decode(text)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise Unreadable(f"a record in {self._path} cannot be read: {error}") from error

    def _do(self, how: Callable[[Callable[[sqlite3.Connection], T]], T], work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return how(work)
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
            raise StoreError(f"{self._path}: {error}") from error


def _bounds(query: Query, after: Place | None) -> tuple[int, int]:
    """The first and the last key of what may be found."""
    least, most = span(query, after)
    return least << schema.WITHIN, ((most + 1) << schema.WITHIN) - 1


def _outlined(call_sid: str, text: bytes) -> CallRecord | None:
    try:
        return outlined(call_sid, msgspec.json.decode(text, type=Outline))
    except (msgspec.DecodeError, UnicodeError):
        return None
