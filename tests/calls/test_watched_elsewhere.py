"""Calls that other processes hold are watched through the store that all share. In virtual time."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest
import trio

from agent.errors import StoreError
from agent.keep.record import CallRecord, Entry
from agent.keep.thread import Thread, Told
from agent.model import CallInfo
from agent.providers.scripted import Script
from nurseries.legs.holding import Holding
from nurseries.watch.elsewhere import AGAIN_S
from tests.calls.stage import Stage, tone
from tests.calls.watchers import House, Watcher
from tests.fakes.memory_leases import Asked as InMemory
from tests.fakes.memory_leases import MemoryLeases

THEIRS = CallRecord(
    "CA1",
    "AC1",
    "+919876543210",
    "+918012345678",
    "inbound",
    "2999-01-01T10:00:00.000+00:00",
    4000,
    "",
    (Entry("agent", "Hello, this is Priya.", 0, 2000), Entry("caller", "I want to buy a flat.", 2100, 4000)),
    language="en-IN",
    thread=Thread("sales", "en-IN", "", facts=(Told("intent", "buy"),)),
)
GREW = msgspec.structs.replace(THEIRS, entries=(*THEIRS.entries, Entry("agent", "Lovely.", 4500, 5000)), revision=2)
OVER = msgspec.structs.replace(GREW, ending="caller hung up", revision=3, thread=None)


class Asked:
    """A store that tells when it was asked."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.away = False

    async def __call__(self, work):
        await trio.sleep(0.1)
        self.at.append(trio.current_time())
        if self.away:
            raise StoreError("away")
        return work()


@pytest.fixture
def house() -> House:
    return House(Stage(Script(heard=("a flat",), replies=("Lovely.",))))


async def follow(house: House, *steps: CallRecord, every: Watcher | None = None, one: Watcher | None = None) -> None:
    """The store has these, one after the other, while it is watched."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.watching.run)

        async def read(watcher: Watcher, stream) -> None:
            await watcher.read(stream)

        if every is not None:
            nursery.start_soon(read, every, house.watching.calls())
        for n, step in enumerate(steps):
            house.store.save(step)
            await trio.sleep(2 * AGAIN_S)
            if n == 0 and one is not None:
                assert await house.watching.where("CA1") == "elsewhere"
                nursery.start_soon(read, one, house.watching.call("CA1"))
                await trio.sleep(AGAIN_S)
        nursery.cancel_scope.cancel()


async def test_the_list_has_calls_of_other_processes_until_they_are_over(house: House, autojump_clock) -> None:
    every = Watcher()
    await follow(house, THEIRS, GREW, OVER, every=every)

    first, second, last = every.of("changed")
    (shown,) = first["calls"]
    assert (shown["call_sid"], shown["state"], shown["here"], shown["line"]) == ("CA1", "elsewhere", False, "sales")
    assert shown["score"] is not None
    assert second["calls"][0]["last"] == {"role": "agent", "text": "Lovely."}
    assert last == {"calls": [], "gone": [{"call_sid": "CA1", "ending": "caller hung up"}]}


async def test_one_of_them_is_told_by_its_record(house: House, autojump_clock) -> None:
    one = Watcher()
    await follow(house, THEIRS, GREW, OVER, one=one)

    assert [event.name for event in one.events] == ["call", "record", "record", "end"]
    assert [len(record["entries"]) for record in one.of("record")] == [2, 3]
    assert one.of("end") == [{"ending": "caller hung up"}]
    assert one.ended


async def test_a_call_whose_process_was_killed_is_shown_as_lost_until_somebody_goes_on_with_it(autojump_clock) -> None:
    leases, asked = MemoryLeases(trio.current_time), InMemory()
    one, two, here = (Holding(leases, name, ask=asked) for name in ("one", "two", "here"))
    house = House(Stage(), left=here.left)
    every, single = Watcher(), Watcher()
    await one.take(CallInfo("CA1", "AC1", "MZ1"))

    async def killed() -> None:
        with trio.move_on_after(10):
            await one.run()
        await trio.sleep(15)
        house.store.save(GREW)
        await two.take(CallInfo("CA1", "AC1", "MZ2", leg=2))
        await two.run()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(killed)
        nursery.start_soon(house.watching.run)
        nursery.start_soon(every.read, house.watching.calls())
        house.store.save(THEIRS)
        await trio.sleep(2 * AGAIN_S)
        nursery.start_soon(single.read, house.watching.call("CA1"))
        await trio.sleep(10 + 15 + 10)
        nursery.cancel_scope.cancel()

    shown = [(call["state"], call["here"]) for told in every.of("changed") for call in told["calls"]]
    assert shown == [("elsewhere", False), ("lost", False), ("elsewhere", False)]
    assert [call["state"] for call in single.of("call")] == ["elsewhere", "lost", "elsewhere"]


async def test_it_is_known_whether_one_of_them_is_a_browser_s(house: House, autojump_clock) -> None:
    house.store.save(THEIRS)
    house.store.save(msgspec.structs.replace(THEIRS, call_sid="CA2", caller="client:key-1"))

    assert [await house.watching.where(sid) for sid in ("CA1", "CA2")] == ["elsewhere"] * 2
    assert house.watching.from_browser("CA2")
    assert await house.watching.where("CA1") == "elsewhere"
    assert not house.watching.from_browser("CA1")


async def test_the_store_is_asked_once_for_all_and_only_while_somebody_watches(autojump_clock) -> None:
    house, asked = House(Stage()), Asked()
    house.watching._elsewhere._ask = asked
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.watching.run)
        await trio.sleep(60)
        assert asked.at == []
        with trio.move_on_after(20):
            async with trio.open_nursery() as watchers:
                for _ in range(5):
                    watchers.start_soon(Watcher().read, house.watching.calls())
        many = len(asked.at)
        assert 9 <= many <= 11
        await trio.sleep(60)
        assert len(asked.at) <= many + 1
        nursery.cancel_scope.cancel()


async def test_a_store_that_is_away_hides_no_call_of_ours(autojump_clock) -> None:
    house, asked, every = House(Stage(Script(heard=("a flat",), replies=("Lovely.",)))), Asked(), Watcher()
    asked.away = True
    house.watching._elsewhere._ask = asked

    async def watch(_: str) -> None:
        with trio.move_on_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(house.watching.run)
                await every.read(house.watching.calls())

    await house.watched(partial(house.stage.place, tone(900)), watch)

    assert len(asked.at) > 5
    assert every.of("changed")[-1]["gone"][0]["ending"] == "caller hung up"


async def test_a_call_that_comes_here_is_told_from_here(house: House, autojump_clock) -> None:
    away, here = Watcher(), Watcher()

    async def move(_: str) -> None:
        await trio.sleep(4)
        house.stage.calls[-1].move("a deploy")

    await house.watched(partial(house.stage.place, tone(900)), move)
    record = house.stage.stores[-1].record
    assert record is not None
    house.store.save(msgspec.structs.replace(record, started_at="2999-01-01T10:00:00.000+00:00"))
    assert await house.watching.where(record.call_sid) == "elsewhere"

    async def watch(call_sid: str) -> None:
        await here.read(house.watching.call(call_sid))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.watching.run)
        nursery.start_soon(away.read, house.watching.call(record.call_sid))
        await trio.sleep(3)
        await house.watched(partial(house.stage.resume, record), watch)
        nursery.cancel_scope.cancel()

    assert (away.ended, away.of("end")) == (True, [])
    assert [event.name for event in away.events] == ["call", "record"]
    assert here.of("end") == [{"ending": house.stage.record.ending}]


async def test_a_call_of_ours_is_not_taken_for_another_s_once_it_is_over(house: House, autojump_clock) -> None:
    every = Watcher()

    async def watch(call_sid: str) -> None:
        with trio.move_on_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(house.watching.run)
                house.store.save(msgspec.structs.replace(THEIRS, call_sid=call_sid))  # and never learns of its end
                await every.read(house.watching.calls())

    await house.watched(partial(house.stage.place, tone(900)), watch)

    told = [call for change in every.of("changed") for call in change["calls"]]
    assert all(call["here"] for call in told)
    assert [gone["ending"] for change in every.of("changed") for gone in change["gone"]] == ["caller hung up"]
