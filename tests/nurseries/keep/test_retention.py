"""What is older than records are kept is removed, wherever it lies; what is not stays."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pymongo
import pytest
import structlog
import trio
import trio.lowlevel

from agent.errors import StoreError
from agent.keep import wav
from agent.keep.query import Query
from agent.providers.claim import Claim
from agent.providers.journal_file import JournalFile
from agent.providers.mongo import MongoStore
from agent.providers.mongo_database import Mongo
from agent.providers.spool import begin_claimed
from agent.providers.sqlite import SqliteStore
from nurseries.keep.retention import BATCH, Retention
from tests.agent.providers.test_stores import record


def ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")


class Sounds:
    """An ObjectStore in memory, as far as it is asked here."""

    name = "in memory"

    def __init__(self, ages: dict[str, float]) -> None:
        self.ages = ages
        self.stuck: set[str] = set()

    def older(self, seconds: float) -> Iterator[str]:
        yield from [key for key, age in self.ages.items() if age > seconds]

    def delete(self, key: str) -> None:
        if key in self.stuck:
            raise StoreError("refused")
        self.ages.pop(key, None)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nurseries.keep.retention.PAUSE_S", 0.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "calls.db")
    yield made
    made.close()


async def test_old_records_go_and_the_rest_stays(store: SqliteStore, tmp_path: Path) -> None:
    store.save(*(record(f"CA{n}", ago(31 + n)) for n in range(2 * BATCH + 3)))
    store.save(record("new", ago(29)), record("odd", "once"), record("none", ""))

    await Retention(store, None, tmp_path, None).once()
    assert len(store.find(Query(text="priya"), 9999)) == 2 * BATCH + 6

    await Retention(store, None, tmp_path, 30).once()
    for query in (Query(), Query(text="priya"), Query(number="+919876543210")):
        assert {r.call_sid for r in store.find(query, 9999)} == {"new", "odd", "none"}


@pytest.mark.parametrize("longer", [None, 30])
async def test_what_was_recorded_to_be_played_again_goes_after_a_week_at_most(
    store: SqliteStore, tmp_path: Path, longer: int | None
) -> None:
    (tmp_path / "sessions").mkdir()
    for days in (0, 4, 6, 8):
        path = tmp_path / "sessions" / f"{days}.session.gz"
        path.write_bytes(b"")
        os.utime(path, (time.time() - days * 86_400,) * 2)

    await Retention(store, None, tmp_path, longer).once()
    assert sorted(path.name[0] for path in (tmp_path / "sessions").iterdir()) == ["0", "4", "6"]
    await Retention(store, None, tmp_path, 5).once()
    assert sorted(path.name[0] for path in (tmp_path / "sessions").iterdir()) == ["0", "4"]


async def test_pages_are_used_again(store: SqliteStore, tmp_path: Path) -> None:
    sizes = []
    for _ in range(4):
        store.save(*(record(f"CA{n}", ago(31), summary="x" * 2000) for n in range(300)))
        await Retention(store, None, tmp_path, 30).once()
        with sqlite3.connect(tmp_path / "calls.db") as db:
            sizes.append(db.execute("PRAGMA page_count").fetchone()[0])
        db.close()

    assert sizes[-1] <= sizes[0] * 1.2


async def test_a_save_does_not_wait_for_it(store: SqliteStore, tmp_path: Path) -> None:
    store.save(*(record(f"CA{n}", ago(31)) for n in range(3 * BATCH)))
    other = SqliteStore(tmp_path / "calls.db")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Retention(store, None, tmp_path, 30).once)
        for n in range(20):
            await trio.to_thread.run_sync(other.save, record("live", ago(0), revision=n))
            await trio.lowlevel.checkpoint()
    other.close()

    assert [r.revision for r in store.find(Query(), 9999)] == [19]


async def test_files_that_nobody_took_up_go_once_they_are_old(store: SqliteStore, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    held = JournalFile(journal, "held")
    held.append(b"x\n")
    left = JournalFile(journal, "left")
    left.append(b"x\n")
    left.release()
    (tmp_path / "unsaved").mkdir()
    for name in ("journal/a.damaged", "journal/young.damaged", "unsaved/CA1.json", "unsaved/CA2.part", "journal/notes"):
        (tmp_path / name).write_text("x")
    (journal / "a.erasing").write_text("x")
    claim, label = Claim(tmp_path / "spool", "here"), wav.Label("CA1", "2026-10-01T10:00:00.000+00:00")
    written, waiting = (begin_claimed(claim, label) for _ in range(2))
    waiting.rest()
    (tmp_path / "spool" / "spoilt-1.wav").write_text("RIFF")
    (tmp_path / "spool" / "spoilt.lock").write_text("")
    for path in [*journal.iterdir(), *(tmp_path / "unsaved").iterdir(), *(tmp_path / "spool").iterdir()]:
        if "young" not in path.name:
            os.utime(path, (time.time() - 31 * 86400,) * 2)

    await Retention(store, None, tmp_path, 30).once()
    await Retention(store, None, tmp_path / "nowhere", 30).once()

    names = {path.name for path in [*journal.iterdir(), *(tmp_path / "unsaved").iterdir()]}
    assert names == {"held.journal", "young.damaged", "notes"}
    assert {path.name for path in (tmp_path / "spool").iterdir()} == {"here.lock", "here-1.wav"}
    held.release()
    written.remove()
    waiting.remove()
    assert list((tmp_path / "spool").iterdir()) == []


async def test_old_recordings_go_and_one_that_cannot_holds_up_only_the_recordings(
    store: SqliteStore, tmp_path: Path
) -> None:
    store.save(record("old", ago(31)))
    sounds = Sounds({f"2026/10/01/{n}.wav": 86_400.0 * (20 + n % 20) for n in range(3 * BATCH)})
    sounds.stuck = {"2026/10/01/19.wav"}
    retention = Retention(store, sounds, tmp_path, 30)  # type: ignore[arg-type]

    await retention.once()
    assert store.find(Query(), 9) == []
    assert "2026/10/01/19.wav" in sounds.ages

    sounds.stuck = set()
    await retention.once()
    assert {age / 86_400 for age in sounds.ages.values()} == set(range(20, 31))


async def test_what_else_is_in_the_bucket_stays(store: SqliteStore, tmp_path: Path) -> None:
    others = {f"backups/{n:03}.sql.gz": 86_400.0 * 400 for n in range(BATCH)} | {"index.html": 86_400.0 * 400}
    ours = {"2026/10/01/CA1.wav": 86_400.0 * 400, "2026/10/01/CA2.wav.0123abcd.part": 86_400.0 * 400}
    sounds = Sounds({**others, **ours})
    await Retention(store, sounds, tmp_path, 30).once()  # type: ignore[arg-type]
    assert sounds.ages == others


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (30, "what is too old is not removed yet"),
        (None, "the store is not told yet that records are kept for ever"),
    ],
)
async def test_a_store_that_is_away_is_asked_again(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, days: int | None, told: str
) -> None:
    class Away:
        asked = 0

        def scrub(self) -> bool:
            return False

        def expire(self, _days: int | None, _most: int) -> int:
            self.asked += 1
            raise StoreError("away")

    monkeypatch.setattr("nurseries.keep.retention.EVERY_S", 0.01)
    store = Away()
    with structlog.testing.capture_logs() as logs:
        nursery.start_soon(Retention(store, None, tmp_path, days).run)  # type: ignore[arg-type]
        with trio.fail_after(30):
            while store.asked < 4:  # noqa: ASYNC110  threads set no event of ours
                await trio.sleep(0.01)
    assert {line["event"] for line in logs if line["what"] == "records"} == {told}


def test_mongodb_is_told_how_long_and_told_again_when_that_changes(mongo_uri: str) -> None:
    with pymongo.MongoClient(mongo_uri) as client:
        client.drop_database("calling_agent")
        calls = client["calling_agent"]["calls"]
        store = MongoStore(Mongo(mongo_uri))

        def told() -> int | None:
            return calls.index_information().get("retention", {}).get("expireAfterSeconds")

        for days in (None, 30, 30, 7, None, None, 20_000):
            assert store.expire(days, 9) == 0
            assert told() == (None if days is None else days * 86_400)
        store.close()


def test_mongodb_removes_what_is_old_by_itself(mongo_uri: str) -> None:
    with pymongo.MongoClient(mongo_uri) as client:
        client.drop_database("calling_agent")
    store = MongoStore(Mongo(mongo_uri))
    store.save(record("old", ago(31)), record("new", ago(29)), record("odd", "once"))
    store.expire(30, 9)

    until = time.monotonic() + 30
    while len(store.find(Query(), 9)) > 2:  # its monitor looks once a second
        assert time.monotonic() < until
    assert {r.call_sid for r in store.find(Query(), 9)} == {"new", "odd"}
    store.close()


async def test_a_store_that_hangs_holds_up_no_leaving(tmp_path: Path) -> None:
    goes_on, asked = threading.Event(), threading.Event()

    class Hanging:
        def expire(self, _days: int | None, _most: int) -> int:
            asked.set()
            goes_on.wait(20)
            return 0

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Retention(Hanging(), None, tmp_path, 30).run)  # type: ignore[arg-type]
            await trio.to_thread.run_sync(asked.wait)
            nursery.cancel_scope.cancel()
        assert not goes_on.is_set()
    finally:
        goes_on.set()
