"""One contract, two stores: SQLite in a file, MongoDB in a real mongod."""

import sqlite3
import threading

import pymongo
import pytest

from agent.errors import StoreError
from agent.keep.ports import CallStore
from agent.keep.record import CallRecord, Entry, TurnTimes
from agent.providers.mongo import MongoStore
from agent.providers.sqlite import SqliteStore


def record(call_sid: str = "CA1", started_at: str = "2026-11-22T10:00:00.000+00:00", **changes) -> CallRecord:
    fields = {
        "call_sid": call_sid,
        "account_sid": "AC1",
        "caller": "+919876543210",
        "called": "+918012345678",
        "direction": "inbound",
        "started_at": started_at,
        "duration_ms": 61_000,
        "ending": "caller hung up",
        "entries": (
            Entry("agent", "नमस्ते, this is Priya.", 0, 2000, interrupted=True),
            Entry("caller", "₹80 lakh", 2100, 3000),
        ),
        "turns": (TurnTimes(80, 200, 300),),
        "facts": {"budget": "80 lakh"},
        "providers": {"stt": "moonshine"},
    }
    return CallRecord(**(fields | changes))


@pytest.fixture(params=["sqlite", "mongo"])
def store(request: pytest.FixtureRequest, tmp_path):
    if request.param == "sqlite":
        made: CallStore = SqliteStore(tmp_path / "new" / "calls.db")
    else:
        uri = request.getfixturevalue("mongo_uri")
        with pymongo.MongoClient(uri) as client:
            client.drop_database("calling_agent")
        made = MongoStore(uri)
    yield made
    made.close()


def test_a_record_comes_back_as_it_went_in(store: CallStore) -> None:
    store.save(record())

    assert store.get("CA1") == record()
    assert store.get("CA2") is None


def test_saving_again_replaces(store: CallStore) -> None:
    store.save(record(ending="failed"))
    store.save(record(ending="time limit"))

    assert [r.ending for r in store.newest(10)] == ["time limit"]


def test_the_newest_come_first(store: CallStore) -> None:
    for n in range(5):
        store.save(record(f"CA{n}", f"2026-11-22T10:00:0{n}.000+00:00"))

    assert [r.call_sid for r in store.newest(3)] == ["CA4", "CA3", "CA2"]


def test_threads_may_share_a_store(store: CallStore) -> None:
    threads = [threading.Thread(target=store.save, args=(record(f"CA{n}"),)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(store.newest(100)) == 16


def test_a_file_that_cannot_be_is_an_error_in_words(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot use"):
        SqliteStore(tmp_path / "file" / "calls.db")


def test_a_damaged_record_is_named_not_raised_raw(tmp_path) -> None:
    store = SqliteStore(tmp_path / "calls.db")
    store.save(record())
    with sqlite3.connect(tmp_path / "calls.db") as db:
        db.execute("UPDATE calls SET record = '{'")
    db.close()

    with pytest.raises(StoreError, match="cannot be read"):
        store.get("CA1")
    store.close()


def test_a_mongod_that_is_away_is_an_error_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.providers.mongo.LIMIT_S", 0.2)
    store = MongoStore("mongodb://127.0.0.1:1/")

    with pytest.raises(StoreError, match="MongoDB"):
        store.save(record())
    store.close()


def test_a_uri_that_is_none_is_an_error_in_words() -> None:
    with pytest.raises(StoreError, match="MONGODB_URI"):
        MongoStore("mongodb://")
