"""A server that fails in ways it knows: what was answered is kept, and what was not is an error in words."""

import pymongo
import pytest

from agent.errors import StoreError
from agent.keep.query import Query
from agent.providers.mongo import MongoStore
from agent.providers.mongo_database import Mongo
from tests.agent.providers.test_stores import record
from tests.fakes.mongod import Mongod, failing

NOT_PRIMARY, DISK_FULL, WRITE_TIMEOUT = 10107, 14031, 64


@pytest.fixture
def store(mongo_uri: str):
    with pymongo.MongoClient(mongo_uri) as client:
        client.drop_database("calling_agent")
    made = MongoStore(Mongo(mongo_uri))
    made.prepare()
    yield made
    made.close()


@pytest.mark.parametrize(
    "how",
    [
        {"closeConnection": True},
        {"errorCode": NOT_PRIMARY, "errorLabels": ["RetryableWriteError"]},
    ],
)
def test_one_failure_is_made_up_for(store: MongoStore, mongo_uri: str, how: dict) -> None:
    with failing(mongo_uri, "update", times=1, **how):
        store.save(record("CA1"), record("CA2"))
    with failing(mongo_uri, "findAndModify", times=1, **how):
        assert store.delete("CA2") == 1
    with failing(mongo_uri, "find", times=1, **how):
        assert [r.call_sid for r in store.find(Query(text="priya"), 9)] == ["CA1"]


@pytest.mark.parametrize("how", [{"errorCode": DISK_FULL}, {"closeConnection": True}])
def test_a_failure_that_lasts_is_an_error_and_the_next_try_works(
    store: MongoStore, mongo_uri: str, how: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(record("CA1"))
    monkeypatch.setattr("agent.providers.mongo_database.LIMIT_S", 0.3)
    with failing(mongo_uri, "update", "find", "findAndModify", **how):
        for ask in (lambda: store.save(record("CA2")), lambda: store.find(Query(), 9), lambda: store.delete("CA1")):
            with pytest.raises(StoreError, match="MongoDB"):
                ask()
    monkeypatch.undo()

    store.save(record("CA2"))
    assert len(store.find(Query(), 9)) == 2


def test_a_write_that_is_not_on_the_other_members_is_an_error(store: MongoStore, mongo_uri: str) -> None:
    fault = {"code": WRITE_TIMEOUT, "errmsg": "waiting for replication timed out"}
    with failing(mongo_uri, "update", writeConcernError=fault), pytest.raises(StoreError, match="MongoDB"):
        store.save(record("CA1"), record("CA2"))
    store.save(record("CA1"))

    assert store.get("CA1") == record("CA1")


def test_who_goes_on_with_a_call_reads_what_was_written_last_whatever_the_uri_prefers(
    store: MongoStore, mongo_uri: str
) -> None:
    """A secondary may be behind; this set has none, so who insists on one gets no answer."""
    store.save(record("CA1"))
    prefers = mongo_uri.replace("directConnection=true", "replicaSet=rs0&readPreference=secondary")
    other = MongoStore(Mongo(prefers))
    try:
        assert other.get("CA1") == record("CA1")
    finally:
        other.close()


def test_a_server_that_hangs_is_an_error_within_the_limit(store: MongoStore, mongo_uri: str, monkeypatch) -> None:
    monkeypatch.setattr("agent.providers.mongo_database.LIMIT_S", 0.2)
    with (
        failing(mongo_uri, "update", blockConnection=True, blockTimeMS=1000),
        pytest.raises(StoreError, match="MongoDB"),
    ):
        store.save(record("CA1"))


def test_a_record_that_no_document_can_hold_is_an_error(store: MongoStore) -> None:
    for odd in ({"revision": 2**70}, {"facts": {"a\0b": "c"}}, {"summary": "x" * (17 << 20)}):
        with pytest.raises(StoreError, match="MongoDB"):
            store.save(record("CA1", **odd))


def test_an_index_that_cannot_be_made_yet_is_made_later(store: MongoStore, mongo_uri: str) -> None:
    with pymongo.MongoClient(mongo_uri) as client:
        client.drop_database("calling_agent")
        other = MongoStore(Mongo(mongo_uri))
        with failing(mongo_uri, "createIndexes", errorCode=DISK_FULL), pytest.raises(StoreError):
            other.prepare()
        other.save(record("CA1"))
        other.prepare()
        names = set(client["calling_agent"]["calls"].index_information())
    other.close()

    by_figure = {f"{field}_-1__at_-1" for field in ("lead.score", "duration_ms", "cost_usd")}
    assert names == {"_id_", "call_sid_1", "_at_-1", "_terms_1__at_-1", "_deleted_1", *by_figure}


def test_a_server_that_comes_later_is_used_then(monkeypatch: pytest.MonkeyPatch) -> None:
    mongod = Mongod()
    mongod.kill()
    store = MongoStore(Mongo(mongod.uri))
    monkeypatch.setattr("agent.providers.mongo_database.LIMIT_S", 0.2)
    for ask in (store.prepare, lambda: store.save(record()), lambda: store.find(Query(), 9)):
        with pytest.raises(StoreError, match="MongoDB"):
            ask()

    monkeypatch.undo()
    mongod.start()
    store.save(record())
    assert store.find(Query(text="priya"), 9) == [record()]
    store.close()
    mongod.remove()


def test_an_index_that_takes_longer_than_an_operation_may_is_made_all_the_same(
    mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As over a million records that came from a dump."""
    with pymongo.MongoClient(mongo_uri) as client:
        client.drop_database("calling_agent")
    monkeypatch.setattr("agent.providers.mongo_database.LIMIT_S", 0.3)
    store = MongoStore(Mongo(mongo_uri))
    with failing(mongo_uri, "createIndexes", times=1, blockConnection=True, blockTimeMS=600):
        store.prepare()
    store.save(record())

    assert store.find(Query(), 9) == [record()]
    store.close()
