"""The SQLite file's schema, and the way to it from older ones.

`calls.at` is the order of time: the rank of `started_at` (a second) and a number within that second. It is the key of
the table and of the index of terms, so that any query is answered newest first without sorting.
"""

from __future__ import annotations

import sqlite3

import msgspec

from agent.errors import StoreError
from agent.keep.derive import derived
from agent.keep.piece import Piece
from agent.keep.query import rank
from agent.keep.record import CallRecord
from agent.keep.terms import terms
from agent.providers import sqlite_figures as figures

VERSION = 1
"""Of `PRAGMA user_version`; 0 is a file of before it was counted, or a new one."""

WITHIN = 16
"""Bits of `at` that number the calls of one second."""

_TABLES = """
CREATE TABLE calls (
    at INTEGER PRIMARY KEY,
    call_sid TEXT NOT NULL UNIQUE,
    started_at TEXT NOT NULL,
    revision INTEGER NOT NULL,
    terms TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5 (terms, content='', detail=none, columnsize=0, tokenize='ascii');
CREATE TABLE deleted (
    call_sid TEXT PRIMARY KEY,
    at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hand_overs (
    call_sid TEXT PRIMARY KEY,
    number TEXT NOT NULL,
    at REAL NOT NULL
);
"""
_MERGES = """
CREATE TABLE merges (
    wanted INTEGER NOT NULL,
    begun INTEGER NOT NULL,
    due REAL NOT NULL
)
"""
# One row: how many removals the index still has words of, of how many a merge that has begun disposes, and when another
# may begin. A version that does not know the table can do without it: no new VERSION.

_PIECES = """
CREATE TABLE pieces (
    call_sid TEXT NOT NULL,
    leg INTEGER NOT NULL,
    key TEXT NOT NULL,
    began_ms INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    PRIMARY KEY (call_sid, leg)
) WITHOUT ROWID
"""

PIECE = 250
"""Pages of the index that are merged at once: about a megabyte, a few hundredths of a second."""

LARGE = 64 << 20
"""Bytes of a file that is not written anew as a whole after a deletion, which takes a second for those below; and in
which words of expired calls wait for a day, so that the index is not written anew each hour."""

DAY_S = 86_400.0

_OLD = "SELECT CAST(call_sid AS BLOB), CAST(started_at AS BLOB), CAST(record AS BLOB) FROM calls_0"
# The index keeps no text of its own. What it has of a call is in calls.terms, to be taken out again.


def bring_forward(db: sqlite3.Connection) -> None:
    """To this version, all or nothing. Raises StoreError for a file of a newer one."""
    if _version(db) == VERSION and all(_has(db, table) for table in ("merges", "pieces", "figures")):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        if _version(db) < 1:  # another process may have done it by now
            _first(db)
        if not _has(db, "merges"):
            db.execute(_MERGES)
            db.execute("INSERT INTO merges VALUES (1, 0, 0)")  # what was deleted before it was counted
        if not _has(db, "pieces"):
            db.execute(_PIECES)
        if not _has(db, "figures"):
            figures.make(db)
        db.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        db.rollback()
        raise
    db.commit()


def place(db: sqlite3.Connection, started_at: str) -> int:
    """A free key in the second of that time."""
    least = rank(started_at) << WITHIN
    most = least + (1 << WITHIN) - 1
    (last,) = db.execute("SELECT max(at) FROM calls WHERE at BETWEEN ? AND ?", (least, most)).fetchone()
    if last is None or last < most:
        return least if last is None else int(last) + 1
    raise StoreError(f"more than {1 << WITHIN} calls have begun in the second of {started_at}")


def insert(db: sqlite3.Connection, record: CallRecord, found_by: str, text: str | bytes) -> None:
    """A call of which there is nothing."""
    at = place(db, record.started_at)
    row = (at, record.call_sid, record.started_at, record.revision, found_by, text)
    db.execute("INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO words (rowid, terms) VALUES (?, ?)", (at, found_by))


def save(db: sqlite3.Connection, record: CallRecord, found_by: str, text: str) -> bool:
    """Unless the call was deleted, or there is a later state of it: then False."""
    sid = record.call_sid
    if db.execute("SELECT 1 FROM deleted WHERE call_sid = ?", (sid,)).fetchone():
        return False
    known = db.execute("SELECT at, started_at, revision, terms FROM calls WHERE call_sid = ?", (sid,)).fetchone()
    if known is None:
        insert(db, record, found_by, text)
        return True
    at, started_at, revision, found_before = known
    if revision > record.revision:
        return False
    if started_at != record.started_at:
        remove(db, at, found_before)
        insert(db, record, found_by, text)
        return True
    if found_before != found_by:
        unfind(db, at, found_before)
        db.execute("INSERT INTO words (rowid, terms) VALUES (?, ?)", (at, found_by))
    change = "UPDATE calls SET revision = ?, terms = ?, record = ? WHERE at = ?"
    db.execute(change, (record.revision, found_by, text, at))
    return True


def remove(db: sqlite3.Connection, at: int, found_by: str) -> None:
    db.execute("DELETE FROM calls WHERE at = ?", (at,))
    unfind(db, at, found_by)


def unfind(db: sqlite3.Connection, at: int, found_by: str) -> None:
    """Take it out of the index; `found_by` is what was put in."""
    db.execute("INSERT INTO words (words, rowid, terms) VALUES ('delete', ?, ?)", (at, found_by))


def match(groups: list[list[str]]) -> str:
    """What the index is asked for; "": everything."""
    return " AND ".join("({})".format(" OR ".join(f'"{term}"' for term in group)) for group in groups)


def pieces(db: sqlite3.Connection, call_sid: str) -> list[Piece]:
    """Of the call's sound."""
    query = "SELECT leg, key, began_ms, samples FROM pieces WHERE call_sid = ?"
    return [Piece(*row) for row in db.execute(query, (call_sid,))]


def to_merge(db: sqlite3.Connection, due: float) -> None:
    """Calls were removed: the index is to lose their words from that time on."""
    told = {"due": due}  # by its name: some of Python 3.12 warn of numbers
    db.execute(
        "UPDATE merges SET due = CASE wanted WHEN 0 THEN :due ELSE min(due, :due) END, wanted = wanted + 1", told
    )


def merge_after_expiry(db: sqlite3.Connection, now: float) -> float:
    """When: a removal makes the index be written anew as a whole."""
    return now if _size(db) < LARGE else now + DAY_S


def merge_is_due(db: sqlite3.Connection, now: float) -> bool:
    return bool(db.execute("SELECT 1 FROM merges WHERE wanted > 0 AND (begun > 0 OR due <= ?)", (now,)).fetchone())


def merge(db: sqlite3.Connection, now: float) -> bool:
    """Go on with it for a PIECE; returns whether there is more.

    FTS5 notes a removal beside the words, and forgets both where all parts of the index become one. Negative numbers of
    pages begin that, positive ones go on with it, until less than two rows change (SQLite's FTS5 manual, "merge").
    """
    if not merge_is_due(db, now):
        return False
    (begun,) = db.execute("SELECT begun FROM merges").fetchone()
    if not begun:
        db.execute("UPDATE merges SET begun = wanted")
    before = db.total_changes
    db.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", (PIECE if begun else -PIECE,))
    if db.total_changes - before < 2:
        db.execute("UPDATE merges SET wanted = wanted - begun, begun = 0")
    return merge_is_due(db, now)


def rewrite_small(db: sqlite3.Connection) -> None:
    """SQLite overwrites what is deleted, but not what lay where it moved the rest of a page together."""
    if _size(db) < LARGE:
        db.execute("VACUUM")


def _size(db: sqlite3.Connection) -> int:
    """Of the file, in bytes."""
    return int(db.execute("PRAGMA page_count").fetchone()[0] * db.execute("PRAGMA page_size").fetchone()[0])


def _has(db: sqlite3.Connection, table: str) -> bool:
    return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone())


def _version(db: sqlite3.Connection) -> int:
    (found,) = db.execute("PRAGMA user_version").fetchone()
    if found > VERSION:
        raise StoreError(
            f"it has schema {found}, of a newer version of this program, which knows {VERSION}:"
            " start that version, or set another DATA_DIR"
        )
    return int(found)


def _first(db: sqlite3.Connection) -> None:
    """Records came without an order, an index of what was said, and memory of what was deleted."""
    old = _has(db, "calls")
    if old:
        db.execute("ALTER TABLE calls RENAME TO calls_0")
        db.execute("DROP INDEX IF EXISTS calls_by_start")
    for statement in filter(str.strip, _TABLES.split(";")):
        db.execute(statement)
    if old:
        for call_sid, started_at, text in db.execute(_OLD):
            try:
                record = derived(msgspec.json.decode(text, type=CallRecord))
                text = msgspec.json.encode(record).decode()  # noqa: PLW2901
                found_by = " ".join(sorted(terms(record)))
            except (msgspec.DecodeError, UnicodeError):  # damaged; it stays what it is
                sid, began = (each.decode(errors="backslashreplace") for each in (call_sid, started_at))
                record = CallRecord(sid, "", "", "", "", began, 0, "", ())
                found_by = ""
            insert(db, record, found_by, text)
        db.execute("DROP TABLE calls_0")
