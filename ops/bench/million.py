"""A million records in each store: how long a page takes, first and deep, by every filter, and what an export needs.

Records are of calls of some 120 words by Zipf's law over 20,000 words, one caller in three calling again, ten numbers
called, ten endings, scores from 0 to 100. SQLite lies on the disk, MongoDB's files on it as well; the machine has what
it has of both in memory, as a server's has. Printed for each question: the median and the 95th percentile of so many
pages, and how many records the last one had. Then the whole export, and what the process held at its beginning and end.

    python ops/bench/million.py --records 1000000 --folder /var/tmp/million
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import msgspec
import pymongo

from agent.keep.derive import derived
from agent.keep.ports import CallStore
from agent.keep.query import Place, Query, Sort, place_of
from agent.keep.record import CallRecord, Entry, Lead, TurnTimes
from agent.model import Ending
from agent.providers import mongo_schema
from agent.providers.mongo import MongoStore
from agent.providers.mongo_database import Mongo
from agent.providers.sqlite import SqliteStore
from tests.fakes.mongod import Mongod

PAGE, EXPORT_PAGE = 50, 500
BATCH = 1000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = [f"word{n}" for n in range(20_000)]
WEIGHTS = list(accumulate(1 / (n + 10) for n in range(len(WORDS))))
CALLED = [f"+9180{n:08}" for n in range(10)]
ENDINGS = [ending.value for ending in Ending]
LIMIT_MS = 100.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["sqlite", "mongo"])
    parser.add_argument("--folder", type=Path, help="where the files are made, and removed (a temporary folder)")
    args = parser.parse_args()
    slow = 0
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="million-") as folder:
        if args.only != "mongo":
            slow += _sqlite(Path(folder), args.records)
        if args.only != "sqlite":
            slow += _mongo(Path(folder), args.records)
    return 1 if slow else 0


def _sqlite(folder: Path, count: int) -> int:
    store = SqliteStore(folder / "calls.db")
    began = time.perf_counter()
    for batch in _batches(count):
        store.save(*batch)
    _tell_loaded("sqlite", count, began, sum(path.stat().st_size for path in folder.glob("calls.db*")))
    try:
        return _ask(store, count)
    finally:
        store.close()


def _mongo(folder: Path, count: int) -> int:
    mongod = Mongod(standalone=True, root=folder)
    store = MongoStore(Mongo(mongod.uri))
    try:
        began = time.perf_counter()
        with pymongo.MongoClient[dict[str, object]](mongod.uri) as client:
            database = client["calling_agent"]
            for batch in _batches(count):  # as a dump would be loaded; the indexes are made over it by prepare()
                database["calls"].insert_many([mongo_schema.document(record) for record in batch], ordered=False)
            loaded = time.perf_counter()
            store.prepare()
            print(f"indexes over {count:,} records: {time.perf_counter() - loaded:.0f} s")
            sizes = database.command("dbStats")
        _tell_loaded("mongodb", count, began, int(sizes["storageSize"] + sizes["indexSize"]))
        return _ask(store, count)
    finally:
        store.close()
        mongod.remove()


def _batches(count: int) -> Iterator[list[CallRecord]]:
    dice = random.Random(1)
    for first in range(0, count, BATCH):
        yield [_record(n, count, dice) for n in range(first, min(first + BATCH, count))]


def _record(n: int, count: int, dice: random.Random) -> CallRecord:
    said = dice.choices(WORDS, cum_weights=WEIGHTS, k=120)
    entries = tuple(
        Entry("caller" if at % 20 else "agent", " ".join(said[at : at + 10]), at * 500, at * 500 + 4000)
        for at in range(0, 120, 10)
    )
    ending = ENDINGS[0] if dice.random() < 0.9 else dice.choice(ENDINGS)
    return derived(
        CallRecord(
            call_sid=_sid(n),
            account_sid="AC" + "0" * 32,
            caller=_caller(dice.randrange(count)),
            called=CALLED[min(int(dice.expovariate(1)), 9)],
            direction="inbound",
            started_at=_at(n),
            duration_ms=64_000 + n * 7919 % 240_000,
            ending=ending,
            entries=entries,
            turns=tuple(TurnTimes(80, 400, 700) for _ in range(6)),
            cost_usd=None if n % 10 == 0 else round(n * 104_729 % 1_000_003 / 1e7, 6),
            facts={"budget": "80 lakh", "location": said[0]},
            summary=" ".join(said[:20]),
            summary_by="rules",
            lead=Lead(min(int(dice.expovariate(0.05)), 100), (), ()),
            revision=n + 1,
        )
    )


def _sid(n: int) -> str:
    return f"CA{n * 2654435761 % 2**128:032x}"


def _caller(n: int) -> str:
    return f"+9198{n // 3:08}"


def _at(n: int) -> str:
    return (BEGAN + timedelta(seconds=20 * n + n % 20, milliseconds=n % 1000)).isoformat(timespec="milliseconds")


def _ask(store: CallStore, count: int) -> int:
    dice = random.Random(2)
    rare, common = slice(5_000, 20_000), slice(0, 20)

    def words(*where: slice) -> Callable[[], Query]:
        return lambda: Query(text=" ".join(dice.choice(WORDS[each]) for each in where))

    def day() -> Query:
        n = dice.randrange(count)
        return Query(since=_at(n), until=_at(n + 4320))

    questions: dict[str, tuple[Callable[[], Query], bool]] = {
        "the newest": (Query, False),
        "deep": (Query, True),
        "a day": (day, False),
        "a caller": (lambda: Query(number=_caller(dice.randrange(count))), False),
        "a number called by most": (lambda: Query(number=CALLED[0]), True),
        "the usual ending": (lambda: Query(ending=ENDINGS[0]), True),
        "a rare ending": (lambda: Query(ending=dice.choice(ENDINGS[1:])), True),
        "score from 0": (lambda: Query(least_score=0), True),
        "score from 80": (lambda: Query(least_score=80), True),
        "score 97 to 99": (lambda: Query(least_score=97, most_score=99), True),
        "a rare word": (words(rare), False),
        "a common word": (words(common), True),
        "a common and a rare word": (words(common, rare), False),
        "three common words": (words(common, common, common), True),
        "two rare words": (words(rare, rare), False),
        "a word that nobody said": (lambda: Query(text="unsaid"), False),
        "a common word of a caller": (
            lambda: Query(text=WORDS[dice.randrange(20)], number=_caller(dice.randrange(count))),
            False,
        ),
        "a common word, score from 80": (lambda: Query(text=WORDS[dice.randrange(20)], least_score=80), True),
        "a common word, a rare ending, a score": (
            lambda: Query(text=WORDS[dice.randrange(20)], ending=dice.choice(ENDINGS[1:]), least_score=70),
            True,
        ),
    }
    for sort in ("score", "longest", "cost"):
        questions |= {
            f"by {sort}": (lambda sort=sort: Query(sort=sort), False),
            f"by {sort}, deep": (lambda sort=sort: Query(sort=sort), True),
            f"by {sort}, a day": (lambda sort=sort: msgspec.structs.replace(day(), sort=sort), False),
            f"by {sort}, a common word": (lambda sort=sort: msgspec.structs.replace(words(common)(), sort=sort), True),
            f"by {sort}, a rare word": (lambda sort=sort: msgspec.structs.replace(words(rare)(), sort=sort), False),
        }
    questions["by cost, a number called by most, score 97 to 99"] = (
        lambda: Query(sort="cost", number=CALLED[0], least_score=97, most_score=99),
        True,
    )
    slow = 0
    print(f"{'':50} {'median':>9} {'p95':>9} {'records':>8}")
    for name, (ask, deep) in questions.items():
        times, found = [], []
        for _ in range(40):
            query = ask()
            after = _deep(dice, query.sort, count) if deep else None
            began = time.perf_counter()
            found = store.find(query, PAGE, after)
            times.append((time.perf_counter() - began) * 1000)
        median, p95 = statistics.median(times), sorted(times)[int(len(times) * 0.95)]
        slow += p95 > LIMIT_MS
        print(f"{name:50} {median:6.1f} ms {p95:6.1f} ms {len(found):8}{'  slow' if p95 > LIMIT_MS else ''}")
        sys.stdout.flush()
    _save(store, count)
    return slow + _export(store, count)


def _deep(dice: random.Random, sort: Sort, count: int) -> Place:
    """Behind nine tenths of all at most."""
    figures = {"score": dice.randrange(2, 40), "longest": dice.randrange(90_000, 300_000), "cost": dice.random() / 10}
    return Place(_at(dice.randrange(count // 10, count)), "", sort, figures.get(sort))


def _save(store: CallStore, count: int) -> None:
    dice, times = random.Random(3), []
    for n in range(200):
        record, began = _record(count + n, count, dice), time.perf_counter()
        store.save(record)
        times.append((time.perf_counter() - began) * 1000)
    print(f"{'one record saved':50} {statistics.median(times):6.1f} ms {sorted(times)[189]:6.1f} ms")


def _export(store: CallStore, count: int) -> int:
    held, began, seen, after, slowest = _held_mb(), time.perf_counter(), 0, None, 0.0
    while True:
        asked = time.perf_counter()
        page = store.find(Query(), EXPORT_PAGE, after)
        slowest = max(slowest, time.perf_counter() - asked)
        if not page:
            break
        seen += len(page)
        after = place_of(page[-1])
    took = time.perf_counter() - began
    print(
        f"export of {seen:,} records in pages of {EXPORT_PAGE}: {took:.0f} s, {seen / took:,.0f} a second; slowest page"
        f" {slowest * 1000:.0f} ms; the process held at most {held:.0f} MB before, {_held_mb():.0f} MB after"
    )
    return int(seen != count + 200)


def _tell_loaded(name: str, count: int, began: float, size: int) -> None:
    took = time.perf_counter() - began
    print(f"\n{name}: {count:,} records in {took:.0f} s, {size / 1e9:.2f} GB, {size / count:,.0f} bytes each")
    sys.stdout.flush()


def _held_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
