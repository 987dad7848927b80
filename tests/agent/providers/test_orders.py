"""One contract, two stores of orders: SQLite in a file, MongoDB in a real mongod, as a replica set and standalone."""

import threading
from datetime import UTC, datetime, timedelta

import msgspec
import pymongo
import pytest

from agent.errors import StoreError
from agent.guard.order import Order, Wanted
from agent.guard.progress import order_id
from agent.providers.mongo_database import Mongo
from agent.providers.mongo_orders import MongoOrders
from agent.providers.sqlite_orders import SqliteOrders

changed = msgspec.structs.replace


def order(n: int = 1, *, key: str = "", to: str = "+919876543210", days: float = 0, **changes) -> Order:
    wanted = Wanted(to, "to ask", variables={"a.b": "$x", "name": "आशा"}, campaign="may", idempotency_key=key)
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
    return changed(Order(order_id(1e9 + n, bytes(10)), wanted, at), **changes)


@pytest.fixture(params=["sqlite", "mongo", "standalone"])
def make(request: pytest.FixtureRequest, tmp_path):
    """Makes another process's store on the same, at first empty, database."""
    if request.param != "sqlite":
        uri = request.getfixturevalue(f"{request.param}_uri")
        with pymongo.MongoClient(uri) as client:
            client.drop_database("calling_agent")
        return lambda: MongoOrders(Mongo(uri))
    return lambda: SqliteOrders(tmp_path / "new" / "orders.db")


@pytest.fixture
def store(make):
    made = make()
    yield made
    made.close()


def test_an_order_comes_back_as_it_went_in_also_to_another_process(store, make) -> None:
    assert store.begin(order(call_sid="CA1")) == order(
        call_sid="CA1", created_at=store.get(order().order_id).created_at
    )

    other = make()
    assert other.get(order().order_id) == other.by_call("CA1") == store.get(order().order_id)
    assert (other.get("OR0"), other.by_call("CA2"), other.by_call(""), other.by_key("")) == (None, None, None, None)
    other.close()


def test_the_same_key_is_the_same_order(store) -> None:
    first = store.begin(order(1, key="k"))

    assert store.begin(order(2, key="k", to="+911")) == first == store.by_key("k")
    assert store.get(order(2).order_id) is None
    assert store.begin(order(3)).order_id == order(3).order_id, "orders without a key are many"
    assert store.begin(order(4)).order_id == order(4).order_id


def test_one_key_asked_for_at_once_by_many_is_one_order(store, make) -> None:
    stores = [make() for _ in range(4)]
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: got.append(stores[n % 4].begin(order(n, key="k")).order_id))
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in stores:
        each.close()

    assert len(got) == 16
    assert len(set(got)) == 1
    assert len(store.find(None, 99)) == 1


def test_only_who_has_seen_the_newest_changes_it(store, make) -> None:
    first = store.begin(order())
    ringing, over = changed(first, state="ringing", call_sid="CA1"), changed(first, state="busy", call_sid="CA1")

    assert store.replace(first, ringing)
    assert not store.replace(first, over)
    assert store.get(first.order_id) == ringing
    assert store.replace(ringing, over)
    assert store.by_call("CA1") == over
    assert not store.replace(order(9), changed(order(9), state="busy")), "of no order that there is"

    stores, won = [make() for _ in range(4)], []
    threads = [
        threading.Thread(target=lambda n=n: won.append(stores[n % 4].replace(over, changed(over, sequence=n))))
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in stores:
        each.close()
    assert sorted(won) == [False] * 11 + [True]


def test_what_is_open_and_what_is_in_a_state_page_by_page(store) -> None:
    for n, state in enumerate(["completed", "placing", "unknown", "busy", "answered", "failed"], start=1):
        store.begin(order(n, state=state))

    def ids(*numbers):
        return [order(n).order_id for n in numbers]

    assert [o.order_id for o in store.open(9)] == ids(2, 3, 5)
    assert [o.order_id for o in store.open(2)] == ids(2, 3)
    assert [o.order_id for o in store.find(None, 2)] == ids(6, 5)
    assert [o.order_id for o in store.find(None, 9, after=order(5).order_id)] == ids(4, 3, 2, 1)
    assert [o.order_id for o in store.find("busy", 9)] == ids(4)
    assert store.find("busy", 9, after=order(4).order_id) == []


def test_a_persons_orders_are_forgotten_but_for_a_call_that_is_not_over(store) -> None:
    for n, state in enumerate(["completed", "placing"], start=1):
        store.begin(order(n, state=state))
    store.begin(order(3, to="+911234567890", state="busy"))

    assert store.erase("+919876543210") == (1, 1)
    assert [o.order_id for o in store.find(None, 9)] == [order(3).order_id, order(2).order_id]
    assert store.erase("+900000000") == (0, 0)


def test_old_orders_are_forgotten_some_at_a_time(store) -> None:
    for n in range(1, 6):
        store.begin(order(n, days=40, state="completed" if n < 5 else "answered"))
    store.begin(order(6, days=1, state="completed"))

    assert store.expire(None, 9) == 0
    assert [store.expire(30, 3), store.expire(30, 3), store.expire(30, 3)] == [3, 1, 0]
    assert [o.order_id for o in store.find(None, 9)] == [order(6).order_id, order(5).order_id]


@pytest.mark.parametrize("way", ["erased", "expired"])
def test_what_is_forgotten_leaves_the_disk(tmp_path, way: str) -> None:
    store = SqliteOrders(tmp_path / "orders.db")
    store.begin(order(1, to="+919876500001", days=40, state="completed"))
    store.begin(order(2, to="+919876500002", state="completed"))
    assert (store.erase("+919876500001") if way == "erased" else (store.expire(30, 9), 0)) == (1, 0)

    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    store.close()
    assert (b"9876500001" in left, b"9876500002" in left) == (False, True)


def test_sqlite_says_where_a_file_cannot_be_used(tmp_path) -> None:
    (tmp_path / "orders.db").write_bytes(b"no database" * 100)

    with pytest.raises(StoreError, match=r"orders\.db"):
        SqliteOrders(tmp_path / "orders.db")
