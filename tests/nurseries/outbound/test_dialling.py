"""The rules of calling out, over a real book: every rule that says no is told, and none is forgotten."""

from datetime import UTC, datetime

import pytest
import trio

from agent.config import Settings
from agent.errors import StoreError
from agent.guard.dial_book import DoNotCall
from agent.guard.order import Wanted
from agent.providers.sqlite_dial_book import SqliteDialBook
from nurseries.outbound.dialling import LIMIT_S, Dialling

ASHA, OURS = "+919876543210", "+918012345678"
NOON = datetime(2026, 11, 27, 6, 30, tzinfo=UTC)
"""In India."""


@pytest.fixture
def book(tmp_path):
    made = SqliteDialBook(tmp_path / "dial_book.db")
    yield made
    made.close()


def rules(book, at: datetime = NOON, asked=lambda _: False, **changes) -> Dialling:
    return Dialling(
        Settings(_env_file=None, **({"TWILIO_CALLER_ID": OURS} | changes)), book, asked=asked, now=lambda: at
    )


def wanted(to: str = ASHA, **changes) -> Wanted:
    return Wanted(to, "about the visit on Saturday", **changes)


async def test_who_may_be_called_is_called_so_often_a_day(book) -> None:
    dialling = rules(book)

    assert await dialling.refusals(wanted()) == ()
    assert [await dialling.claim(wanted()) for _ in range(3)] == [(), (), ()]
    (refused,) = await dialling.claim(wanted())

    assert (refused.rule, refused.retry_after_s) == ("attempts", 21 * 3600.0)
    assert "3 times today" in refused.detail
    assert "Saturday 28 November, 09:00 (Asia/Kolkata)" in refused.detail
    assert await dialling.refusals(wanted()) == (refused,)


async def test_asking_counts_nothing_and_what_was_none_is_given_back(book) -> None:
    dialling = rules(book, DIAL_ATTEMPTS=1)
    for _ in range(3):
        assert await dialling.refusals(wanted()) == ()
    assert await dialling.claim(wanted()) == ()
    await dialling.give_back(wanted())

    assert await dialling.claim(wanted()) == ()
    assert [refused.rule for refused in await dialling.claim(wanted())] == ["attempts"]


async def test_the_next_day_of_the_callee_begins_anew(book) -> None:
    assert await rules(book, DIAL_ATTEMPTS=1).claim(wanted()) == ()
    next_morning = datetime(2026, 11, 28, 3, 30, tzinfo=UTC)

    assert await rules(book, next_morning, DIAL_ATTEMPTS=1).claim(wanted()) == ()


async def test_every_rule_that_says_no_is_told_and_nothing_is_counted(book) -> None:
    book.add([DoNotCall("+12125551234", "the caller", "", "2026-11-20T10:00:00.000+00:00")])

    refused = await rules(book, datetime(2026, 11, 27, 7, 0, tzinfo=UTC)).claim(
        wanted("+1 212 555 1234", caller_id="+15005550006")
    )

    assert [each.rule for each in refused] == ["caller-id", "country", "do-not-call", "hours"]
    assert "DIAL_FROM" in refused[0].detail
    assert "is in US" in refused[1].detail
    assert "since 2026-11-20" in refused[2].detail
    assert "02:00 (America/New_York)" in refused[3].detail
    assert refused[3].retry_after_s == 7 * 3600
    assert book.attempts("+12125551234", "2026-11-27") == 0


async def test_a_list_of_countries_takes_the_place_of_our_own(book) -> None:
    dialling = rules(book, datetime(2026, 11, 27, 15, 0, tzinfo=UTC), DIAL_COUNTRIES="us, CA")

    assert await dialling.refusals(wanted("+12125551234")) == ()
    assert await dialling.refusals(wanted("+14165550123")) == ()
    assert [each.rule for each in await dialling.refusals(wanted("+18765551234"))] == ["country"]


async def test_calls_come_from_our_own_numbers_only(book) -> None:
    dialling = rules(book, DIAL_FROM="+918012345679")

    assert await dialling.refusals(wanted(caller_id="+918012345679")) == ()
    assert [each.rule for each in await dialling.refusals(wanted(OURS))] == ["number"]
    assert [each.rule for each in await rules(book, TWILIO_CALLER_ID="").refusals(wanted())] == ["caller-id"]


async def test_who_has_asked_this_process_is_not_called_even_before_the_book_knows(book) -> None:
    dialling = rules(book, asked=lambda number: number == ASHA)

    assert [each.rule for each in await dialling.claim(wanted())] == ["do-not-call"]


async def test_without_the_book_nothing_is_allowed(tmp_path) -> None:
    (tmp_path / "dial_book.db").write_bytes(b"no database" * 100)
    dialling = rules(SqliteDialBook(tmp_path / "dial_book.db"))

    with pytest.raises(StoreError):
        await dialling.claim(wanted())
    await dialling.give_back(wanted())


async def test_a_book_that_hangs_is_waited_for_so_long(monkeypatch, book) -> None:
    monkeypatch.setattr("nurseries.outbound.dialling.LIMIT_S", 0.01)
    hang = trio.Event()

    async def never(*_args, **_kwargs):
        await hang.wait()

    monkeypatch.setattr("trio.to_thread.run_sync", never)

    with pytest.raises(StoreError, match="not to be found out"):
        await rules(book).refusals(wanted())
    assert LIMIT_S > 5
