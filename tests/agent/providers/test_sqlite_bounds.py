"""No read of the SQLite store takes for ever, none waits for a writer, and one bad row fails no page."""

import sqlite3
import threading

import pytest

from agent.errors import StoreError
from agent.keep.query import Query
from agent.providers import sqlite_file, sqlite_schema
from agent.providers.sqlite import SqliteStore
from tests.agent.providers.test_migrations import old_file
from tests.agent.providers.test_stores import record


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls.db"


@pytest.fixture
def store(path):
    made = SqliteStore(path)
    yield made
    made.close()


def test_a_read_that_takes_too_long_is_given_up_and_the_next_is_served(store, monkeypatch):
    store.save(*(record(f"CA{n:04}", f"2026-11-22T10:{n // 60:02}:{n % 60:02}.000+00:00") for n in range(600)))
    with monkeypatch.context() as hasty:
        hasty.setattr(sqlite_file, "READ_S", 0)
        with pytest.raises(StoreError, match="took longer than 0 s"):
            store.find(Query(text="priya"), 999)
        with pytest.raises(StoreError, match="took longer than 0 s"):
            store.find(Query(), 999)

    assert len(store.find(Query(), 999)) == 600


def test_who_is_passed_on_waits_for_no_write(store, path):
    store.hand_over("CA1", "+918000000001")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    save = threading.Thread(target=store.save, args=(record(),))
    save.start()
    while not store._writer._lock.locked():  # bounded by the save, which gives up
        assert save.is_alive()

    assert store.handed_over("CA1") == "+918000000001"
    assert save.is_alive(), "it waited"
    other.rollback()
    save.join()
    other.close()


def test_whoever_finds_another_bringing_the_file_forward_waits_long_enough(path, monkeypatch):
    waits = []
    forward = sqlite_schema.bring_forward

    def looked_at(db):
        waits.extend(db.execute("PRAGMA busy_timeout").fetchone())
        forward(db)

    monkeypatch.setattr(sqlite_schema, "bring_forward", looked_at)
    store = SqliteStore(old_file(path))

    assert set(waits) == {sqlite_file.MIGRATE_S * 1000}
    (wait,) = store._writer.read(lambda db: db.execute("PRAGMA busy_timeout").fetchone())
    assert wait == sqlite_file.PATIENCE_S * 1000
    store.close()


def test_bytes_that_are_no_text_cost_one_record(store, path):
    store.save(*(record(f"CA{n}") for n in range(3)))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE calls SET record = CAST(x'7b22ff' AS TEXT) WHERE call_sid = 'CA1'")
    db.close()

    for query in (Query(), Query(text="priya")):
        assert [r.call_sid for r in store.find(query, 9)] == ["CA2", "CA0"]
    with pytest.raises(StoreError, match="cannot be read"):
        store.get("CA1")


def test_bytes_that_are_no_text_hold_up_no_new_version(path):
    with sqlite3.connect(old_file(path)) as db:
        db.execute("UPDATE calls SET record = CAST(x'7b22ff' AS TEXT) WHERE call_sid = 'CA2'")
    db.close()
    store = SqliteStore(path)

    assert [r.call_sid for r in store.find(Query(), 9)] == ["CA1"]
    with pytest.raises(StoreError, match="cannot be read"):
        store.get("CA2")
    store.close()
