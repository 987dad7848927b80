"""Journals of calls that may yet come back: held and delivered at once, finished only when nobody has them."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest
import trio

from agent.guard import lease as rules
from agent.guard.lease import LEASE_S, Lease, Stand
from agent.keep.query import Query
from agent.keep.record import CallRecord, Entry, revision_of
from agent.keep.thread import Leg
from agent.model import CallInfo
from nurseries.keep.keeping import Keeping
from nurseries.legs.holding import Holding
from nurseries.legs.orphans import Orphans
from nurseries.legs.taking_up import take_up
from tests.calls.counted import Counted
from tests.fakes.memory_leases import MemoryLeases
from tests.nurseries.legs import test_taking_up
from tests.nurseries.legs.test_taking_up import LEFT, SAID, until

ONGOING = msgspec.structs.replace(LEFT, legs=(Leg("gone"),), revision=revision_of(1, 1_700_000_000))
FIRST = Lease("CA1", "gone", 1, "MZ1", Stand.HELD, 0.0)
MORE = (*SAID, Entry("caller", "Eighty lakh.", 6100, 7000))


class House(test_taking_up.House):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.later_s = 0.0
        self.leases = MemoryLeases(lambda: time.time() + self.later_s)
        self.holding = Holding(self.leases, "this")
        self.keeping = Keeping(
            self.store,
            test_taking_up.JournalFile(self.folder, "this"),
            self.state,
            epoch=self.holding.epoch,
            kept=self.holding.done,
        )
        self.holding.fenced = self.keeping.drop
        self.orphans = Orphans(self.holding, self.keeping, self.store, self.stage.parts)
        self.settled = trio.Event()

    async def take_up(self) -> None:
        await take_up(self.folder, self.keeping, self.store, self.stage.parts, self.state, self.holding)
        self.settled.set()

    async def serve(self, nursery: trio.Nursery) -> None:
        """Everything but calls."""
        await nursery.start(self.keeping.run)
        for work in (self.holding.run, self.orphans.run, self.take_up):
            nursery.start_soon(work)

    async def looked(self) -> None:
        """Until whose the call is was asked several times more."""
        before = self.leases.gets
        await until(lambda: self.leases.gets > before + 3)

    def record(self) -> CallRecord:
        (record,) = self.store.find(Query(), 9)
        return record


@pytest.fixture
async def house(tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch):
    for name in ("taking_up.LOOK_S", "orphans.LOOK_S", "orphans.SWEEP_S", "holding.RENEW_S"):
        monkeypatch.setattr(f"nurseries.legs.{name}", 0.02)
    made = House(tmp_path)
    yield made
    made.store.close()


async def test_a_call_that_may_come_back_is_delivered_and_not_finished(house: House, nursery: trio.Nursery) -> None:
    house.leases.change("CA1", rules.take(FIRST))
    house.leave(ONGOING)
    await house.serve(nursery)
    await until(lambda: house.store.get("CA1") is not None)
    await house.looked()
    assert house.record().ending == ""
    assert house.record().entries == SAID
    assert all(name.startswith("this") for name in house.names)

    house.later_s = LEASE_S + 1
    house.orphans.hasten("CA1")
    await house.settled.wait()
    await until(lambda: house.names == [] and house.leases.leases["CA1"].done)
    assert house.record().ending == "interrupted"
    assert house.record().legs == (Leg("gone", why="process gone"),)
    nursery.cancel_scope.cancel("over")


async def test_a_call_that_another_process_has_gone_on_with_is_let_go(house: House, nursery: trio.Nursery) -> None:
    house.leases.change("CA1", rules.take(msgspec.structs.replace(FIRST, holder="two", fence=2, stream_sid="MZ2")))
    theirs = msgspec.structs.replace(ONGOING, entries=MORE, revision=revision_of(2, 1_700_000_000))
    house.store.save(theirs)
    house.leave(ONGOING)
    await house.serve(nursery)
    await house.settled.wait()
    await until(lambda: house.names == [])

    assert house.record() == msgspec.structs.replace(theirs, **_derived(house.record()))
    nursery.cancel_scope.cancel("over")


async def test_a_call_that_comes_back_here_goes_on_here(house: House, nursery: trio.Nursery) -> None:
    class Talk:
        def so_far(self) -> CallRecord:
            return msgspec.structs.replace(ONGOING, entries=MORE, legs=(*ONGOING.legs, Leg("this", 8000)))

    house.leases.change("CA1", rules.take(FIRST))
    house.leave(ONGOING)
    await house.serve(nursery)
    await until(lambda: house.keeping.known("CA1") is not None)
    assert await house.holding.take(CallInfo("CA1", "AC", "MZ2", leg=2)) == 2
    house.keeping.follow("CA1", Talk())
    await house.settled.wait()
    await until(lambda: (found := house.store.get("CA1")) is not None and found.entries == MORE)

    assert house.keeping.goes_on("CA1")
    assert house.record().ending == ""
    nursery.cancel_scope.cancel("over")


@pytest.mark.parametrize("entries", [SAID, MORE], ids=["as far", "further"])
async def test_what_the_journal_has_beyond_an_orphans_finished_record_is_not_lost(
    house: House, nursery: trio.Nursery, entries: tuple[Entry, ...]
) -> None:
    """The store was away when its process died, and another one finished what the store had."""
    house.leases.change("CA1", rules.take(FIRST))
    house.later_s = 100
    lease, _ = house.leases.change("CA1", rules.claim("two", 60))
    assert lease is not None
    house.leases.change("CA1", rules.leave(lease, Stand.OVER, done=True))
    finished = msgspec.structs.replace(
        ONGOING,
        ending="connection lost",
        reason="nobody came back",
        summary="As far as was known.",
        revision=revision_of(2, 1_700_000_100),
    )
    house.store.save(finished)
    house.leave(msgspec.structs.replace(ONGOING, entries=entries))
    counted = Counted()
    await house.serve(nursery)
    await house.settled.wait()
    await until(lambda: house.names == [])

    record = house.record()
    assert counted("calls_total", ending="connection lost", direction="inbound") == 0, "again"
    assert (record.ending, record.reason) == ("connection lost", "nobody came back")
    assert record.entries == entries
    assert (record.summary == "As far as was known.") == (entries == SAID)
    nursery.cancel_scope.cancel("over")


async def test_a_call_without_a_lease_is_finished_at_once(house: House, nursery: trio.Nursery) -> None:
    house.leave(ONGOING)
    await house.serve(nursery)
    await house.settled.wait()
    await until(lambda: house.names == [])

    assert house.record().ending == "interrupted"
    nursery.cancel_scope.cancel("over")


async def test_who_has_a_call_is_asked_until_the_store_says(house: House, nursery: trio.Nursery) -> None:
    house.leases.away = "gone"
    house.leave(ONGOING)
    await house.serve(nursery)
    await until(lambda: house.store.get("CA1") is not None)
    await house.looked()
    assert house.record().ending == ""

    house.leases.away = ""
    await house.settled.wait()
    await until(lambda: house.names == [])
    assert house.record().ending == "interrupted"
    nursery.cancel_scope.cancel("over")


def _derived(record: CallRecord) -> dict[str, object]:
    """What the store adds to what it is given."""
    return {name: getattr(record, name) for name in ("ended_at", "full_text", "word_count", "cost_usd")}
