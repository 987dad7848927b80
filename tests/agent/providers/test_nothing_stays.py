"""What is erased is in none of the store's files, while they are open; and nobody else may read them."""

import os
import random
import sqlite3
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.keep.query import Query
from agent.keep.record import Entry
from agent.providers import sqlite_schema
from agent.providers.sqlite import SqliteStore
from tests.agent.providers.test_stores import record

NUMBER, WORD = "+917700900123", "xylophonist"
WORDS = [f"{a}{b}{c}" for a in "bdgklmnprst" for b in "aeiou" for c in ("n", "rt", "ll", "sk")]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "calls.db")
    yield made
    made.close()


def told(n: int, **changes):
    draw = random.Random(n)
    said = " ".join(draw.choice(WORDS) + draw.choice(WORDS) for _ in range(60))
    day = f"2026-{1 + n % 11:02}-{1 + n % 27:02}"
    return record(f"CA{n}", f"{day}T10:00:00.000+00:00", entries=(Entry("caller", said, 0, 900),), **changes)


def found_in(folder: Path) -> list[str]:
    """Words of the person's that the store's files have, and which."""
    files = [path for path in folder.iterdir() if path.name.startswith("calls.db")]
    return [
        f"{what} in {path.name}" for path in files for what in (NUMBER[5:], WORD) if what.encode() in path.read_bytes()
    ]


def theirs(n: int = 9999):
    return told(n, caller=NUMBER, summary=f"A {WORD} calls.", reason=WORD * 900)


def test_a_deleted_record_is_in_no_file(store: SqliteStore, tmp_path: Path) -> None:
    for n in range(40):
        store.save(told(n))
        if n % 10 == 5:
            store.save(theirs(9000 + n))
    assert found_in(tmp_path)

    assert store.delete("CA9005", "CA9015", "CA9025", "CA9035") == 4
    assert found_in(tmp_path) == []

    store.save(told(77))
    assert found_in(tmp_path) == []
    assert len(store.find(Query(text=told(3).entries[0].text.split()[0]), 99)) >= 1


def test_nor_is_what_lay_where_a_page_was_moved_together(store: SqliteStore, tmp_path: Path) -> None:
    draw, held, n = random.Random(11), set(), 0  # a seed that leaves something there
    for _ in range(24):
        match int(10 * draw.random()):
            case 0 | 1 | 2 | 3 | 4 | 5:
                n += 1
                store.save(told(n, summary="pad " * draw.randrange(900)))
            case 6 | 7:
                n += 1
                for revision in range(draw.randrange(1, 4)):
                    said = f"A {WORD} calls.{'pad ' * draw.randrange(900)}"
                    more = told(n, caller=NUMBER, summary=said, reason=WORD * draw.randrange(1, 400))
                    store.save(msgspec.structs.replace(more, call_sid=f"CAx{n}", revision=revision))
                held.add(f"CAx{n}")
            case 8:
                store.delete(f"CA{draw.randrange(n)}")
            case _:
                store.delete(*held)
                held.clear()
                assert found_in(tmp_path) == []


def test_an_expired_record_is_in_no_file(store: SqliteStore, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    store.save(*(told(n) for n in range(20)), theirs())
    store.save(record("new", (now - timedelta(days=1)).isoformat(timespec="milliseconds"), caller="+911111111111"))

    while store.expire(7, 5):
        assert store.scrub() in {True, False}
    while store.scrub():
        pass
    assert found_in(tmp_path) == []
    assert [r.call_sid for r in store.find(Query(number="+911111111111"), 9)] == ["new"]


def test_a_large_index_is_merged_in_pieces_among_other_work(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_schema, "PIECE", 2)
    monkeypatch.setattr("agent.providers.sqlite.SCRUB_S", 0.0)
    draw, kept, pieces = random.Random(7), set(range(100)), 0
    store.save(theirs())
    store.save(*(told(n) for n in kept))
    store.delete("CA9999")
    for n in range(100, 160):
        store.save(told(n))
        kept.add(n)
        if n % 4 == 0:
            gone = draw.choice(sorted(kept))
            store.delete(f"CA{gone}")
            kept.remove(gone)
    while store.scrub():
        pieces += 1
    assert pieces > 10
    assert found_in(tmp_path) == []
    with sqlite3.connect(tmp_path / "calls.db") as db:
        assert db.execute("SELECT wanted, begun FROM merges").fetchall() == [(0, 0)]
    db.close()
    for n in (3, 120, 159):
        word = told(n).entries[0].text.split()[0]
        wanted = {f"CA{each}" for each in kept if word in told(each).entries[0].text.split()}
        assert {r.call_sid for r in store.find(Query(text=word), 999)} == wanted


def test_expired_words_in_a_large_file_wait_for_a_day(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_schema, "LARGE", 1)
    store.save(told(1), theirs())
    store.expire(1, 1)
    store.scrub()
    with sqlite3.connect(tmp_path / "calls.db") as db:
        assert db.execute("SELECT wanted FROM merges").fetchone()[0] > 0
    db.close()

    monkeypatch.setattr("agent.providers.sqlite.time.time", lambda: datetime.now(UTC).timestamp() + 90_000)
    store.expire(1, 9)
    while store.scrub():
        pass
    assert found_in(tmp_path) == []


def test_who_reads_holds_up_no_deletion_and_the_next_record_ends_it(store: SqliteStore, tmp_path: Path) -> None:
    store.save(told(1), theirs())
    reader = sqlite3.connect(tmp_path / "calls.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM calls").fetchone()

    assert store.delete("CA9999") == 1
    assert store.get("CA9999") is None
    assert found_in(tmp_path)

    reader.close()
    store.save(told(2))
    assert found_in(tmp_path) == []


def test_the_next_start_cuts_off_the_log_of_one_that_was_killed(store: SqliteStore, tmp_path: Path) -> None:
    store.save(theirs())
    store._log_is_long = False
    with sqlite3.connect(tmp_path / "calls.db") as db:  # as a version that does not cut it off deletes
        db.execute("PRAGMA secure_delete=ON")
        sqlite_schema.remove(db, *db.execute("SELECT at, terms FROM calls").fetchone())
        db.execute("DROP TABLE merges")
    db.close()
    assert found_in(tmp_path)

    again = SqliteStore(tmp_path / "calls.db")
    while again.scrub():
        pass
    assert found_in(tmp_path) == []
    again.close()


def test_saves_from_other_processes_go_on_meanwhile(store: SqliteStore, tmp_path: Path) -> None:
    store.save(*(theirs(9000 + n) for n in range(30)))
    other = SqliteStore(tmp_path / "calls.db")
    thread = threading.Thread(target=lambda: [other.save(told(n)) for n in range(30)])
    thread.start()
    for n in range(30):
        assert store.delete(f"CA{9000 + n}") == 1
    thread.join(60)
    while store.scrub():
        pass
    assert found_in(tmp_path) == []
    other.close()


def test_only_our_user_may_read_the_files(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        store = SqliteStore(tmp_path / "data" / "calls.db")
        store.save(record())
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "data").iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("calls.db", "calls.db-wal", "calls.db-shm"), 0o600)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_files_of_older_versions_are_closed_to_others(store: SqliteStore, tmp_path: Path) -> None:
    store.save(record())
    files = [tmp_path / f"calls.db{end}" for end in ("", "-wal", "-shm")]
    for file in files:
        file.chmod(0o644)
    SqliteStore(tmp_path / "calls.db").close()

    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
