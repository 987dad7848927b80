"""Calls that come back: what the face is told, and when the carrier is asked to come, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
import structlog
import trio
import trio.testing

from agent.errors import CarrierError, CarrierFault
from agent.guard.lease import LEASE_S, Stand
from agent.model import CallInfo
from agent.web.state import ProcessState
from agent.web.webhook import INSIST
from nurseries.legs.holding import Holding
from nurseries.legs.ways_back import LOOK_AGAIN_S, MOST, RESCUE_S, WaysBackOf
from tests.calls.counted import Counted
from tests.calls.stage import configured
from tests.fakes.memory_leases import MemoryLeases

T = TypeVar("T")
URL = f"https://voice.example.in/twilio/after?line=x&leg=1&rescue=1{INSIST}"


async def ask(work: Callable[[], T]) -> T:
    await trio.lowlevel.checkpoint()
    return work()


@dataclass
class Carrier:
    """What it is asked for, and when; obeys a script of faults, then does it. False: there is no such call."""

    faults: list[CarrierError] = field(default_factory=list)
    there: bool = True
    asked: list[tuple[float, str]] = field(default_factory=list)
    began: float = field(default_factory=trio.current_time)

    async def redirect(self, call_sid: str, url: str) -> bool:
        await trio.lowlevel.checkpoint()
        assert call_sid == "CA1"
        self.asked.append((trio.current_time() - self.began, url))
        if self.faults:
            raise self.faults.pop(0)
        return self.there


@dataclass
class Two:
    """Two processes that share a store: `one` has the call, `other` is told that its stream has stopped."""

    nursery: trio.Nursery
    store: MemoryLeases = field(default_factory=lambda: MemoryLeases(lambda: 1e9 + trio.current_time()))
    state: ProcessState = field(default_factory=ProcessState)
    over: list[str] = field(default_factory=list)
    to: str | None = None
    """Where the call is passed on to, as the store was told in time."""
    told: str = ""
    """The same, as its process knows."""

    def __post_init__(self) -> None:
        self.carrier = Carrier()
        self.one = Holding(self.store, "one", passed_on=lambda _: self.told, ask=ask)
        self.other = Holding(self.store, "other", ask=ask)
        self.life = trio.CancelScope()
        self.ways = self.made()

    def made(self, carrier: object = ...) -> WaysBackOf:
        return WaysBackOf(
            *(self.other, self._handed_over, self.state, configured(PUBLIC_URL="https://voice.example.in")),
            carrier=self.carrier if carrier is ... else carrier,
            over=self.over.append,
        )

    async def begin(self) -> None:
        await self.one.take(CallInfo("CA1", "AC", "MZ1", line="x"))
        self.nursery.start_soon(self._live)
        self.nursery.start_soon(self.ways.run)
        await trio.testing.wait_all_tasks_blocked()

    async def die(self) -> None:
        """The first process is killed."""
        self.life.cancel("killed")
        await trio.testing.wait_all_tasks_blocked()

    async def resumed(self, leg: int = 2) -> None:
        await self.other.take(CallInfo("CA1", "AC", f"MZ{leg}", leg=leg))

    async def _live(self) -> None:
        with self.life:
            await self.one.run()

    async def _handed_over(self, _call_sid: str) -> str | None:
        await trio.lowlevel.checkpoint()
        return self.to


@pytest.fixture
async def two(nursery):
    built = Two(nursery)
    yield built
    nursery.cancel_scope.cancel("the test is over")


async def test_a_stream_that_was_lost_is_asked_for_after_a_short_wait_once(two, autojump_clock) -> None:
    await two.begin()
    await two.one.put("CA1", Stand.LOST)
    two.carrier.began = trio.current_time()
    two.ways.stopped("CA1", "MZ1")
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(RESCUE_S / 2)
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(60)
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(60)

    assert two.carrier.asked == [(pytest.approx(RESCUE_S, abs=0.01), URL)]
    assert two.over == []


async def test_a_call_whose_process_was_killed_is_asked_for_once_its_lease_has_run_out(two, autojump_clock) -> None:
    await two.begin()
    await two.die()
    two.carrier.began = trio.current_time()
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(60)

    ((at, _),) = two.carrier.asked
    assert LEASE_S - 1 <= at <= LEASE_S + LOOK_AGAIN_S


@pytest.mark.parametrize("at_s", [0.0, 1.0, RESCUE_S - 0.1, RESCUE_S + 0.1, LEASE_S - 0.1])
async def test_a_late_callback_never_cuts_a_call_that_has_resumed(two, autojump_clock, at_s) -> None:
    await two.begin()
    await two.die()
    two.nursery.start_soon(two.other.run)
    if at_s:
        two.ways.stopped("CA1", "MZ1")
        await trio.sleep(at_s)
    await two.resumed()
    asked = len(two.carrier.asked)
    for _ in range(3):
        two.ways.stopped("CA1", "MZ1")
        await trio.sleep(20)

    assert len(two.carrier.asked) == asked == 0


async def test_a_stream_that_its_holder_still_has_is_left_alone(two, autojump_clock) -> None:
    """The callback is of another time, or the holder's socket is half open: it will notice, or nobody."""
    await two.begin()
    with structlog.testing.capture_logs() as logs:
        two.ways.stopped("CA1", "MZ1")
        await trio.sleep(120)

    assert two.carrier.asked == []
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == [
        "a stream that has stopped is still held"
    ]


async def test_a_holder_that_notices_late_is_waited_for(two, autojump_clock) -> None:
    await two.begin()
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(15)
    await two.one.put("CA1", Stand.LOST)
    await trio.sleep(5)

    assert len(two.carrier.asked) == 1


@pytest.mark.parametrize("stand", [Stand.OVER, None])
async def test_a_call_that_is_over_or_that_nobody_knows_is_not_asked_for(two, autojump_clock, stand) -> None:
    await two.begin()
    if stand is not None:
        await two.one.put("CA1", stand)
    two.ways.stopped("CA1" if stand else "CA9", "MZ1")
    await trio.sleep(60)

    assert two.carrier.asked == []


async def test_a_call_that_was_passed_on_is_not_taken_from_the_colleague(two, autojump_clock) -> None:
    await two.begin()
    two.to = "+919900112233"  # and its lease could not be written
    await two.die()
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(60)

    assert two.carrier.asked == []


async def test_a_call_that_was_passed_on_while_the_store_was_away_is_so_by_whoever_is_asked_then(
    two, autojump_clock
) -> None:
    await two.begin()
    two.store.away, two.told = "away", "+919900112233"
    await two.one.put("CA1", Stand.OVER)
    await trio.sleep(5)
    assert not (await two.ways.whereabouts("CA1")).sure
    two.store.away = ""
    await trio.sleep(1)

    assert (await two.ways.whereabouts("CA1")).to == "+919900112233"


async def test_a_store_that_is_away_for_some_seconds_as_a_process_dies_leaves_no_caller_in_silence(
    two, autojump_clock
) -> None:
    await two.begin()
    two.store.away = "an election"
    await two.die()
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(10)
    two.store.away = ""
    await trio.sleep(5)

    assert [url for _, url in two.carrier.asked] == [URL]


async def test_after_a_time_without_the_store_nobody_is_asked_back_before_its_process_could_tell(
    two, autojump_clock
) -> None:
    """It has been passed on meanwhile; its process is a moment later than this one to see that the store is back."""

    async def late(work: Callable[[], T]) -> T:
        found = await ask(work)
        await trio.sleep(0.9)
        return found

    await two.begin()
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(0.1)
    two.store.away, two.told = "away", "+919900112233"
    await two.one.put("CA1", Stand.OVER)
    await trio.sleep(LEASE_S + 5)
    two.one._ask = late
    two.store.away = ""
    await trio.sleep(60)

    assert two.carrier.asked == []


async def test_a_store_whose_answer_does_not_come_leaves_no_caller_in_silence(two, autojump_clock) -> None:
    """It has written down that this process asks the carrier, and the process was not told."""
    lost = [1.0, 60.0]

    async def slow(work: Callable[[], T]) -> T:
        found = await ask(work)
        if isinstance(found, tuple) and lost:
            await trio.sleep(lost.pop())
        return found

    await two.begin()
    await two.one.put("CA1", Stand.LOST)
    two.other._ask = slow
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(60)
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(60)

    assert lost == []
    assert len(two.carrier.asked) == 1


async def test_of_two_processes_that_hear_of_it_one_asks(two, autojump_clock) -> None:
    await two.begin()
    third = Holding(two.store, "third", ask=ask)
    ways = WaysBackOf(third, two._handed_over, two.state, configured(), two.carrier, over=two.over.append)
    two.nursery.start_soon(ways.run)
    await trio.testing.wait_all_tasks_blocked()
    await two.one.put("CA1", Stand.LOST)
    for each in (two.ways, ways):
        each.stopped("CA1", "MZ1")
    await trio.sleep(60)

    assert len(two.carrier.asked) == 1


async def test_whoever_answers_the_carrier_first_brings_the_call_back_and_nobody_asks_for_it(
    two, autojump_clock
) -> None:
    await two.begin()
    await two.one.put("CA1", Stand.MOVING)
    two.ways.stopped("CA1", "MZ1")
    lease = (await two.ways.whereabouts("CA1")).lease
    assert lease is not None
    assert await two.ways.rescued(lease)
    await trio.sleep(60)

    assert two.carrier.asked == []


async def test_a_crash_behind_which_the_carrier_has_come_by_itself_is_left_to_it(two, autojump_clock) -> None:
    """Its lease still says that it is held; and the next stream takes longer than the patience of a rescue."""
    await two.begin()
    two.ways.stopped("CA1", "MZ1")
    lease = (await two.ways.whereabouts("CA1")).lease
    assert lease is not None
    assert lease.stand is Stand.HELD
    assert await two.ways.rescued(lease)
    assert not await two.ways.rescued(lease)
    await trio.sleep(60)

    assert two.carrier.asked == []


@pytest.mark.parametrize(
    ("fault", "times"),
    [(CarrierFault.BUSY, 4), (CarrierFault.UNREACHABLE, 4), (CarrierFault.UNKNOWN, 4), (CarrierFault.REFUSED, 1)],
)
async def test_what_was_not_done_is_asked_for_again_as_long_as_nobody_has_come(
    two, autojump_clock, fault, times
) -> None:
    await two.begin()
    await two.one.put("CA1", Stand.LOST)
    two.carrier.faults = [CarrierError(fault, "no")] * 9
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(60)

    assert len(two.carrier.asked) == times


@pytest.mark.parametrize(
    ("faults", "there", "result"),
    [
        ([], True, "sent"),
        ([], False, "unneeded"),
        ([CarrierFault.REFUSED], True, "refused"),
        ([CarrierFault.BUSY] * 9, True, "failed"),
        ([CarrierFault.UNKNOWN] * 9, True, "failed"),
        ([CarrierFault.BUSY], True, "sent"),
    ],
)
async def test_what_became_of_a_rescue_is_told(two, autojump_clock, faults, there, result) -> None:
    counted = Counted()
    await two.begin()
    await two.one.put("CA1", Stand.LOST)
    two.carrier.faults, two.carrier.there = [CarrierError(fault, "no") for fault in faults], there
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(120)

    results = {each: counted("rescues_total", result=each) for each in ("sent", "unneeded", "refused", "failed")}
    assert {each: n for each, n in results.items() if n} == {result: 1}


async def test_a_call_that_comes_meanwhile_is_not_asked_for_again(two, autojump_clock) -> None:
    """An answer was lost: the first request has been done."""
    await two.begin()
    await two.one.put("CA1", Stand.LOST)
    two.carrier.faults = [CarrierError(CarrierFault.UNKNOWN, "no answer")]
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(RESCUE_S + 1)
    await two.resumed()
    await trio.sleep(60)

    assert len(two.carrier.asked) == 1


async def test_a_call_that_the_carrier_says_is_over_is_finished(two, autojump_clock) -> None:
    await two.begin()
    await two.one.put("CA1", Stand.LOST)
    two.carrier.there = False
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(60)

    assert two.over == ["CA1"]


async def test_without_credentials_nobody_is_asked_and_that_is_said_once(two, autojump_clock) -> None:
    two.ways = two.made(None)
    await two.begin()
    await two.one.put("CA1", Stand.LOST)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            two.ways.stopped("CA1", "MZ1")
            await trio.sleep(20)

    assert sum("Twilio's credentials" in line["event"] for line in logs) == 1


async def test_of_a_flood_of_callbacks_so_many_wait_and_no_more(two, autojump_clock) -> None:
    await two.begin()
    with structlog.testing.capture_logs() as logs:
        for n in range(MOST + 5):
            two.ways.stopped(f"CA-{n}", "MZ1")

    assert sum("too many streams" in line["event"] for line in logs) == 5
    assert len(two.nursery.child_tasks) < MOST
    await trio.sleep(2 * RESCUE_S)

    await two.one.put("CA1", Stand.LOST)
    two.ways.stopped("CA1", "MZ1")
    await trio.sleep(2 * RESCUE_S)
    assert len(two.carrier.asked) == 1, "once those are gone there is room"


async def test_the_face_hears_where_a_call_is_to_go_and_who_holds_it_within_a_bound(two, autojump_clock) -> None:
    await two.begin()
    two.to = "+919900112233"
    to, lease, sure = await two.ways.whereabouts("CA1")
    assert (to, lease and lease.holder, sure) == ("+919900112233", "one", True)
    assert (await two.ways.whereabouts("CA9"))[1:] == (None, True)

    two.store.away = "away"
    two.to = None
    began = trio.current_time()
    assert await two.ways.whereabouts("CA1") == (None, None, False)
    assert trio.current_time() - began <= 5  # as long as Twilio waits


async def test_a_call_that_goes_on_is_told_without_waiting_for_where_it_might_be_passed_on_to(
    two, autojump_clock
) -> None:
    await two.begin()
    await two.one.put("CA1", Stand.MOVING)

    async def hangs(_call_sid: str) -> str | None:
        await trio.sleep_forever()

    two.ways._handed_over = hangs
    began = trio.current_time()

    lease = (await two.ways.whereabouts("CA1")).lease

    assert lease is not None
    assert lease.stand is Stand.MOVING
    assert trio.current_time() == began
