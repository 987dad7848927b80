"""One contract, two books of who may be called: SQLite in a file, MongoDB in a real mongod."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pymongo
import pytest

from agent.errors import StoreError
from agent.guard.dial_book import ATTEMPTS_KEPT_S, DialBook, DoNotCall
from agent.providers.mongo_database import Mongo
from agent.providers.mongo_dial_book import MongoDialBook
from agent.providers.sqlite_dial_book import SqliteDialBook

ASHA = DoNotCall("+919876543210", "the caller", "asked on the call CA1", "2026-11-27T10:00:00.000+00:00")
DAY = "2026-11-27"


@pytest.fixture(params=["sqlite", "mongo", "standalone"])
def make(request: pytest.FixtureRequest, tmp_path):
    """Makes another process's book on the same, at first empty, database."""
    if request.param == "sqlite":
        yield lambda: SqliteDialBook(tmp_path / "new" / "dial_book.db")
        return
    uri = request.getfixturevalue(f"{request.param}_uri")
    with pymongo.MongoClient(uri) as client:
        client.drop_database("calling_agent")
    opened = []

    def another() -> MongoDialBook:
        opened.append(Mongo(uri))
        return MongoDialBook(opened[-1])

    yield another
    for mongo in opened:
        mongo.close()


@pytest.fixture
def book(make):
    made: DialBook = make()
    yield made
    made.close()


def test_who_is_on_the_list_is_found_by_every_process(book: DialBook, make) -> None:
    assert book.add([ASHA]) == 1
    other = make()
    try:
        assert other.get(ASHA.number) == ASHA
        assert other.get("+919876543211") is None
    finally:
        other.close()


def test_who_asks_again_stays_as_they_were(book: DialBook) -> None:
    book.add([ASHA])

    assert book.add([DoNotCall(ASHA.number, "the API"), DoNotCall("+911"), DoNotCall("+911", "again")]) == 1
    assert book.get(ASHA.number) == ASHA
    assert book.get("+911") == DoNotCall("+911")
    assert book.add([]) == 0


def test_a_number_can_be_taken_off(book: DialBook) -> None:
    book.add([ASHA])

    assert book.remove(ASHA.number) is True
    assert book.remove(ASHA.number) is False
    assert book.get(ASHA.number) is None


def test_the_list_is_read_a_page_at_a_time(book: DialBook) -> None:
    numbers = [f"+9198765{n:05}" for n in range(25)]
    book.add([DoNotCall(number) for number in reversed(numbers)])

    seen, after = [], ""
    while page := book.listed(after, 10):
        seen += [each.number for each in page]
        after = seen[-1]

    assert seen == numbers


def test_a_days_calls_are_counted_up_to_the_most(book: DialBook) -> None:
    assert [book.take(ASHA.number, DAY, 2) for _ in range(3)] == [True, True, False]
    assert book.attempts(ASHA.number, DAY) == 2
    assert book.attempts(ASHA.number, "2026-11-28") == 0
    assert book.take(ASHA.number, "2026-11-28", 2) is True
    assert book.take("+911", DAY, 0) is False


def test_one_that_was_none_is_given_back(book: DialBook) -> None:
    book.take(ASHA.number, DAY, 1)
    book.give_back(ASHA.number, DAY)
    book.give_back(ASHA.number, DAY)
    book.give_back("+911", DAY)

    assert [book.take(ASHA.number, DAY, 1) for _ in range(2)] == [True, False]


def test_processes_that_call_at_once_share_a_days_calls_exactly(make) -> None:
    books = [make() for _ in range(4)]
    together = threading.Barrier(4)

    def race(book: DialBook) -> int:
        together.wait()
        return sum(book.take(f"+91987654{n:04}", DAY, 3) for n in range(20) for _ in range(2))

    with ThreadPoolExecutor(4) as pool:
        taken = sum(pool.map(race, books))

    assert taken == 20 * 3
    assert {books[0].attempts(f"+91987654{n:04}", DAY) for n in range(20)} == {3}
    for book in books:
        book.close()


def test_how_often_a_number_was_called_is_forgotten_in_time(tmp_path, monkeypatch) -> None:
    book, clock = SqliteDialBook(tmp_path / "book.db"), [1e9]
    monkeypatch.setattr("agent.providers.sqlite_dial_book.time.time", lambda: clock[0])
    book.take(ASHA.number, DAY, 1)
    clock[0] += ATTEMPTS_KEPT_S
    book.take("+911", DAY, 1)
    assert book.attempts(ASHA.number, DAY) == 1
    clock[0] += 1
    book.take("+912", DAY, 1)
    assert [book.attempts(number, DAY) for number in (ASHA.number, "+911", "+912")] == [0, 1, 1]
    book.close()


def test_a_file_that_cannot_be_used_is_told_when_it_is_asked(tmp_path) -> None:
    (tmp_path / "book.db").write_bytes(b"no database" * 200)
    book = SqliteDialBook(tmp_path / "book.db")

    with pytest.raises(StoreError, match=r"book\.db"):
        book.get("+911")
    book.close()


def test_a_file_of_a_later_version_is_left_alone(tmp_path) -> None:
    book = SqliteDialBook(tmp_path / "book.db")
    book.add([ASHA])
    book._connections[1].write(lambda db: db.execute("PRAGMA user_version = 9"))
    book.close()

    with pytest.raises(StoreError, match="newer"):
        SqliteDialBook(tmp_path / "book.db").get(ASHA.number)


def test_a_database_that_is_away_is_told(monkeypatch) -> None:
    monkeypatch.setattr("agent.providers.mongo_database.LIMIT_S", 0.05)
    mongo = Mongo("mongodb://127.0.0.1:9/")
    book = MongoDialBook(mongo)
    try:
        for ask in (lambda: book.get("+911"), lambda: book.take("+911", DAY, 1), lambda: book.add([ASHA])):
            with pytest.raises(StoreError, match="MongoDB"):
                ask()
    finally:
        mongo.close()
