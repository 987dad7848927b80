"""Calls in SQLite by a figure of theirs: score, length, cost. A small table beside the calls, which triggers keep, so
that it is right also of what a process of an older version writes into the same file.

Where few calls are asked for, they are found first and then put in order; else the index of the figure is walked, and
what is not asked for is passed over. Both come to the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from agent.keep.query import Query, Sort

COLUMNS: dict[Sort, str] = {"score": "score", "longest": "length", "cost": "cost"}

NONE = -1e18
"""Stands for no figure: less than any."""

MANY = 5000
"""Calls that are not put in order by themselves any more, since walking finds a page of them soon."""

BATCH = 500
"""Calls of before there was the table, that are read at once: some hundredths of a second."""

_FIGURES = """
CREATE TABLE IF NOT EXISTS figures (
    at INTEGER PRIMARY KEY,
    score NOT NULL,
    length NOT NULL,
    cost NOT NULL
);
CREATE INDEX IF NOT EXISTS figures_score ON figures (score, at);
CREATE INDEX IF NOT EXISTS figures_length ON figures (length, at);
CREATE INDEX IF NOT EXISTS figures_cost ON figures (cost, at);
"""
# The one row says from which place on downwards the table has nothing yet.
_UNREAD = "CREATE TABLE IF NOT EXISTS figures_unread (below INTEGER NOT NULL)"


def _put(rows: str) -> str:
    """Put there what these rows of `at` and `record` tell; of a damaged record, no figures. All are read at once, for a
    record is long: a limit keeps SQLite from reading it for each."""

    def figure(n: int) -> str:
        return f"CASE WHEN json_type(told, '$[{n}]') IN ('integer', 'real') THEN told ->> '$[{n}]' ELSE {NONE!r} END"

    told = "CASE WHEN json_valid(record) THEN json_extract(record, '$.lead.score', '$.duration_ms', '$.cost_usd') END"
    figures = ", ".join(map(figure, range(3)))
    return f"INSERT OR REPLACE INTO figures SELECT at, {figures} FROM (SELECT at, {told} AS told FROM {rows})"  # noqa: S608


_NEW = "(SELECT NEW.at AS at, NEW.record AS record) LIMIT 1"
_TRIGGERS = (
    f"CREATE TRIGGER figures_made AFTER INSERT ON calls BEGIN {_put(_NEW)}; END",
    f"CREATE TRIGGER figures_changed AFTER UPDATE OF record ON calls BEGIN {_put(_NEW)}; END",
    "CREATE TRIGGER figures_gone AFTER DELETE ON calls BEGIN DELETE FROM figures WHERE at = OLD.at; END",
)
_READ = _put(f"calls WHERE at < ? ORDER BY at DESC LIMIT {BATCH}")


def make(db: sqlite3.Connection) -> None:
    """The table, and what keeps it; of what there is already, `read_some` reads it."""
    for statement in filter(str.strip, _FIGURES.split(";")):
        db.execute(statement)
    db.execute(_UNREAD)
    for trigger in _TRIGGERS:
        db.execute(trigger)
    db.execute("INSERT INTO figures_unread SELECT max(at) + 1 FROM calls HAVING max(at) IS NOT NULL")


def unread(db: sqlite3.Connection) -> bool:
    """Calls are not in the table yet."""
    return db.execute("SELECT 1 FROM figures_unread").fetchone() is not None


def read_some(db: sqlite3.Connection) -> bool:
    """Put a BATCH of them there; returns whether there are more."""
    row = db.execute("SELECT below FROM figures_unread").fetchone()
    if row is None:
        return False
    (lowest,) = db.execute(
        "SELECT min(at) FROM (SELECT at FROM calls WHERE at < ? ORDER BY at DESC LIMIT ?)", (row[0], BATCH)
    ).fetchone()
    if lowest is None:
        db.execute("DELETE FROM figures_unread")
        return False
    db.execute(_READ, row)
    db.execute("UPDATE figures_unread SET below = ?", (lowest,))
    return True


def places(
    db: sqlite3.Connection,
    query: Query,
    bounds: tuple[int, int],
    match: str,
    groups: list[list[str]],
    after: tuple[float | None, int] | None,
) -> Iterator[tuple[float, int]]:
    """Figures and places of calls, in the order that is asked for, from those of `after` on. Of each of the groups of
    terms, which `match` asks for, they have at least one."""
    column = COLUMNS[query.sort]
    limits, values = _limits(query, column, after)
    few = _few(db, query, bounds, match)
    within, found = ("at BETWEEN ? AND ?", list(bounds))
    if few is not None and match:
        within, found = f"at IN ({', '.join('?' * len(few))})", few
    way = f"INDEXED BY figures_{column}" if few is None else "NOT INDEXED"
    text = f"SELECT {column}, at FROM figures {way} WHERE {within} AND {limits} ORDER BY {column} DESC, at DESC"  # noqa: S608
    for figure, at in db.execute(text, (*found, *values)):
        if few is not None or _has(db, at, groups):
            yield figure, at


def _has(db: sqlite3.Connection, at: int, groups: list[list[str]]) -> bool:
    if not groups:
        return True
    ((terms,),) = db.execute("SELECT terms FROM calls WHERE at = ?", (at,))
    return all(map(set(terms.split(" ")).intersection, groups))


def _few(db: sqlite3.Connection, query: Query, bounds: tuple[int, int], match: str) -> list[int] | None:
    """All that can be asked for, where that is less than MANY."""
    if match:
        found = db.execute(
            "SELECT rowid FROM words WHERE rowid BETWEEN ? AND ? AND words MATCH ? LIMIT ?", (*bounds, match, MANY)
        )
    elif query.since or query.until:
        found = db.execute("SELECT at FROM figures WHERE at BETWEEN ? AND ? LIMIT ?", (*bounds, MANY))
    else:
        return None
    few = [at for (at,) in found]
    return few if len(few) < MANY else None


def _limits(query: Query, column: str, after: tuple[float | None, int] | None) -> tuple[str, list[float]]:
    """A score that is asked for, and what comes behind `after`, or is there."""
    limits, values = [f"{column} >= ?"], [float(NONE)]
    if query.sort == "score":
        if query.most_score is not None:
            limits.append("score <= ?")
            values.append(query.most_score)
        if query.least_score is not None:
            limits.append("score >= ?")
            values.append(query.least_score)
    if after is not None:
        limits.append(f"({column}, at) <= (?, ?)")
        values += [NONE if after[0] is None else after[0], after[1]]
    return " AND ".join(limits), values
