"""A call that goes on in another process is paid once: its budget counts all of it, the day what the record says."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from agent.guard.budget import Caps
from agent.guard.pot import Pot, adopted, reported
from agent.keep.record import CallRecord
from agent.model import Ending
from tests.calls.legs import stored
from tests.calls.stage import Stage, tone
from tests.calls.test_budget import GOODBYE, staged

DAY = "2026-11-27"


class Pots:
    """The day's, as the store has it; each process tells it what it has spent when the test says so."""

    def __init__(self) -> None:
        self.day = Pot(day=DAY)

    def told_by(self, stage: Stage, *, leaving: bool = False) -> None:
        now = trio.current_time()
        self.day, grant = reported(self.day, stage.budget.report("day", DAY, now, leaving=leaving))
        if not leaving:
            stage.budget.took("day", grant, now, now)


def process(name: str, pots: Pots, *, call: int | None = None) -> Stage:
    stage = staged(Caps(call=call, day=1_000_000))
    stage.budget.holder = name
    pots.told_by(stage)
    return stage


def cost(record: CallRecord) -> int:
    return sum(each.tokens_in for each in record.usage)


async def first_leg(stage: Stage, ends_s: float, *, look_s: float = 0.0) -> CallRecord:
    """It breaks off then; its record as of so long before."""
    found: list[CallRecord] = []

    async def end() -> None:
        await trio.sleep(ends_s - look_s)
        found.append(stored(stage.calls[0].so_far()))
        await trio.sleep(look_s)
        stage.calls[0].fence()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(end)
        await stage.place(tone(1200), tone(1200), tone(1200, at_ms=60_000))
    return found[0]


@pytest.mark.parametrize("look_s", [0.0, 1.0, 4.0])
@pytest.mark.parametrize(
    "fate", ["reported and lives", "lives", "reported and dies", "dies", "dies, and is found late"]
)
async def test_the_day_has_paid_what_the_record_says(fate: str, look_s: float, autojump_clock: MockClock) -> None:
    pots = Pots()
    one, two = process("p1", pots), process("p2", pots)
    before = await first_leg(one, 14.0, look_s=look_s)
    if "reported" in fate:
        pots.told_by(one)
    if fate.endswith("dies"):
        pots.day = adopted(pots.day, "", 0, "p1")
    await two.resume(before, tone(1200, at_ms=4000), tone(1200))
    pots.told_by(two)
    if fate == "dies, and is found late":
        pots.day = adopted(pots.day, "", 0, "p1")
    call = two.calls[0]
    assert call.account is not None
    call.account.close()
    pots.told_by(two)
    if "lives" in fate:
        account = one.calls[0].account
        assert account is not None
        account.close()
        pots.told_by(one)
        pots.told_by(one, leaving=True)
    pots.told_by(two, leaving=True)

    assert cost(before) >= 80
    assert cost(two.record) > cost(before)
    assert pots.day.spent == cost(two.record)


async def test_a_calls_own_budget_counts_what_it_cost_before(autojump_clock: MockClock) -> None:
    pots = Pots()
    one, two = process("p1", pots, call=4 * 80 + 100 + 20), process("p2", pots, call=4 * 80 + 100 + 20)
    before = await first_leg(one, 14.0)
    assert cost(before) == 2 * 80
    await two.resume(before, tone(1200, at_ms=4000), tone(1200), tone(1200), tone(1200))

    assert two.ending is Ending.BUDGET
    assert two.words[-1] == ("agent", GOODBYE)
    assert cost(two.record) <= 4 * 80 + 100 + 20
    assert two.answers < 4
    assert sum(each.tokens_in for turn in two.record.turns for each in turn.usage) == cost(two.record)
    assert [sum(each.tokens_in for each in turn.usage) for turn in two.record.turns] == [80, 80, 80, 80, 0]


async def test_a_process_that_has_nothing_in_hand_yet_drops_no_call_that_comes_to_it(autojump_clock: MockClock) -> None:
    pots = Pots()
    one, two = process("p1", pots), staged(Caps(day=1_000_000))
    before = await first_leg(one, 14.0)

    async def granted() -> None:
        await trio.sleep(2)
        pots.told_by(two)

    two.budget.holder = "p2"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(granted)
        await two.resume(before, tone(1200, at_ms=6000))

    assert two.ending is Ending.CALLER_HUNG_UP
    assert GOODBYE not in [text for _, text in two.words]
    assert two.answers == 1
