"""One contract for keys and used tokens, two stores: SQLite in a file, MongoDB in a real mongod."""

import threading
import time

import msgspec
import pymongo
import pytest

from agent.errors import StoreError
from agent.guard import access
from agent.guard.access import AccessStore
from agent.guard.api_keys import ApiKey
from agent.providers import mongo_access, sqlite_access
from agent.providers.mongo_access import MongoAccess
from agent.providers.mongo_database import Mongo
from agent.providers.sqlite_access import SqliteAccess

NOW = 1_800_000_000.0


def key(key_id: str = "abcdefgh", **changes) -> ApiKey:
    return msgspec.structs.replace(ApiKey(key_id, "the CRM", "call", "0" * 64, NOW, NOW + 1), **changes)


def held(store: AccessStore) -> list[ApiKey]:
    return store.keys()


@pytest.fixture(params=["sqlite", "mongo"])
def make(request: pytest.FixtureRequest, tmp_path):
    """Makes another process's store on the same, at first empty, database."""
    if request.param == "sqlite":
        return lambda: SqliteAccess(tmp_path / "new" / "access.db")
    uri = request.getfixturevalue("mongo_uri")
    with pymongo.MongoClient(uri) as client:
        client.drop_database("calling_agent")
    made = []

    class Closed(MongoAccess):
        def close(self) -> None:
            self._mongo.close()

    def build() -> MongoAccess:
        made.append(Closed(Mongo(uri)))
        return made[-1]

    return build


@pytest.fixture
def store(make):
    made: AccessStore = make()
    yield made
    made.close()


def test_keys_come_back_as_they_went_in_the_oldest_first(store: AccessStore, make) -> None:
    young = key("bbbbbbbb", created_at=NOW + 5, expires_at=None, scope="admin", name="é ' ⛄")
    store.add(young)
    store.add(key())

    other: AccessStore = make()
    assert other.keys() == [key(), young]
    other.close()


def test_an_id_is_given_once(store: AccessStore) -> None:
    store.add(key())

    with pytest.raises(StoreError, match="there is a key abcdefgh already"):
        store.add(key(name="another"))
    assert store.keys() == [key()]


def test_there_are_only_so_many(store: AccessStore, monkeypatch) -> None:
    for module in (access, sqlite_access, mongo_access):
        monkeypatch.setattr(module, "MOST_KEYS", 1)
    store.add(key())

    with pytest.raises(StoreError, match="1 keys already"):
        store.add(key("bbbbbbbb"))


def test_a_revoked_key_stays_so_from_the_first_time(store: AccessStore) -> None:
    store.add(key())

    assert store.revoke("abcdefgh", NOW + 10)
    assert store.revoke("abcdefgh", NOW + 20)
    assert [each.revoked_at for each in held(store)] == [NOW + 10]
    assert not store.revoke("nobody", NOW)


def test_a_use_never_moves_back(store: AccessStore) -> None:
    store.add(key())
    for at in (NOW + 5, NOW + 9, NOW + 2):
        store.used("abcdefgh", at)
    store.used("nobody", NOW)

    assert [each.used_at for each in held(store)] == [NOW + 9]


def test_a_token_is_new_once_among_all_processes(make) -> None:
    stores: list[AccessStore] = [make() for _ in range(4)]
    first: list[bool] = []
    until = time.time() + 60

    def show(store: AccessStore) -> None:
        first.extend([store.burn(f"nonce {n}", until) for n in range(20)])

    threads = [threading.Thread(target=show, args=(store,)) for store in stores]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(first) == [False] * 60 + [True] * 20
    for store in stores:
        store.close()


def test_what_nobody_could_take_any_more_is_forgotten(tmp_path) -> None:
    store = SqliteAccess(tmp_path / "access.db")
    assert store.burn("old", time.time() - 1)
    assert store.burn("new", time.time() + 60)

    assert store._file.read(lambda db: db.execute("SELECT nonce FROM burnt").fetchall()) == [("new",)]
    store.close()


def test_mongodb_is_told_to_forget_by_itself(mongo_uri) -> None:
    mongo = Mongo(mongo_uri)
    mongo.database.drop_collection("burnt_tokens")
    MongoAccess(mongo).burn("nonce", time.time() + 60)

    assert mongo.database["burnt_tokens"].index_information()["until_1"]["expireAfterSeconds"] == 0
    mongo.close()


def test_a_damaged_key_lets_nobody_in_and_keeps_nobody_out(mongo_uri) -> None:
    mongo = Mongo(mongo_uri)
    mongo.database.drop_collection("api_keys")
    mongo.database["api_keys"].insert_one({"_id": "bbbbbbbb", "scope": "everything"})
    store = MongoAccess(mongo)
    store.add(key())

    assert store.keys() == [key()]
    mongo.close()


def test_a_file_of_a_newer_version_is_left_alone(tmp_path) -> None:
    path = tmp_path / "access.db"
    first = SqliteAccess(path)
    first._file.write(lambda db: db.execute("PRAGMA user_version = 99"))
    first.close()

    with pytest.raises(StoreError, match="version 99"):
        SqliteAccess(path)


def test_the_file_is_for_its_user_alone(tmp_path) -> None:
    SqliteAccess(tmp_path / "data" / "access.db").close()

    assert (tmp_path / "data" / "access.db").stat().st_mode & 0o077 == 0
