"""One contract for leases, three stores: the fake in memory, SQLite in a file, MongoDB in a real mongod."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import msgspec
import pymongo
import pytest

from agent.errors import StoreError
from agent.guard import lease as rules
from agent.guard.lease import KEPT_S, LEASE_S, Lease, LeaseStore, Stand
from agent.providers.mongo_database import Mongo
from agent.providers.mongo_leases import MongoLeases
from agent.providers.sqlite_leases import SqliteLeases
from tests.fakes.memory_leases import MemoryLeases

MINE = Lease("CA1", "one", 1, "MZ1", Stand.HELD, 0.0, line="sales", language="en-IN", voice="nova", campaign="Oak")

ORPHAN_S = 60.0


def leg(fence: int, holder: str = "one", call_sid: str = "CA1") -> Lease:
    return Lease(call_sid, holder, fence, f"MZ{fence}", Stand.HELD, 0.0)


@dataclass
class Place:
    """Where leases are kept: processes open it, and time passes."""

    open: Callable[[], LeaseStore]
    age: Callable[[float], None]
    """All that is kept becomes so many seconds older."""
    now: Callable[[], float] = time.time


@pytest.fixture(params=["memory", "sqlite", "mongo"])
def place(request: pytest.FixtureRequest, tmp_path) -> Iterator[Place]:
    opened: list[LeaseStore | Mongo] = []
    later = [0.0]

    def clock() -> float:
        return time.time() + later[0]

    def age(seconds: float) -> None:
        later[0] += seconds

    if request.param == "memory":
        shared = MemoryLeases(clock)
        yield Place(lambda: shared, age, clock)
    elif request.param == "sqlite":

        def open_file() -> LeaseStore:
            opened.append(store := SqliteLeases(tmp_path / "new" / "leases.db", clock))
            return store

        yield Place(open_file, age, clock)
    else:
        uri = request.getfixturevalue("mongo_uri")
        with pymongo.MongoClient(uri) as client:
            leases = client["calling_agent"]["leases"]
            leases.delete_many({})

            def open_mongo() -> LeaseStore:
                opened.append(mongo := Mongo(uri))
                return MongoLeases(mongo)

            def age_mongo(seconds: float) -> None:
                for each in leases.find():
                    leases.update_one(
                        {"_id": each["_id"]}, {"$set": {"until": each["until"] - timedelta(seconds=seconds)}}
                    )

            yield Place(open_mongo, age_mongo)
    for each in opened:
        each.close()


@pytest.fixture
def store(place: Place) -> LeaseStore:
    return place.open()


def stripped(lease: Lease | None) -> Lease | None:
    return lease and msgspec.structs.replace(lease, until=0.0)


def test_a_lease_is_found_by_every_process_as_it_was_taken(store: LeaseStore, place: Place) -> None:
    before = place.now()
    lease, changed = store.change("CA1", rules.take(MINE))

    assert changed
    assert stripped(lease) == MINE
    found = place.open().get("CA1")
    assert stripped(found) == MINE
    assert found is not None
    assert before + LEASE_S - 1 < found.until < place.now() + LEASE_S + 1
    assert store.get("CA2") is None


def test_the_newest_leg_holds_whatever_the_one_before_believes(store: LeaseStore, place: Place) -> None:
    store.change("CA1", rules.take(MINE))
    other = place.open()

    lease, changed = other.change("CA1", rules.take(leg(2, "two")))
    assert changed
    assert lease is not None
    assert (lease.holder, lease.fence, lease.line, lease.campaign) == ("two", 2, "sales", "Oak")
    for rule in (rules.take(MINE), rules.leave(MINE, Stand.OVER), rules.take(leg(2, "three"))):
        now, changed = store.change("CA1", rule)
        assert (stripped(now), changed) == (stripped(lease), False)


def test_what_is_over_stays_so_unless_a_newer_stream_shows_that_it_is_not(store: LeaseStore) -> None:
    store.change("CA1", rules.take(MINE))
    store.change("CA1", rules.leave(MINE, Stand.OVER))

    for rule in (rules.take(MINE), rules.leave(MINE, Stand.LOST), rules.take(leg(1, "two"))):
        lease, changed = store.change("CA1", rule)
        assert not changed
        assert lease is not None
        assert lease.stand is Stand.OVER
    assert store.change("CA1", rules.take(leg(2, "two")))[1]


def test_one_statement_prolongs_all_that_is_held_and_tells_what_is_not_any_more(
    store: LeaseStore, place: Place
) -> None:
    for n in range(4):
        store.change(f"CA{n}", rules.take(leg(1, call_sid=f"CA{n}")))
    store.change("CA1", rules.leave(leg(1), Stand.LOST))
    store.change("CA2", rules.take(leg(2, "two", "CA2")))
    store.change("CA3", rules.leave(leg(1, call_sid="CA3"), Stand.OVER, done=True))
    place.age(LEASE_S + 1)

    assert store.renew("one") == {"CA0": 1, "CA1": 1}
    assert store.renew("nobody") == {}
    held, lost, moved = (store.get(sid) for sid in ("CA0", "CA1", "CA2"))
    assert held is not None
    assert lost is not None
    assert moved is not None
    assert held.live(place.now())
    assert lost.until <= place.now() - LEASE_S
    assert not moved.live(place.now())


def test_who_finishes_a_record_keeps_its_lease_meanwhile(store: LeaseStore, place: Place) -> None:
    store.change("CA1", rules.take(MINE))
    store.change("CA1", rules.leave(MINE, Stand.OVER))
    place.age(ORPHAN_S + LEASE_S + 1)
    store.renew("one")

    assert store.stale(ORPHAN_S, 10) == []
    place.age(ORPHAN_S + LEASE_S + 1)
    assert [lease.call_sid for lease in store.stale(ORPHAN_S, 10)] == ["CA1"]
    lease, changed = store.change("CA1", rules.claim("two", ORPHAN_S))
    assert changed
    assert lease is not None
    assert (lease.holder, lease.stand, lease.fence) == ("two", Stand.OVER, 1)
    assert store.change("CA1", rules.claim("three", ORPHAN_S))[1] is False
    assert store.change("CA1", rules.leave(lease, Stand.OVER, done=True))[1] is True
    place.age(10 * ORPHAN_S)
    assert store.stale(ORPHAN_S, 10) == []


def test_orphans_come_the_oldest_first_and_not_before_their_time(store: LeaseStore, place: Place) -> None:
    for n in (3, 1, 2):
        store.change(f"CA{n}", rules.take(leg(1, call_sid=f"CA{n}")))
        place.age(1)
    place.age(LEASE_S + ORPHAN_S - 3)
    store.change("CA4", rules.take(leg(1, call_sid="CA4")))

    assert [lease.call_sid for lease in store.stale(ORPHAN_S - 5, 2)] == ["CA3", "CA1"]
    assert store.stale(2 * ORPHAN_S, 2) == []
    assert store.change("CA4", rules.claim("two", ORPHAN_S))[1] is False


def test_a_leg_is_rescued_once_and_only_where_nobody_is_on_it(store: LeaseStore, place: Place) -> None:
    store.change("CA1", rules.take(MINE))

    assert store.change("CA1", rules.rescue(1, "MZ1"))[1] is False
    place.age(LEASE_S + 1)
    assert store.change("CA1", rules.rescue(1, "MZ0"))[1] is False
    assert [store.change("CA1", rules.rescue(1, "MZ1"))[1] for _ in range(2)] == [True, False]
    store.change("CA1", rules.take(leg(2, "two")))
    place.age(LEASE_S + 1)
    assert store.change("CA1", rules.rescue(1, "MZ1"))[1] is False
    assert store.change("CA1", rules.rescue(2, "MZ2"))[1] is True


def test_erased_and_expired_leases_are_nowhere(store: LeaseStore, place: Place) -> None:
    for sid in ("CA1", "CA2", "CA3"):
        store.change(sid, rules.take(leg(1, call_sid=sid)))
    store.erase("CA1", "CA9")
    assert store.get("CA1") is None

    place.age(KEPT_S + LEASE_S - 60)
    store.change("CA4", rules.take(leg(1, call_sid="CA4")))
    place.age(120)
    store.expire()
    if isinstance(store, MongoLeases):  # the server does so itself, once a minute
        store.stale(0, 1)
        ttl = [each for each in store._leases.list_indexes() if "expireAfterSeconds" in each]
        assert [(list(each["key"]), each["expireAfterSeconds"]) for each in ttl] == [(["until"], int(KEPT_S))]
    else:
        assert [store.get(sid) is None for sid in ("CA2", "CA3", "CA4")] == [True, True, False]


def test_of_many_who_want_the_same_leg_one_has_it(place: Place) -> None:
    stores = [place.open() for _ in range(4)]
    together = threading.Barrier(4)
    taken: list[tuple[str, str]] = []

    def race(n: int) -> None:
        together.wait()
        for call in range(10):
            sid, name = f"CA{call}", f"process {n}"
            if stores[n].change(sid, rules.take(leg(2, name, sid)))[1]:
                taken.append((sid, name))
            stores[n].renew(name)

    threads = [threading.Thread(target=race, args=(n,)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(sid for sid, _ in taken) == [f"CA{n}" for n in range(10)]
    assert {sid: lease.holder for sid, _ in taken if (lease := stores[0].get(sid))} == dict(taken)


def test_a_database_that_is_away_is_told(monkeypatch) -> None:
    monkeypatch.setattr("agent.providers.mongo_database.LIMIT_S", 0.05)
    mongo = Mongo("mongodb://127.0.0.1:9/")
    store = MongoLeases(mongo)
    try:
        for ask in (
            lambda: store.get("CA1"),
            lambda: store.change("CA1", rules.take(MINE)),
            lambda: store.renew("one"),
            lambda: store.stale(1, 1),
            lambda: store.erase("CA1"),
        ):
            with pytest.raises(StoreError, match="MongoDB"):
                ask()
    finally:
        mongo.close()


@pytest.mark.parametrize("place", ["mongo"], indirect=True)
@pytest.mark.parametrize("what", ["take", "renew"])
def test_who_reads_a_lease_that_changes_before_they_write_reads_it_again(
    store: LeaseStore, place: Place, what: str
) -> None:
    store.change("CA1", rules.take(MINE))
    other, asked = place.open(), []

    def leave(lease: Lease | None, now: float) -> Lease | None:
        asked.append(lease)
        if len(asked) == 1:
            if what == "take":
                other.change("CA1", rules.take(leg(2, "two")))
            else:
                other.renew("one")
        return rules.leave(MINE, Stand.LOST)(lease, now)

    lease, changed = store.change("CA1", leave)
    assert len(asked) == 2
    assert lease is not None
    assert (changed, lease.holder, lease.stand) == (
        (False, "two", Stand.HELD) if what == "take" else (True, "one", Stand.LOST)
    )


def test_a_lease_that_cannot_be_read_is_told(mongo_uri) -> None:
    mongo = Mongo(mongo_uri)
    mongo.database["leases"].replace_one({"_id": "CA1"}, {"stand": "sideways"}, upsert=True)
    try:
        with pytest.raises(StoreError, match="the lease of CA1 cannot be read"):
            MongoLeases(mongo).get("CA1")
    finally:
        mongo.database["leases"].delete_one({"_id": "CA1"})
        mongo.close()


def test_a_file_of_a_later_version_is_left_alone(tmp_path) -> None:
    path = tmp_path / "leases.db"
    first = SqliteLeases(path)
    first._db.write(lambda db: db.execute("PRAGMA user_version = 99"))
    first.close()

    with pytest.raises(StoreError, match="version 99"):
        SqliteLeases(path)


def test_a_file_that_is_no_database_is_told(tmp_path) -> None:
    (tmp_path / "leases.db").write_bytes(b"no database" * 200)

    with pytest.raises(StoreError, match=r"leases\.db"):
        SqliteLeases(tmp_path / "leases.db")


@pytest.mark.parametrize("place", ["sqlite", "mongo"], indirect=True)
def test_a_lease_that_cannot_be_read_hides_no_orphan(store: LeaseStore, place: Place, tmp_path, mongo_uri) -> None:
    for call_sid in ("CA1", "CA2"):
        store.change(call_sid, rules.take(leg(1, call_sid=call_sid)))
    if isinstance(store, MongoLeases):
        with pymongo.MongoClient(mongo_uri) as client:
            client["calling_agent"]["leases"].update_one({"_id": "CA1"}, {"$set": {"fence": "one"}})
    else:
        db = sqlite3.connect(tmp_path / "new" / "leases.db")
        with closing(db), db:
            db.execute("UPDATE leases SET lease = ? WHERE call_sid = 'CA1'", (b'{"fence": "one"}',))
    place.age(LEASE_S + ORPHAN_S + 1)

    assert [each.call_sid for each in store.stale(ORPHAN_S, 9)] == ["CA2"]
