"""Calls that nobody came back to: found, claimed and finished, once, by whoever comes first. In virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec
import pytest
import structlog
import trio

from agent.errors import Unreadable
from agent.guard.lease import LEASE_S, Lease, Stand
from agent.keep.record import CallRecord, Entry
from agent.keep.thread import Leg, Thread, Told
from agent.model import CallInfo
from nurseries.legs.finishing import finish
from nurseries.legs.holding import Holding
from nurseries.legs.orphans import AT_ONCE, SWEEP_S, Orphans
from tests.calls.stage import Stage, configured
from tests.fakes.memory_leases import Asked, MemoryLeases
from tests.fakes.memory_store import MemoryStore

ORPHAN_S = 60.0
SOON_S = LEASE_S + SWEEP_S + 1
"""For a process to look, and to be sure of what it sees."""

INFO = CallInfo("CA1", "AC", "MZ1")
SAID = (
    Entry("agent", "Hello, this is Priya.", 0, 1500),
    Entry("caller", "I want a two bedroom flat in Whitefield.", 2000, 5000),
)
BROKEN = CallRecord(
    *("CA1", "AC", "+91", "+80", "inbound", "2026-11-27T10:00:00.000+00:00", 5000, "", SAID),
    legs=(Leg("one"),),
    facts={"budget": "90 lakh"},
    thread=Thread(facts=(Told("budget", "90 lakh", "ninety", "About ninety lakh."),)),
    revision=7,
)


@dataclass
class Kept:
    """What keeping is told, and knows."""

    holding: Holding
    records: dict[str, CallRecord] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    finished: list[CallRecord] = field(default_factory=list)

    def known(self, sid: str) -> CallRecord | None:
        return self.records.get(sid)

    def goes_on(self, sid: str) -> bool:
        return sid in self.live

    def dropped(self, sid: str) -> bool:
        return sid in self.gone

    def update(self, record: CallRecord) -> None:
        self.records[record.call_sid] = record

    def finish(self, record: CallRecord) -> None:
        """The store has it at once."""
        self.records.pop(record.call_sid, None)
        if record.call_sid not in self.gone:
            self.finished.append(record)
            self.holding.done(record.call_sid)


class Process:
    def __init__(self, house: House, name: str) -> None:
        self.holding = Holding(house.leases, name, ask=house.asked)
        self.kept = Kept(self.holding)
        self.holding.fenced = self.kept.gone.add
        parts = Stage(settings=configured(ORPHAN_S=ORPHAN_S)).parts
        self.orphans = Orphans(self.holding, self.kept, house.store, parts, ask=house.asked)

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.holding.run)
            nursery.start_soon(self.orphans.run)


@dataclass
class House:
    """What is shared by processes."""

    leases: MemoryLeases = field(default_factory=lambda: MemoryLeases(trio.current_time))
    store: MemoryStore = field(default_factory=lambda: MemoryStore(BROKEN))
    asked: Asked = field(default_factory=Asked)

    async def left(self, stand: Stand = Stand.HELD) -> None:
        """A process had the call, and is gone."""
        gone = Holding(self.leases, "one", ask=self.asked)
        await gone.take(INFO)
        if stand is not Stand.HELD:
            await gone.put("CA1", stand)


@pytest.fixture
def house() -> House:
    return House()


async def test_an_orphan_is_finished_once_its_time_is_over(autojump_clock, house: House, nursery: trio.Nursery) -> None:
    two, three = Process(house, "two"), Process(house, "three")
    await house.left()
    nursery.start_soon(two.run)
    nursery.start_soon(three.run)

    await trio.sleep(LEASE_S + ORPHAN_S - 1)
    assert two.kept.finished == three.kept.finished == []
    await trio.sleep(2 * SOON_S)
    (record,) = two.kept.finished + three.kept.finished
    assert (record.ending, record.reason) == ("interrupted", "its process was gone")
    assert record.legs == (Leg("one", why="process gone"),)
    assert record.thread is None
    assert record.summary
    assert record.lead is not None
    (fact,) = [each for each in record.lead.facts if each.fact == "budget"]
    assert (fact.evidence, fact.utterance) == ("ninety", "About ninety lakh.")
    assert house.leases.leases["CA1"].done
    await trio.sleep(10 * ORPHAN_S)
    assert len(two.kept.finished + three.kept.finished) == 1
    nursery.cancel_scope.cancel("over")


@pytest.mark.parametrize(
    ("stand", "ending"),
    [(Stand.LOST, "connection lost"), (Stand.MOVING, "interrupted"), (Stand.OVER, "interrupted")],
)
async def test_it_ends_as_far_as_that_is_known(
    autojump_clock, house: House, nursery: trio.Nursery, stand: Stand, ending: str
) -> None:
    await house.left(stand)
    two = Process(house, "two")
    nursery.start_soon(two.run)
    await trio.sleep(ORPHAN_S + SOON_S)

    assert [record.ending for record in two.kept.finished] == [ending]
    nursery.cancel_scope.cancel("over")


async def test_the_record_of_a_call_that_had_ended_keeps_its_ending(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    """Its process died while it was summed up: nobody comes back, so nobody is waited for."""
    house.store.records["CA1"] = msgspec.structs.replace(BROKEN, ending="agent said goodbye")
    await house.left(Stand.OVER)
    two = Process(house, "two")
    nursery.start_soon(two.run)
    await trio.sleep(3 * SOON_S)

    assert [(record.ending, record.legs) for record in two.kept.finished] == [("agent said goodbye", BROKEN.legs)]
    nursery.cancel_scope.cancel("over")


async def test_a_record_that_is_complete_is_left_as_it_is(autojump_clock, house: House, nursery: trio.Nursery) -> None:
    house.store.records["CA1"] = msgspec.structs.replace(BROKEN, ending="agent said goodbye", summary="All was said.")
    await house.left(Stand.OVER)
    two = Process(house, "two")
    nursery.start_soon(two.run)
    await trio.sleep(3 * SOON_S)

    assert two.kept.finished == []
    assert house.leases.leases["CA1"].done
    nursery.cancel_scope.cancel("over")


async def test_who_comes_back_in_time_has_the_call(autojump_clock, house: House, nursery: trio.Nursery) -> None:
    two, three = Process(house, "two"), Process(house, "three")
    await house.left(Stand.LOST)
    nursery.start_soon(two.run)
    nursery.start_soon(three.run)
    await trio.sleep(ORPHAN_S / 2)
    assert await three.holding.take(_leg(2)) == 2
    three.kept.live.add("CA1")

    await trio.sleep(10 * ORPHAN_S)
    assert two.kept.finished == three.kept.finished == []
    nursery.cancel_scope.cancel("over")


async def test_the_carriers_word_that_a_call_is_over_is_enough(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    two = Process(house, "two")
    nursery.start_soon(two.run)
    await house.left()
    two.orphans.hasten("CA1")
    await trio.sleep(LEASE_S - 1)
    assert two.kept.finished == []  # its process may live yet
    await trio.sleep(3)
    assert [record.ending for record in two.kept.finished] == ["interrupted"]
    assert house.leases.leases["CA1"].done
    nursery.cancel_scope.cancel("over")


async def test_the_carriers_word_does_not_hurry_a_process_that_lives(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    two, three = Process(house, "two"), Process(house, "three")
    nursery.start_soon(two.run)
    nursery.start_soon(three.run)
    await three.holding.take(INFO)
    two.orphans.hasten("CA1")
    two.orphans.hasten("CA9")
    three.orphans.hasten("CA1")
    await trio.sleep(60)

    assert two.kept.finished == three.kept.finished == []
    assert house.leases.leases["CA1"].holder == "three"
    assert two.orphans._hastened == three.orphans._hastened == {}
    nursery.cancel_scope.cancel("over")


async def test_the_carriers_word_does_not_hurry_who_could_not_reach_the_store(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    """A call ends while the store is away: whose it was tells of it as soon as the store is back."""
    two, three = Process(house, "two"), Process(house, "three")
    nursery.start_soon(two.run)
    await three.holding.take(INFO)
    house.leases.away = "away"
    await trio.sleep(10)
    two.orphans.hasten("CA1")
    await trio.sleep(2)
    house.leases.away = ""
    await trio.sleep(2)  # the longest that its round hangs
    nursery.start_soon(three.run)
    await trio.sleep(60)

    assert two.kept.finished == []
    nursery.cancel_scope.cancel("over")


async def test_what_this_process_lost_itself_is_finished_from_what_it_knows(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    two = Process(house, "two")
    nursery.start_soon(two.run)
    await two.holding.take(INFO)
    more = (*SAID, Entry("agent", "And your budget?", 5200, 6000))
    two.kept.records["CA1"] = msgspec.structs.replace(BROKEN, entries=more, revision=8)
    await two.holding.put("CA1", Stand.LOST)
    two.orphans.hasten("CA1")
    with structlog.testing.capture_logs() as logs:
        await trio.sleep(3)

    assert [(record.ending, record.entries) for record in two.kept.finished] == [("connection lost", more)]
    (told,) = [line for line in logs if line["event"] == "a record that was left unfinished is finished"]
    assert told["ending"] == "connection lost", "this process is not gone"
    nursery.cancel_scope.cancel("over")


async def claimed(house: House) -> tuple[Process, Process, Lease]:
    """Who has claimed an orphan, who may go on with it, and the lease."""
    two, three = Process(house, "two"), Process(house, "three")
    await house.left(Stand.LOST)
    await trio.sleep(ORPHAN_S)
    lease = await two.holding.claim("CA1", ORPHAN_S)
    assert lease is not None
    return two, three, lease


async def test_a_leg_that_begins_while_its_orphan_is_summed_up_goes_on(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    two, three, lease = await claimed(house)
    assert await three.holding.take(_leg(2)) == 2
    nursery.start_soon(two.holding.run)
    await trio.sleep(2)
    await two.orphans._finish(lease, Stand.LOST)

    assert two.kept.finished == []
    assert "CA1" in two.kept.gone
    nursery.cancel_scope.cancel("over")


@pytest.mark.parametrize("has_it", [False, True])
async def test_what_a_call_has_cost_is_told_by_who_has_it(autojump_clock, house: House, has_it: bool) -> None:
    two, told = Process(house, "two"), []

    class Purse:
        async def adopt(self, record: CallRecord) -> None:
            await trio.lowlevel.checkpoint()
            told.append(record.call_sid)

    if has_it:
        two.kept.gone.add("CA1")
    parts = replace(Stage().parts, purse=Purse())
    await finish(BROKEN, two.kept, parts)

    assert told == ([] if has_it else ["CA1"])


async def test_a_leg_that_begins_while_its_orphan_is_read_is_let_go(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    two, three, lease = await claimed(house)
    nursery.start_soon(two.holding.run)

    async def slowly(work):
        await trio.sleep(2)
        return await house.asked(work)

    two.orphans._ask = slowly
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as finishing:
            finishing.start_soon(two.orphans._finish, lease, Stand.LOST)
            assert await three.holding.take(_leg(2)) == 2

    told = [line["event"] for line in logs]
    assert "somebody has come back to the call" in told
    assert "a record that was left unfinished is finished" not in told
    assert two.kept.records == {}
    nursery.cancel_scope.cancel("over")


async def test_who_claims_and_dies_leaves_it_to_the_next(autojump_clock, house: House, nursery: trio.Nursery) -> None:
    await house.left()
    await trio.sleep(LEASE_S + ORPHAN_S)
    assert await Process(house, "two").holding.claim("CA1", ORPHAN_S) is not None
    three = Process(house, "three")
    nursery.start_soon(three.run)
    await trio.sleep(3 * SOON_S)

    assert [record.ending for record in three.kept.finished] == ["interrupted"]
    assert house.leases.leases["CA1"].claimed == 2
    nursery.cancel_scope.cancel("over")


async def test_after_a_time_without_the_store_everybody_renews_first(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    two, three = Process(house, "two"), Process(house, "three")
    nursery.start_soon(two.run)
    await two.holding.take(INFO)
    house.leases.away = "gone"
    await trio.sleep(2 * ORPHAN_S)
    assert not house.leases.leases["CA1"].live(trio.current_time())
    nursery.start_soon(three.orphans.run)
    await trio.sleep(1)
    house.leases.away = ""
    await trio.sleep(2 * ORPHAN_S)

    assert three.kept.finished == []
    assert (house.leases.leases["CA1"].holder, house.leases.leases["CA1"].claimed) == ("two", 0)
    nursery.cancel_scope.cancel("over")


async def test_of_a_call_that_nobody_knows_there_is_nothing_to_finish(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    house.store.records.clear()
    await house.left()
    two = Process(house, "two")
    with structlog.testing.capture_logs() as logs:
        nursery.start_soon(two.run)
        await trio.sleep(ORPHAN_S + 2 * SOON_S)

    assert two.kept.finished == []
    assert house.leases.leases["CA1"].done
    assert [line for line in logs if line["event"] == "nothing is known of a call that nobody came back to"]
    nursery.cancel_scope.cancel("over")


async def test_records_that_cannot_be_read_hold_up_no_other(
    autojump_clock, house: House, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = house.store.get

    def get(call_sid: str) -> CallRecord | None:
        if call_sid != "CA1":
            raise Unreadable("a record cannot be read")
        return whole(call_sid)

    monkeypatch.setattr(house.store, "get", get)
    gone = Holding(house.leases, "one", ask=house.asked)
    damaged = [f"CA{n}" for n in range(2, 2 + AT_ONCE)]
    for call_sid in damaged:
        await gone.take(CallInfo(call_sid, "AC", "MZ1"))
    await trio.sleep(1)
    await house.left()
    two = Process(house, "two")
    nursery.start_soon(two.run)
    await trio.sleep(ORPHAN_S + 2 * SOON_S)

    assert [record.call_sid for record in two.kept.finished] == ["CA1"]
    assert all(house.leases.leases[call_sid].done for call_sid in damaged)
    nursery.cancel_scope.cancel("over")


async def test_old_leases_are_forgotten(autojump_clock, house: House, nursery: trio.Nursery) -> None:
    await house.left(Stand.OVER)
    house.leases.leases["CA1"] = msgspec.structs.replace(house.leases.leases["CA1"], done=True, until=-1e9)
    two = Process(house, "two")
    nursery.start_soon(two.run)
    await trio.sleep(1)

    assert house.leases.leases == {}
    nursery.cancel_scope.cancel("over")


def _leg(n: int) -> CallInfo:
    return CallInfo("CA1", "AC", f"MZ{n}", leg=n)
