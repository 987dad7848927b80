"""What one leg of a call leaves to the next, in virtual time: in which order, within which bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import pytest
import trio

from agent.errors import StoreError
from agent.guard.lease import Stand
from agent.keep.record import CallRecord, Entry
from agent.keep.thread import Leg
from agent.model import CallInfo, Ending
from agent.wire.ports import MediaSocket
from nurseries.legs.holding import Holding
from nurseries.legs.legs import AT_ONCE, READ_S, READY_S, SOUND_S, Legs
from nurseries.legs.pick_up import pick_up
from nurseries.line.closing import BEFORE_CLOSE_S
from tests.calls.counted import Counted
from tests.calls.stage import GREETING, Stage
from tests.fakes.memory_leases import MemoryLeases

T = TypeVar("T")
RECORD = CallRecord("CA1", "AC", "", "", "inbound", "2026-11-22T10:00:00.000+00:00", 1, "", (), revision=5)


@dataclass
class World:
    """A store of leases and one of records, both slow where the test says so; and what was done, in order."""

    slow_s: float = 0.0
    records: dict[str, CallRecord] = field(default_factory=dict)
    here: dict[str, CallRecord] = field(default_factory=dict)
    away: int = 0
    """So many questions are refused."""
    done: list[str] = field(default_factory=list)
    deliver_s: float = 0.0

    def __post_init__(self) -> None:
        self.leases = MemoryLeases(lambda: 1e9 + trio.current_time())
        self.holding = Holding(self.leases, "one", ask=self._ask)
        self.legs = Legs(self.holding, self, self, ask=self._ask)  # type: ignore[arg-type]

    async def _ask(self, work: Callable[[], T]) -> T:
        await trio.sleep(self.slow_s)
        return work()

    # A store.

    def get(self, call_sid: str) -> CallRecord | None:
        if self.away:
            self.away -= 1
            raise StoreError("away")
        return self.records.get(call_sid)

    # What follows calls.

    def known(self, call_sid: str) -> CallRecord | None:
        return self.here.get(call_sid)

    def look(self, call_sid: str) -> None:
        self.done.append(f"look at {call_sid}")

    def update(self, record: CallRecord) -> None:
        self.done.append("record")
        self.here[record.call_sid] = record

    async def delivered(self, call_sid: str) -> None:
        await trio.sleep(self.deliver_s)
        stand = lease.stand.value if (lease := self.leases.leases.get(call_sid)) else ""
        self.done.append(f"delivered while {stand}")

    async def left(self, call: object) -> Stand:
        await self.legs.before_close(call)  # type: ignore[arg-type]
        await self.legs.at_close(call)  # type: ignore[arg-type]
        return self.leases.leases["CA1"].stand


class Call:
    def __init__(self, ending: Ending, *, to_move: bool = False) -> None:
        self.info = CallInfo("CA1", "AC", "MZ1")
        self.ending = ending
        self.to_move = to_move

    def so_far(self) -> CallRecord:
        return RECORD


@pytest.fixture
async def world(autojump_clock):
    built = World()
    await built.holding.take(CallInfo("CA1", "AC", "MZ1"))
    return built


@pytest.mark.parametrize(("ending", "stand"), [(Ending.MOVED, Stand.MOVING), (Ending.CONNECTION_LOST, Stand.LOST)])
async def test_a_leg_that_another_follows_has_its_record_delivered_before_it_is_let_go(
    world, autojump_clock, ending, stand
) -> None:
    assert await world.left(Call(ending)) is stand
    assert world.done == ["record", "delivered while held"]
    assert world.legs.goes_on(Call(ending))


@pytest.mark.parametrize("ending", [Ending.AGENT_SAID_GOODBYE, Ending.TRANSFERRED, Ending.FAILED, Ending.SHUTDOWN])
async def test_a_call_that_is_over_is_so_before_its_socket_is_closed(world, autojump_clock, ending) -> None:
    assert await world.left(Call(ending)) is Stand.OVER
    assert world.done == []
    assert not world.legs.goes_on(Call(ending))


@pytest.mark.parametrize(
    ("ending", "result"),
    [
        (Ending.MOVED, "moved"),
        (Ending.SHUTDOWN, "kept"),
        (Ending.CALLER_HUNG_UP, "over"),
        (Ending.AGENT_SAID_GOODBYE, "over"),
        (Ending.CONNECTION_LOST, "over"),
    ],
)
async def test_what_became_of_a_hand_off_is_told(world, autojump_clock, ending, result) -> None:
    counted = Counted()
    results = ("moved", "kept", "over", "failed")

    await world.legs.before_close(Call(ending, to_move=True))
    assert [each for each in results if counted("handoffs_total", result=each)] == [result]

    before = counted("handoffs_total", result="over")
    await world.legs.before_close(Call(Ending.AGENT_SAID_GOODBYE))
    assert counted("handoffs_total", result="over") == before


async def test_a_hand_off_of_which_the_store_does_not_have_all_has_failed(world, autojump_clock) -> None:
    counted = Counted()
    world.deliver_s = 1000

    await world.legs.before_close(Call(Ending.MOVED, to_move=True))

    assert (counted("handoffs_total", result="failed"), counted("handoffs_total", result="moved")) == (1, 0)


async def test_a_call_is_ready_to_go_as_soon_as_the_store_has_its_record(world, autojump_clock) -> None:
    world.deliver_s = READY_S - 0.1
    async with world.legs.ready(Call(Ending.SHUTDOWN)) as known:
        assert known
    assert world.done == ["look at CA1", "delivered while held"]

    world.deliver_s = READY_S + 0.1
    began = trio.current_time()
    async with world.legs.ready(Call(Ending.SHUTDOWN)) as known:
        assert not known
    assert trio.current_time() - began == pytest.approx(READY_S)


async def test_two_tasks_of_a_call_may_find_a_moment_at_the_same_time(world, autojump_clock) -> None:
    call = Call(Ending.SHUTDOWN)
    async with world.legs.ready(call) as one, world.legs.ready(call) as other:
        assert (one, other) == (True, True)


async def test_calls_are_handed_off_a_few_at_a_time_and_whoever_waits_too_long_stays(world, autojump_clock) -> None:
    inside = gone = most = 0

    async def hand_off() -> None:
        nonlocal inside, gone, most
        async with world.legs.ready(Call(Ending.SHUTDOWN)) as known:
            if known:
                inside, gone = inside + 1, gone + 1
                most = max(most, inside)
                await trio.sleep(READY_S * 0.4)
                inside -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE * 5):
            nursery.start_soon(hand_off)
    assert (most, gone) == (AT_ONCE, AT_ONCE * 3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hand_off)
        await trio.sleep(READY_S * 0.2)
        nursery.cancel_scope.cancel("it hangs up")
    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(hand_off)
    assert gone == AT_ONCE * 4 + 1  # whoever left in between took no turn along


async def test_whoever_was_not_ready_in_time_leaves_the_turn_to_others(world, autojump_clock) -> None:
    async def not_ready() -> None:
        async with world.legs.ready(Call(Ending.SHUTDOWN)) as known:
            assert not known

    world.deliver_s = READY_S + 0.1
    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(not_ready)
    world.deliver_s = 0.0
    async with world.legs.ready(Call(Ending.SHUTDOWN)) as known:
        assert known


async def test_whoever_has_hung_up_is_not_kept_waiting(world, autojump_clock) -> None:
    world.slow_s = 10
    began = trio.current_time()
    await world.legs.before_close(Call(Ending.CALLER_HUNG_UP))
    assert trio.current_time() == began

    world.slow_s = 0
    await world.legs.end(CallInfo("CA1", "AC", "MZ1"))
    assert world.leases.leases["CA1"].stand is Stand.OVER


@pytest.mark.parametrize("ending", [Ending.CONNECTION_LOST, Ending.AGENT_SAID_GOODBYE])
async def test_a_leg_that_ends_behind_its_successors_beginning_ends_no_call(world, autojump_clock, ending) -> None:
    await world.holding.take(CallInfo("CA1", "AC", "MZ2", leg=2))

    assert [world.legs.newest(CallInfo("CA1", "AC", f"MZ{n}", leg=n)) for n in (1, 2)] == [False, True]
    assert await world.left(Call(ending)) is Stand.HELD
    await world.legs.end(CallInfo("CA1", "AC", "MZ1"))
    assert world.leases.leases["CA1"].stand is Stand.HELD


async def test_a_softphone_whose_line_is_lost_does_not_come_back(world, autojump_clock) -> None:
    world.legs.only("CA1")

    assert not world.legs.movable(CallInfo("CA1", "AC", "MZ1"))
    assert await world.left(Call(Ending.CONNECTION_LOST)) is Stand.OVER


@pytest.mark.parametrize("ending", [Ending.MOVED, Ending.AGENT_SAID_GOODBYE])
async def test_stores_that_hang_hold_no_caller_up(world, autojump_clock, ending) -> None:
    world.slow_s = world.deliver_s = 1000
    began = trio.current_time()
    await world.legs.before_close(Call(ending))

    assert trio.current_time() - began <= BEFORE_CLOSE_S
    assert world.leases.leases["CA1"].stand is Stand.HELD


async def test_a_leg_goes_on_from_the_newest_record_that_is_known(world, autojump_clock) -> None:
    info = CallInfo("CA1", "AC", "MZ2", leg=2)
    newer = msgspec.structs.replace(RECORD, revision=9)

    world.records["CA1"] = RECORD
    assert await world.legs.before(info) is RECORD
    world.here["CA1"] = newer
    assert await world.legs.before(info) is newer
    world.here, world.records = {"CA1": RECORD}, {"CA1": newer}
    assert await world.legs.before(info) is newer


async def test_a_call_that_comes_back_has_what_the_store_was_not_told_of_its_first_leg_here(
    world, autojump_clock
) -> None:
    info = CallInfo("CA1", "AC", "MZ3", leg=3)
    said = tuple(Entry("agent", text, 0, 900) for text in ("Hello.", "Sorry."))
    theirs = msgspec.structs.replace(RECORD, entries=said[1:], legs=(Leg("two"),), missing=1, revision=9)
    theirs = msgspec.structs.replace(theirs, started_at="2026-11-22T10:00:08.000+00:00")
    world.here["CA1"] = msgspec.structs.replace(RECORD, entries=said[:1], legs=(Leg("one", 0, 1000),))
    world.records["CA1"] = theirs

    before = await world.legs.before(info)
    assert before is not None
    assert [(entry.text, entry.start_ms) for entry in before.entries] == [("Hello.", 0), ("Sorry.", 8000)]
    assert ([leg.process for leg in before.legs], before.missing, before.revision) == (["one", "two"], 0, 9)


async def test_a_call_of_which_nothing_was_written_down_is_begun_again(world, autojump_clock) -> None:
    """Its process was killed in the first half second: an apology would be the first that its caller hears of us."""
    stage = Stage()
    before = await world.legs.before(CallInfo("CA1", "AC", "MZ2", leg=2))
    assert before is not None
    assert (before.call_sid, before.entries, before.legs, before.ending, before.missing) == ("CA1", (), (), "", 1)
    assert await world.legs.before(CallInfo("CA1", "AC", "MZ3", leg=3)) is None  # the two before may have had much

    async def serve(socket: MediaSocket) -> None:
        info = await pick_up(socket, stage.tokens, 5)
        assert info is not None
        stage.calls.append(stage.call(info, socket, before=before))
        await stage.calls[0].run()

    await stage.place(leg=2, serve=serve)
    assert stage.told == [f"agent: {GREETING}"]


async def test_a_store_that_is_away_for_a_moment_is_asked_again_and_one_that_stays_away_is_not_waited_for(
    world, autojump_clock
) -> None:
    info = CallInfo("CA1", "AC", "MZ2", leg=2)
    world.records["CA1"], world.away = RECORD, 3
    assert await world.legs.before(info) is RECORD

    world.away = 10_000
    began = trio.current_time()
    assert await world.legs.before(info) is None
    assert trio.current_time() - began == pytest.approx(READ_S)
    world.here["CA1"] = RECORD
    assert await world.legs.before(info) is RECORD

    world.slow_s = 1000
    assert await world.legs.before(info) is RECORD


async def test_a_store_is_sound_where_it_answers_in_time(world, autojump_clock) -> None:
    assert await world.legs.sound()
    world.away = 1
    assert not await world.legs.sound()
    world.slow_s = SOUND_S + 1
    assert not await world.legs.sound()


async def test_without_leases_each_call_has_one_leg(autojump_clock) -> None:
    world = World()
    legs = Legs(None, world, world)  # type: ignore[arg-type]

    await legs.before_close(Call(Ending.MOVED))  # type: ignore[arg-type]
    await legs.end(CallInfo("CA1", "AC", "MZ1"))

    assert world.done == []
    assert not legs.goes_on(Call(Ending.CONNECTION_LOST))  # type: ignore[arg-type]
    assert await legs.look("CA1") is None
    assert legs.name == ""
