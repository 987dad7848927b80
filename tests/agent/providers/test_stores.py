"""One contract, two stores: SQLite in a file, MongoDB in a real mongod, as a replica set and standalone."""

import sqlite3
import threading

import pymongo
import pytest

from agent.errors import StoreError
from agent.keep.ports import CallStore
from agent.keep.query import Query
from agent.keep.record import CallRecord, Entry, TurnTimes
from agent.providers.mongo import MongoStore
from agent.providers.mongo_database import Mongo
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


@pytest.fixture(params=["sqlite", "mongo", "standalone"])
def make(request: pytest.FixtureRequest, tmp_path):
    """Makes another process's store on the same, at first empty, database."""
    if request.param != "sqlite":
        uri = request.getfixturevalue(f"{request.param}_uri")
        with pymongo.MongoClient(uri) as client:
            client.drop_database("calling_agent")
        return lambda: MongoStore(Mongo(uri))
    return lambda: SqliteStore(tmp_path / "new" / "calls.db")


@pytest.fixture
def store(make):
    made: CallStore = make()
    yield made
    made.close()


def test_a_record_comes_back_as_it_went_in(store: CallStore) -> None:
    store.save(record())

    assert store.get("CA1") == record()
    assert store.get("CA2") is None


def test_saving_again_replaces(store: CallStore) -> None:
    store.save(record(ending="failed"))
    store.save(record(ending="time limit"))

    assert [r.ending for r in store.find(Query(), 10)] == ["time limit"]


def test_an_older_state_never_replaces_a_newer_one(store: CallStore) -> None:
    store.save(record(revision=7, ending="time limit"), record("CA2", revision=7))
    store.save(record(revision=6, ending=""), record("CA2", revision=8, ending="failed"), record("CA3"))

    assert {r.call_sid: (r.revision, r.ending) for r in store.find(Query(), 9)} == {
        "CA1": (7, "time limit"),
        "CA2": (8, "failed"),
        "CA3": (0, "caller hung up"),
    }


def test_a_record_from_before_revisions_is_replaced(store: CallStore, request: pytest.FixtureRequest, tmp_path) -> None:
    store.save(record())
    if isinstance(store, SqliteStore):
        with sqlite3.connect(tmp_path / "new" / "calls.db") as db:
            db.execute("UPDATE calls SET record = json_remove(record, '$.revision'), revision = 0")
        db.close()
    else:
        store._calls.update_one({}, {"$unset": {"revision": 1}})

    store.save(record(ending="failed"))

    assert [r.ending for r in store.find(Query(), 9)] == ["failed"]


def test_writers_of_one_call_leave_its_newest_state(store: CallStore) -> None:
    states = [record(revision=n, ending=str(n)) for n in range(24)]
    threads = [threading.Thread(target=store.save, args=(state,)) for state in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert [r.ending for r in store.find(Query(), 9)] == ["23"]


def test_the_newest_come_first(store: CallStore) -> None:
    for n in range(5):
        store.save(record(f"CA{n}", f"2026-11-22T10:00:0{n}.000+00:00"))

    assert [r.call_sid for r in store.find(Query(), 3)] == ["CA4", "CA3", "CA2"]


def test_threads_may_share_a_store(store: CallStore) -> None:
    threads = [threading.Thread(target=store.save, args=(record(f"CA{n}"),)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(store.find(Query(), 100)) == 16


def test_a_call_that_is_to_be_passed_on_is_known_until_that_is_long_past(store: CallStore, monkeypatch) -> None:
    store.hand_over("CA1", "+911111111")
    store.hand_over("CA1", "+919900112233")

    assert store.handed_over("CA1") == "+919900112233"
    assert store.handed_over("CA1") == "+919900112233"
    assert store.handed_over("CA2") is None

    monkeypatch.setattr(f"{type(store).__module__}.HAND_OVER_S", -1.0)
    assert store.handed_over("CA1") is None


def test_another_process_knows_that_a_call_is_to_be_passed_on(store: CallStore, make) -> None:
    other = make()

    store.hand_over("CA1", "sip:desk@example.in")

    assert other.handed_over("CA1") == "sip:desk@example.in"
    other.close()


def test_hand_overs_do_not_pile_up(tmp_path, monkeypatch) -> None:
    store = SqliteStore(tmp_path / "calls.db")
    store.hand_over("CA1", "+911111111")
    monkeypatch.setattr("agent.providers.sqlite.HAND_OVER_S", -1.0)
    store.hand_over("CA2", "+911111111")
    store.close()

    with sqlite3.connect(tmp_path / "calls.db") as db:
        assert db.execute("SELECT call_sid FROM hand_overs").fetchall() == [("CA2",)]
    db.close()


def test_mongodb_is_told_to_remove_old_hand_overs(mongo_uri: str) -> None:
    store = MongoStore(Mongo(mongo_uri))
    store.prepare()
    store.close()

    with pymongo.MongoClient(mongo_uri) as client:
        assert client["calling_agent"]["hand_overs"].index_information()["at_1"]["expireAfterSeconds"] == 600


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
    monkeypatch.setattr("agent.providers.mongo_database.LIMIT_S", 0.2)
    store = MongoStore(Mongo("mongodb://127.0.0.1:1/"))

    for ask in (lambda: store.save(record()), lambda: store.hand_over("CA1", "+91"), lambda: store.handed_over("CA1")):
        with pytest.raises(StoreError, match="MongoDB") as caught:
            ask()
        assert "refused" in str(caught.value)
        assert str(caught.value).count("(") == str(caught.value).count(")")
    store.close()


def test_a_uri_that_is_none_is_an_error_in_words() -> None:
    with pytest.raises(StoreError, match="MONGODB_URI"):
        MongoStore(Mongo("mongodb://"))
