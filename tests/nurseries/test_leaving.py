"""The way out in virtual time: what is waited for, in which order, and for how long at most."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import structlog
import trio
import trio.testing
from trio.lowlevel import ParkingLot

from agent.config import Settings
from agent.guard.lease import Lease, Stand
from agent.model import CallInfo, Ending
from agent.web.resuming import MOST_TURNS, TURN_S
from agent.web.state import PROMISE_S, ProcessState
from nurseries.leaving import KEEP_S, LINGER_S, LOOK_S, Leaving, Phase, longest, longest_drain_s
from nurseries.outbound import refraining
from nurseries.replay import taking
from nurseries.watch import tracing
from tests.calls.stage import configured

DRAIN = {"DRAIN_TIMEOUT_S": 100.0, "GOODBYE_TIMEOUT_S": 10.0}


class Call:
    """Ends as it is told to, some time later."""

    def __init__(self, house: House, call_sid: str = "CA1", takes_s: float = 1.0) -> None:
        self.info = CallInfo(call_sid, "AC", "MZ")
        self._house = house
        self._takes_s = takes_s
        self.told: list[tuple[float, str]] = []

    def move(self, _reason: str) -> None:
        self._go("moved")

    def stay(self) -> None:
        self.told.append((trio.current_time() - self._house.began, "stays"))

    def end(self, ending: Ending, _reason: str) -> None:
        self._go(ending.value)

    def _go(self, how: str) -> None:
        self.told.append((trio.current_time() - self._house.began, how))
        self._house.nursery.start_soon(self.over, self._takes_s)

    async def over(self, after_s: float) -> None:
        await trio.sleep(after_s)
        if self in self._house.calls:
            self._house.calls.remove(self)
            self._house.leaving.last_over = trio.current_time()
            self._house.changed.unpark_all()


@dataclass
class House:
    """A process without its door."""

    settings: Settings
    nursery: trio.Nursery
    state: ProcessState = field(default_factory=lambda: ProcessState(ready=True))
    calls: set[Call] = field(default_factory=set)
    changed: ParkingLot = field(default_factory=ParkingLot)
    sound: bool = True
    leases: Callable[[str], Lease | None] = lambda _: None
    movable: Callable[[Call], bool] = lambda _: True
    looks_s: float = 0.0
    """So long a store takes to tell of a lease."""
    due: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    """When streams of events were."""
    door: trio.CancelScope = field(default_factory=trio.CancelScope)

    def __post_init__(self) -> None:
        self.began = trio.current_time()
        self.state.on_change = self.changed.unpark_all
        self.signal, self._signals = trio.open_memory_channel[int](math.inf)
        self.closed_at = math.nan
        self.leaving = Leaving(
            *(self.settings, self.state, self.calls, self.changed),
            movable=self._is_movable,
            sound=self._sound,
            look=self._look,
            due=lambda within_s: self.due.append(trio.current_time() - self.began + within_s),
            ends=lambda: self.ended.append(trio.current_time() - self.began),
        )

    def call(self, *of: object) -> Call:
        call = Call(self, *of)
        self.calls.add(call)
        self.changed.unpark_all()
        return call

    async def open(self) -> None:
        """Until the door is closed; `closed_at` is when."""
        with self.door:
            await self.leaving.run(self._signals, self.door)
        self.closed_at = trio.current_time() - self.began

    def _is_movable(self, call: Call) -> bool:
        return self.movable(call)

    async def _sound(self) -> bool:
        await trio.lowlevel.checkpoint()
        return self.sound

    async def _look(self, call_sid: str) -> Lease | None:
        await trio.sleep(self.looks_s)
        return self.leases(call_sid)


@pytest.fixture
async def house(nursery):
    def build(**changes: object) -> House:
        built = House(configured(**(DRAIN | changes)), nursery)
        nursery.start_soon(built.open)
        return built

    return build


async def until_closed(house: House) -> float:
    while math.isnan(house.closed_at):  # noqa: ASYNC110  of virtual time there is enough
        await trio.sleep(0.01)
    return house.closed_at


async def test_a_call_goes_on_to_its_end_and_the_webhooks_behind_it_are_waited_for(house, autojump_clock) -> None:
    here = house()
    call = here.call()
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(30)
    assert here.state.draining
    assert call.told == []

    await call.over(0)

    assert await until_closed(here) == pytest.approx(30 + LINGER_S, abs=0.1)


async def test_at_the_end_of_its_time_calls_are_told_goodbye_and_then_left(house, autojump_clock) -> None:
    here = house()
    call = here.call("CA1", 1000.0)
    here.signal.send_nowait(signal.SIGTERM)

    with structlog.testing.capture_logs() as logged:
        closed = await until_closed(here)

    assert call.told == [(100.0, "shutdown")]
    assert [line["calls"] for line in logged if line["event"] == "ending calls: DRAIN_TIMEOUT_S is over"] == [1]
    bounds = longest(here.settings)
    assert closed <= bounds[Phase.CALLS] + bounds[Phase.GOODBYES] + bounds[Phase.WEBHOOKS] + 0.1


async def test_a_second_signal_says_goodbye_and_a_third_waits_for_nobody(house, autojump_clock) -> None:
    here = house()
    call = here.call("CA1", 1000.0)
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(5)
    here.signal.send_nowait(signal.SIGINT)
    await trio.sleep(2)
    assert call.told == [(5.0, "shutdown")]
    here.signal.send_nowait(signal.SIGTERM)

    assert await until_closed(here) == pytest.approx(7, abs=0.1)


async def test_a_promised_call_that_comes_only_after_the_second_signal_is_told_goodbye_as_well(
    house, autojump_clock
) -> None:
    here = house()
    here.state.promise("CA1", time.time())
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(1)
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(3)
    here.state.promised.clear()
    late = here.call("CA1", 2.0)

    closed = await until_closed(here)

    assert [(round(at, 1), how) for at, how in late.told] == [(4.0, "shutdown")]
    assert closed == pytest.approx(4 + 2 + LINGER_S, abs=0.1)


async def test_after_the_second_signal_no_promise_is_waited_for_longer_than_goodbyes_may_take(
    house, autojump_clock
) -> None:
    here = house()
    here.state.promise("CA1", time.time())
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(1)
    here.signal.send_nowait(signal.SIGTERM)

    assert await until_closed(here) == pytest.approx(1 + longest(here.settings)[Phase.GOODBYES], abs=0.1)


async def test_the_door_is_open_for_a_call_that_was_sent_on_and_may_come_back(house, autojump_clock) -> None:
    here = house(DRAIN_MODE="hand-off")
    here.call("CA1", 1.0)
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(1)
    for _ in range(MOST_TURNS):
        here.leaving.sent_on()
        await trio.sleep(TURN_S + 0.1)

    assert math.isnan(here.closed_at)
    assert await until_closed(here) == pytest.approx(1 + (MOST_TURNS - 1) * (TURN_S + 0.1) + LINGER_S, abs=0.1)


async def test_a_call_that_comes_back_although_it_was_sent_on_is_waited_for(house, autojump_clock) -> None:
    here = house(DRAIN_MODE="wait")
    here.leaving.last_over = trio.current_time()
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(LINGER_S - 0.5)
    here.leaving.sent_on()
    await trio.sleep(1)
    here.nursery.start_soon(here.call("CA2").over, 30)

    assert await until_closed(here) == pytest.approx(LINGER_S + 0.5 + 30 + LINGER_S, abs=0.1)


async def test_streams_are_ended_as_it_begins_to_leave_and_as_the_door_closes(house, autojump_clock) -> None:
    here = house(DRAIN_MODE="wait")
    here.nursery.start_soon(here.call().over, 5)
    here.signal.send_nowait(signal.SIGTERM)
    closed = await until_closed(here)

    assert here.ended == pytest.approx([0.0, closed], abs=0.1)


async def test_with_hand_off_each_call_is_asked_to_go_at_once_also_one_that_comes_later(house, autojump_clock) -> None:
    here = house(DRAIN_MODE="hand-off")
    first = here.call("CA1", 3.0)
    here.state.promise("CA2", time.time())
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(0.5)
    here.state.promised.clear()
    late = here.call("CA2", 2.0)

    closed = await until_closed(here)

    assert first.told == [(0.0, "moved")]
    assert [(round(at, 1), how) for at, how in late.told] == [(0.5, "moved")]
    assert closed == pytest.approx(3 + LINGER_S, abs=0.1)


async def test_a_call_that_nobody_else_can_take_goes_on(house, autojump_clock) -> None:
    here = house(DRAIN_MODE="hand-off")
    call = here.call()
    here.movable = lambda _: False
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(30)
    assert call.told == []


async def test_while_the_store_is_away_no_call_is_handed_off(house, autojump_clock) -> None:
    here = house(DRAIN_MODE="hand-off")
    call = here.call()
    here.sound = False
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(20)
    assert call.told == []

    here.sound = True
    await until_closed(here)

    ((at, how),) = call.told
    assert how == "moved"
    assert at <= 20 + LOOK_S


async def test_calls_that_wait_for_their_moment_stay_once_the_store_is_away(house, autojump_clock) -> None:
    here = house(DRAIN_MODE="hand-off")
    call = here.call("CA1", 60.0)
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(5.5)
    here.sound = False
    await trio.sleep(10)
    here.sound = True
    await trio.sleep(2)

    assert [how for _, how in call.told] == ["moved", "stays", "moved"]
    assert call.told[1][0] <= 5.5 + LOOK_S


async def test_a_promise_is_waited_for_as_long_as_the_carrier_may_take(house, autojump_clock) -> None:
    here = house()
    here.state.promise("CA1", time.time())
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(1)
    assert math.isnan(here.closed_at)
    # The promise is of the wall clock, which does not jump.
    here.state.promised["CA1"] -= PROMISE_S

    assert await until_closed(here) <= 1 + LOOK_S + LINGER_S + 0.1


async def test_promises_are_waited_for_no_longer_although_nobody_can_say_where_their_calls_are(
    house, autojump_clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nurseries.leaving.time", SimpleNamespace(time=trio.current_time))
    here = house()
    here.looks_s = 3.0
    for n in range(30):
        here.state.promise(f"CA{n}", trio.current_time())
        await trio.sleep(0.1)
    here.signal.send_nowait(signal.SIGTERM)

    assert await until_closed(here) == pytest.approx(30 * 0.1 + PROMISE_S, abs=0.2)


async def test_a_promise_whose_call_has_come_to_another_process_is_void(house, autojump_clock) -> None:
    here = house()
    here.leases = lambda _: Lease("CA1", "another", 1, "MZ", Stand.HELD, trio.current_time())  # renewed all the time
    here.state.promise("CA1", time.time())
    here.signal.send_nowait(signal.SIGTERM)

    assert await until_closed(here) <= 3 * LOOK_S + LINGER_S
    assert here.state.promised == {}


async def test_a_promise_whose_call_nobody_renews_is_kept(house, autojump_clock) -> None:
    here = house()
    here.leases = lambda _: Lease("CA1", "gone", 1, "MZ", Stand.HELD, 7.0)
    here.state.promise("CA1", time.time())
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(10)

    assert list(here.state.promised) == ["CA1"]


async def test_a_call_that_comes_back_while_the_door_is_about_to_close_is_waited_for(house, autojump_clock) -> None:
    """Nobody else has taken it."""
    here = house(DRAIN_MODE="hand-off")
    here.call("CA1", 1.0)
    here.signal.send_nowait(signal.SIGTERM)
    await trio.sleep(1 + LINGER_S - 0.5)
    here.state.promise("CA1", time.time())
    await trio.sleep(5)
    here.movable = lambda _: False
    here.state.promised.clear()
    call = here.call("CA1")
    await trio.sleep(20)
    assert math.isnan(here.closed_at)

    await call.over(0)

    assert await until_closed(here) == pytest.approx(25 + 1 + LINGER_S - 0.5 + LINGER_S, abs=0.2)


async def test_what_is_due_by_when_is_told_at_every_phase_and_is_never_later_than_at_first(
    house, autojump_clock
) -> None:
    here = house()
    call = here.call("CA1", 1000.0)
    here.signal.send_nowait(signal.SIGTERM)
    await until_closed(here)
    for phase in (Phase.KEEPING, Phase.PURSE, Phase.JOURNAL, Phase.STORES):
        here.leaving.reached(phase)

    assert call.told
    assert here.due[0] == longest_drain_s(here.settings)
    assert all(due <= here.due[0] + 0.1 for due in here.due)
    assert here.due[-1] == pytest.approx(here.closed_at + longest(here.settings)[Phase.STORES], abs=0.1)


def test_the_whole_is_the_sum_of_its_phases() -> None:
    settings = configured(**DRAIN)
    bounds = longest(settings)

    assert list(bounds) == list(Phase)
    assert longest_drain_s(settings) == pytest.approx(sum(bounds.values()))
    assert longest_drain_s(settings, Phase.STORES) == bounds[Phase.STORES]
    assert 100 + 10 < longest_drain_s(settings) < 100 + 10 + 90


def test_what_runs_beside_the_calls_is_gone_as_soon_as_the_last_spans_are() -> None:
    """They are cancelled together, and each is shielded for a while."""
    left = (tracing.LEAVE_S, taking.LEAVE_S, refraining.ASIDE_S)

    assert max(left) <= longest(configured())[Phase.TRACES]


def test_last_words_and_summaries_have_the_time_that_settings_grant_them() -> None:
    assert longest(configured())[Phase.KEEPING] == KEEP_S
    patient = configured(SUMMARY_TIMEOUT_S=30, STT_TIMEOUT_S=20)
    assert longest(patient)[Phase.KEEPING] > 30 + 20
