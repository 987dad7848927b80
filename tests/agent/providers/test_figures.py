"""SQLite's table of figures: made of what is there, and right whoever writes."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from agent.errors import StoreError
from agent.keep.query import Query, Sort
from agent.keep.record import Lead
from agent.providers import sqlite, sqlite_figures
from agent.providers.sqlite import SqliteStore
from tests.agent.providers.test_stores import record


def kept(folder: Path, count: int) -> Path:
    """A file of before there was the table."""
    path = folder / "calls.db"
    store = SqliteStore(path)
    store.save(*(record(f"CA{n}", f"2026-11-02T10:00:{n:02}.000+00:00", lead=Lead(n, (), ())) for n in range(count)))
    store.close()
    with sqlite3.connect(path) as db:
        for name in ("made", "changed", "gone"):
            db.execute(f"DROP TRIGGER figures_{name}")
        db.execute("DROP TABLE figures")
        db.execute("DROP TABLE figures_unread")
    db.close()
    return path


def first(store: SqliteStore, sort: Sort, count: int = 3) -> list[str]:
    return [r.call_sid for r in store.find(Query(sort=sort), count)]


def test_what_is_there_is_read_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kept(tmp_path, 40)
    monkeypatch.setattr(sqlite_figures, "BATCH", 1)
    monkeypatch.setattr(sqlite, "FIGURES_S", -1.0)
    store = SqliteStore(path)
    store.save(record("CA99", "2026-11-02T10:00:50.000+00:00", lead=Lead(20, (), ())))

    with pytest.raises(StoreError, match="ask again"):
        store.find(Query(sort="score"), 3)
    assert [r.call_sid for r in store.find(Query(), 1)] == ["CA99"]
    store.prepare()
    assert first(store, "score") == ["CA39", "CA38", "CA37"]
    assert first(store, "score", 99)[19:22] == ["CA99", "CA20", "CA19"]
    store.close()


def test_what_an_older_version_writes_is_in_order_as_well(tmp_path: Path) -> None:
    store = SqliteStore(kept(tmp_path, 3))
    assert first(store, "score") == ["CA2", "CA1", "CA0"]
    with sqlite3.connect(tmp_path / "calls.db") as db:  # as it does: it knows of calls and words only
        raw = msgspec.json.encode(record("CA0", "2026-11-02T10:00:00.000+00:00", lead=Lead(90, (), ()))).decode()
        db.execute("UPDATE calls SET record = ? WHERE call_sid = 'CA0'", (raw,))
        db.execute("DELETE FROM calls WHERE call_sid = 'CA1'")
    db.close()

    assert first(store, "score") == ["CA0", "CA2"]
    store.close()
