"""Who asks not to be called is not: also where the store is away at that moment, and where the process dies then."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from agent.config import Settings
from agent.errors import StoreError
from agent.guard.dial_book import DoNotCall
from agent.providers.asked_files import AskedFiles
from agent.providers.sqlite_dial_book import SqliteDialBook
from nurseries.outbound.refraining import FOLDER, Refraining
from tests.agent.providers.test_stores import record

ASHA, OURS = "+919876543210", "+918012345678"


class Book(SqliteDialBook):
    """A real one that can be away."""

    away = False

    def add(self, entries) -> int:
        if self.away:
            raise StoreError("the store is away")
        return super().add(entries)


@pytest.fixture
def settings(tmp_path):
    return Settings(_env_file=None, DATA_DIR=tmp_path, TWILIO_CALLER_ID=OURS)


@pytest.fixture
def book(tmp_path):
    made = Book(tmp_path / "dial_book.db")
    yield made
    made.close()


class Held(Refraining):
    """Without threads, which know no virtual time; what the book has taken is told when `told` is set."""

    def __init__(self, settings, book) -> None:
        super().__init__(settings, book)
        self.told = trio.Event()

    async def _thread(self, work):
        await trio.lowlevel.checkpoint()
        done = work()
        if getattr(work, "func", None) == self._book.add:
            await self.told.wait()
        return done


async def until(holds) -> None:
    with trio.fail_after(20):
        while not await trio.to_thread.run_sync(holds):  # noqa: ASYNC110  another thread makes it so
            await trio.sleep(0.01)


async def test_who_asks_is_in_the_book_soon(settings, book, nursery, tmp_path) -> None:
    refraining = Refraining(settings, book)
    nursery.start_soon(refraining.run)

    assert await refraining.ask(ASHA, "the caller", "asked on CA1") is True

    await until(lambda: book.get(ASHA) is not None and not list((tmp_path / FOLDER).iterdir()))
    await until(lambda: not refraining.asked(ASHA))
    assert (book.get(ASHA).who, book.get(ASHA).why) == ("the caller", "asked on CA1")


async def test_who_asks_while_the_store_is_away_is_heeded_at_once_and_outlives_a_crash(
    settings, book, nursery, monkeypatch
) -> None:
    monkeypatch.setattr("nurseries.outbound.refraining.AGAIN_S", 0.01)
    book.away = True
    dies = Refraining(settings, book)  # it never runs: as killed in this moment

    assert await dies.ask(ASHA, "the caller", "asked on CA1") is True
    assert dies.asked(ASHA)
    assert book.get(ASHA) is None

    nursery.start_soon(Refraining(settings, book).run)
    await trio.sleep(0.05)
    book.away = False
    await until(lambda: book.get(ASHA) is not None)


async def test_a_disk_that_is_full_leaves_it_to_the_book(settings, book, tmp_path) -> None:
    (tmp_path / FOLDER).write_text("no folder")
    refraining = Refraining(settings, book)

    assert await refraining.ask(ASHA, "the caller", "") is True
    assert book.get(ASHA) is not None

    book.away = True
    with pytest.raises(StoreError):
        await refraining.ask("+919876543211", "the caller", "")
    assert refraining.asked("+919876543211")  # this process heeds it all the same


async def test_a_caller_without_a_number_cannot_be_noted(settings, book) -> None:
    refraining = Refraining(settings, book)

    assert [await refraining.ask(text, "the caller", "") for text in ("anonymous", "", "sip:asha@example.in")] == [
        False,
        False,
        False,
    ]
    assert await refraining.ask("09876543210", "the caller", "") is True  # as some carriers give it
    assert refraining.asked(ASHA)


async def test_a_number_that_no_country_has_is_on_the_list_once_it_is_put_there(settings, book, nursery) -> None:
    refraining = Refraining(settings, book)
    nursery.start_soon(refraining.run)
    spelt = await refraining.spelt("+100 0000")

    assert await refraining.add(spelt, "the API", "")

    assert (await refraining.get("+1000000")).who == "the API"


async def test_who_said_so_on_a_call_is_noted_whatever_the_agent_made_of_it(settings, book, nursery) -> None:
    refraining = Refraining(settings, book)
    nursery.start_soon(refraining.run)
    told = {"facts": {"do_not_call": "yes"}}

    refraining.over(record("CA1", **told))
    refraining.over(record("CA2", direction="outbound-api", caller=OURS, called="+919876543211", **told))
    refraining.over(record("CA3", caller="+919876543212"))

    await until(lambda: book.get(ASHA) is not None and book.get("+919876543211") is not None)
    assert [entry.number for entry in book.listed("", 9)] == [ASHA, "+919876543211"]
    assert "CA1" in book.get(ASHA).why


async def test_who_said_so_at_the_very_end_is_on_the_disk_for_the_next_start(settings, book, tmp_path) -> None:
    book.away = True
    refraining = Refraining(settings, book)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(refraining.run)
        await trio.testing.wait_all_tasks_blocked()
        refraining.over(record(facts={"do_not_call": "yes"}))
        nursery.cancel_scope.cancel()

    assert [entry.number for entry in AskedFiles(tmp_path / FOLDER).all()[0]] == [ASHA]


async def test_who_is_taken_off_does_not_come_back(settings, book, nursery) -> None:
    book.away = True
    refraining = Refraining(settings, book)
    await refraining.ask(ASHA, "the caller", "")

    assert await refraining.remove(ASHA) is True
    book.away = False
    nursery.start_soon(refraining.run)
    await refraining.ask("+919876543211", "the caller", "")
    await until(lambda: book.get("+919876543211") is not None)

    assert book.get(ASHA) is None


async def test_who_is_taken_off_and_asks_again_while_the_book_takes_them_is_on_it(
    settings, book, nursery, tmp_path
) -> None:
    refraining = Held(settings, book)
    await refraining.ask(ASHA, "the caller", "asked on CA1")
    nursery.start_soon(refraining.run)
    await trio.testing.wait_all_tasks_blocked()
    assert book.get(ASHA).why == "asked on CA1"

    assert await refraining.remove(ASHA) is True
    await refraining.ask(ASHA, "the caller", "asked on CA2")
    refraining.told.set()
    await trio.testing.wait_all_tasks_blocked()

    assert book.get(ASHA).why == "asked on CA2"
    assert not list((tmp_path / FOLDER).iterdir())
    assert not refraining.asked(ASHA)


def test_a_file_that_cannot_be_read_is_told_and_stays(tmp_path) -> None:
    files = AskedFiles(tmp_path / FOLDER)
    assert files.all() == ([], [])
    files.put(DoNotCall(ASHA))
    (tmp_path / FOLDER / "1.json").write_text("{")

    (entry,), (fault,) = files.all()

    assert entry == DoNotCall(ASHA)
    assert "1.json" in fault
    assert (tmp_path / FOLDER / "919876543210.json").stat().st_mode & 0o077 == 0
