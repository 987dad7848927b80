"""What older versions have kept opens in this one, in both stores; what a newer one has kept is left alone."""

import sqlite3
import threading
from pathlib import Path

import msgspec
import pymongo
import pytest

from agent.errors import StoreError
from agent.keep.derive import derived
from agent.keep.query import Query
from agent.keep.record import CallRecord, Lead
from agent.providers.mongo import MongoStore
from agent.providers.mongo_database import Mongo
from agent.providers.sqlite import SqliteStore
from tests.agent.providers.test_stores import record

OLD = """
CREATE TABLE calls (call_sid TEXT PRIMARY KEY, started_at TEXT NOT NULL, record TEXT NOT NULL);
CREATE INDEX calls_by_start ON calls (started_at DESC, call_sid DESC);
CREATE TABLE hand_overs (call_sid TEXT PRIMARY KEY, number TEXT NOT NULL, at REAL NOT NULL);
"""
FIRST_VERSION = {
    "call_sid": "CA1",
    "account_sid": "AC1",
    "caller": "+919876543210",
    "called": "+918012345678",
    "direction": "inbound",
    "started_at": "2026-11-01T10:00:00.000+00:00",
    "duration_ms": 4000,
    "ending": "failed",
    "entries": [{"role": "caller", "text": "₹80 lakh", "start_ms": 0, "end_ms": 900}],
    "version": 1,
}
SECOND = record("CA2", "2026-11-02T10:00:00.000+00:00", revision=7, lead=Lead(70, (), ()), version=2)


def old_file(path: Path) -> Path:
    with sqlite3.connect(path) as db:
        db.executescript(OLD)
        for each in (FIRST_VERSION, msgspec.to_builtins(SECOND)):
            row = (each["call_sid"], each["started_at"], msgspec.json.encode(each).decode())
            db.execute("INSERT INTO calls VALUES (?, ?, ?)", row)
        db.execute("INSERT INTO calls VALUES ('CA3', '2026-11-03T10:00:00.000+00:00', '{')")
        db.execute("INSERT INTO hand_overs VALUES ('CA2', '+911', 9e9)")
    db.close()
    return path


def is_all_there(store: SqliteStore | MongoStore) -> None:
    first = msgspec.convert(FIRST_VERSION, CallRecord)
    assert [r.call_sid for r in store.find(Query(), 9)] == ["CA2", "CA1"]
    kept = store.get("CA1")
    assert kept == derived(first)
    assert (kept.version, kept.full_text, kept.word_count) == (3, "caller: ₹80 lakh", 2)
    assert [r.call_sid for r in store.find(Query(text="₹80 LAKH", number="+919876543210"), 9)] == ["CA2", "CA1"]
    assert [r.call_sid for r in store.find(Query(least_score=70), 9)] == ["CA2"]
    assert [r.call_sid for r in store.find(Query(ending="failed"), 9)] == ["CA1"]
    assert [r.call_sid for r in store.find(Query(sort="score"), 9)] == ["CA2", "CA1"]
    assert [r.call_sid for r in store.find(Query(sort="cost"), 9)] == ["CA2", "CA1"]
    store.save(record("CA2", revision=6, ending="older"), msgspec.structs.replace(first, summary="villa", revision=1))
    assert store.find(Query(text="villa"), 9)[0].summary == "villa"
    assert store.find(Query(ending="older"), 9) == []
    assert store.delete("CA2") == 1


def test_a_file_of_the_version_before_opens(tmp_path: Path) -> None:
    store = SqliteStore(old_file(tmp_path / "calls.db"))

    assert store.handed_over("CA2") == "+911"
    with pytest.raises(StoreError, match="cannot be read"):
        store.get("CA3")
    is_all_there(store)
    store.close()

    again = SqliteStore(tmp_path / "calls.db")
    assert [r.call_sid for r in again.find(Query(), 9)] == ["CA1"]
    again.close()


def test_processes_that_start_together_bring_the_file_forward_once(tmp_path: Path) -> None:
    path, opened = old_file(tmp_path / "calls.db"), []
    threads = [threading.Thread(target=lambda: opened.append(SqliteStore(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(opened) == 8
    is_all_there(opened[0])
    for store in opened:
        store.close()


def test_a_file_that_cannot_be_brought_forward_stays_as_it_was(tmp_path: Path, monkeypatch) -> None:
    path = old_file(tmp_path / "calls.db")

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("agent.providers.sqlite_schema.insert", full)
    with pytest.raises(StoreError, match=r"cannot use .*disk is full"):
        SqliteStore(path)
    monkeypatch.undo()

    store = SqliteStore(path)
    is_all_there(store)
    store.close()


def test_a_file_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "calls.db").close()
    with sqlite3.connect(tmp_path / "calls.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(StoreError, match=r"cannot use .*calls.db: it has schema 99, of a newer version"):
        SqliteStore(tmp_path / "calls.db")


def test_documents_of_the_version_before_are_found(mongo_uri: str) -> None:
    with pymongo.MongoClient(mongo_uri) as client:
        client.drop_database("calling_agent")
        calls = client["calling_agent"]["calls"]
        calls.create_index("call_sid", unique=True)
        calls.insert_many([dict(FIRST_VERSION), msgspec.to_builtins(SECOND), {"call_sid": "CA3", "entries": 1}])
    store = MongoStore(Mongo(mongo_uri))

    with pytest.raises(StoreError, match="cannot be read"):
        store.get("CA3")
    is_all_there(store)
    store.close()


def test_what_a_process_of_the_version_before_goes_on_saving_is_found_after_the_next_look(mongo_uri: str) -> None:
    with pymongo.MongoClient(mongo_uri) as client:
        client.drop_database("calling_agent")
        store = MongoStore(Mongo(mongo_uri))
        store.save(record("CA2"))
        store.prepare()
        client["calling_agent"]["calls"].replace_one({"call_sid": "CA2"}, msgspec.to_builtins(SECOND))
        store.prepare()

    assert [r.call_sid for r in store.find(Query(text="priya"), 9)] == ["CA2"]
    store.close()


def test_what_is_left_out_of_a_page_is_told_with_whose_it_is(mongo_uri: str) -> None:
    with pymongo.MongoClient(mongo_uri) as client:
        client.drop_database("calling_agent")
        store = MongoStore(Mongo(mongo_uri))
        store.save(record("CA1"), record("CA2", recording="a.wav"), record("CA3"))
        calls = client["calling_agent"]["calls"]
        calls.update_one({"call_sid": "CA2"}, {"$set": {"duration_ms": "soon"}})
        calls.update_one({"call_sid": "CA3"}, {"$unset": {"caller": 1}})
    unread = {}

    assert [r.call_sid for r in store.find(Query(number=record().caller), 9, None, unread.__setitem__)] == ["CA1"]
    assert (unread["CA2"].caller, unread["CA2"].recording) == (record().caller, "a.wav")
    assert unread["CA3"] is None
    store.close()
