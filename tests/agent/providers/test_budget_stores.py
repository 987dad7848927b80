"""One contract, two stores: budgets in a SQLite file, and in a real mongod, as a replica set and standalone."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pymongo
import pytest

from agent.errors import StoreError
from agent.guard.budget_store import BudgetStore
from agent.guard.pot import Pot, Report, reported
from agent.providers.sqlite_budgets import SqliteBudgets
from tests.agent.providers.budget_crowd import opened


@pytest.fixture(params=["sqlite", "mongo", "standalone"])
def where(request: pytest.FixtureRequest, tmp_path) -> str:
    """Names an empty store, for any process."""
    if request.param == "sqlite":
        return str(tmp_path / "new" / "budgets.db")
    uri: str = request.getfixturevalue(f"{request.param}_uri")
    with pymongo.MongoClient(uri) as client:
        client.drop_database("calling_agent")
    return uri


@pytest.fixture
def store(where: str):
    with opened(where) as made:
        yield made


def grow(by: int) -> Callable[[Pot], tuple[Pot, int]]:
    def how(pot: Pot) -> tuple[Pot, int]:
        return Pot(spent=pot.spent + by, day=pot.day), pot.spent + by

    return how


def crowd(where: str, *, calls: int, turns: int, cap: int, unit: int = 7) -> tuple[list[int], Pot]:
    """Two processes that want more than there is: what each could pay for, and what the store says in the end."""
    args = [str(n) for n in (calls, turns, cap, unit)]
    program = [sys.executable, "-m", "tests.agent.providers.budget_crowd", where]
    running = [subprocess.Popen([*program, name, *args], stdout=subprocess.PIPE, text=True) for name in ("p1", "p2")]
    paid = [int(process.communicate(timeout=300)[0]) for process in running]
    with opened(where) as store:
        return paid, store.pots()["day"]


def test_a_pot_is_what_was_made_of_it(store: BudgetStore) -> None:
    report = Report("p1", 100, "2026-11-27", 0, 0, {"CA1": 3}, 20)

    granted = store.change("spring.sale/day", lambda pot: reported(pot, report))
    again = store.change("day", grow(5))

    assert (granted.granted, again) == (20, 5)
    assert store.pots() == {"spring.sale/day": granted.pot, "day": Pot(spent=5)}


def test_what_raises_changes_nothing(store: BudgetStore) -> None:
    def how(_: Pot) -> tuple[Pot, None]:
        raise KeyError

    with pytest.raises(KeyError):
        store.change("day", how)
    assert store.pots() == {}


def test_nobody_gets_in_between(where: str) -> None:
    seen: list[int] = []

    def work() -> None:
        with opened(where) as store:
            seen.extend(store.change("day", grow(1)) for _ in range(40))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(seen) == list(range(1, 161))
    with opened(where) as store:
        assert store.pots()["day"].spent == 160


def test_there_is_one_clock(store: BudgetStore) -> None:
    assert abs(store.now() - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_file_of_a_later_version_is_refused(tmp_path) -> None:
    with closing(sqlite3.connect(tmp_path / "budgets.db")) as db:
        db.execute("PRAGMA user_version = 9")
    with pytest.raises(StoreError, match="update it"):
        SqliteBudgets(tmp_path / "budgets.db")


def test_two_processes_share_a_cap_exactly(where: str) -> None:
    paid, pot = crowd(where, calls=50, turns=10, cap=7 * 600)

    assert sum(paid) == 600
    assert (pot.spent, pot.held) == (7 * 600, 0)
    assert all(paid)
