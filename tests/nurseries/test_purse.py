"""Money is drawn in advance, and no turn waits for a store while there is some in hand; with the store away, a process
goes on within what it holds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import structlog
import trio
import trio.testing

from agent.errors import StoreError
from agent.guard.budget import Budget, Campaign, Caps, Needs
from agent.guard.pot import Lease, Pot
from agent.keep.prices import Price
from agent.keep.record import CallRecord, revision_of
from agent.keep.usage import Meter, Usage
from agent.metrics import exposition
from agent.model import CallInfo
from nurseries.purse import LEAVE_S, Purse

PRICES = {"m": Price(input=1.0)}
NEEDS = Needs(call=10, turn=10)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Pots:
    """The BudgetStore port in memory, which can be away or slow."""

    def __init__(self) -> None:
        self.kept: dict[str, Pot] = {}
        self.away = False
        self.open = threading.Event()
        self.open.set()
        self.time = NOON
        self.asked = 0

    def now(self) -> datetime:
        self._answer()
        return self.time

    def change(self, name: str, how: Callable) -> object:
        self._answer()
        self.kept[name], made = how(self.kept.get(name, Pot()))
        return made

    def pots(self) -> dict[str, Pot]:
        return dict(self.kept)

    def close(self) -> None:
        self.open.set()

    def _answer(self) -> None:
        self.asked += 1
        assert self.open.wait(20)
        if self.away:
            raise StoreError("it is away")


@pytest.fixture
def pots():
    made = Pots()
    yield made
    made.close()


def purse_of(pots: Pots, caps: Caps | None = None, name: str = "p1", wait_s: float = 5.0) -> Purse:
    return Purse(Budget(caps or Caps(day=1000), NEEDS, name), pots, PRICES, ZoneInfo("Asia/Kolkata"), wait_s)


def info(sid: str, campaign: str = "") -> CallInfo:
    return CallInfo(sid, "AC", "MZ", campaign=campaign)


async def run_until(scope: trio.CancelScope, purse: Purse) -> None:
    with scope:
        await purse.run()


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not condition():  # noqa: ASYNC110  a thread sets no event of ours
            await trio.sleep(0.005)


async def test_what_is_in_hand_is_spent_without_asking(nursery, pots: Pots) -> None:
    purse = purse_of(pots)
    nursery.start_soon(purse.run)
    assert await purse.admits("CA1", info("CA1"), 20.0) is None
    pots.open.clear()  # from here on nobody answers
    meter = Meter()
    account = purse.open(info("CA1"), meter)
    for _ in range(3):
        assert await account.afford() is None
        meter.add("llm", "m", {"tokens_in": 5})
        account.settle()

    assert account.refused is None
    pots.open.set()
    await until(lambda: pots.kept["day"].spent == 15)


async def test_with_the_store_away_it_goes_on_within_what_it_holds(nursery, pots: Pots) -> None:
    purse = purse_of(pots, wait_s=0.05)
    nursery.start_soon(purse.run)
    await until(lambda: "day" in pots.kept and purse.refuses("") is None)
    pots.away = True
    held, meter, paid = pots.kept["day"].held, Meter(), 0
    account = purse.open(info("CA1"), meter)
    with structlog.testing.capture_logs() as logs:
        while await account.afford() is None and paid < 100:
            paid += 10
            meter.add("llm", "m", {"tokens_in": 10})
            account.settle()

        assert 0 < paid <= held
        assert await purse.admits("CA2", info("CA2"), 20.0) is not None
        await until(lambda: purse.spend().budgets[0].store == "does not answer")
        pots.away = False
        await until(lambda: pots.kept["day"].spent == paid)
        await until(lambda: purse.spend().budgets[0].store == "answers")
    assert await account.afford() is None
    assert [line["event"] for line in logs if "budgets' store" in line["event"]] == [
        "the budgets' store does not answer: what is in hand must do",
        "the budgets' store answers again",
    ]


async def test_a_store_that_never_came_pays_for_nothing(nursery, pots: Pots) -> None:
    pots.away = True
    purse = purse_of(pots, wait_s=0.05)
    nursery.start_soon(purse.run)

    no = await purse.admits("CA1", info("CA1"), 20.0)

    assert no is not None
    assert no.why == "store"
    assert purse.spend().budgets[0].seen_s_ago is None


async def test_who_leaves_waits_for_a_round_that_hangs_no_longer_than_its_time(autojump_clock, nursery) -> None:
    purse = purse_of(Pots())

    async def hang() -> None:
        async with purse._one:
            await trio.sleep_forever()

    nursery.start_soon(hang)
    await trio.testing.wait_all_tasks_blocked()
    began = trio.current_time()
    with structlog.testing.capture_logs() as logged, trio.fail_after(60):
        await purse.leave()

    assert trio.current_time() - began == pytest.approx(LEAVE_S)
    assert [line["event"] for line in logged] == [
        "what this process holds of budgets is given back only when its lease is old"
    ]
    nursery.cancel_scope.cancel()


async def test_who_leaves_gives_everything_back_and_what_calls_cost_stays(nursery, pots: Pots) -> None:
    purse = purse_of(pots, Caps(campaigns={"spring": Campaign(day=500, total=800)}))
    nursery.start_soon(purse.run)
    await until(lambda: len(pots.kept) == 2 and purse.refuses("spring") is None)
    meter = Meter()
    account = purse.open(info("CA1", "spring"), meter)
    assert await account.afford() is None
    meter.add("llm", "m", {"tokens_in": 7})
    await purse.leave()

    assert {name: (pot.spent, pot.held, pot.leases) for name, pot in pots.kept.items()} == {
        "spring/day": (7, 0, {}),
        "spring/total": (7, 0, {}),
    }
    assert pots.kept["spring/day"].day == "2026-11-27"
    assert pots.kept["spring/total"].day == ""


async def test_what_a_process_that_is_gone_has_spent_is_counted_once(nursery, pots: Pots) -> None:
    pots.kept["day"] = Pot(spent=4, day="2026-11-27", leases={"p0": Lease(300, 9, {"CA1": 4})})
    purse = purse_of(pots)
    record = CallRecord("CA1", "", "", "", "inbound", "", 0, "interrupted", (), usage=(Usage("llm", "m", tokens_in=9),))
    await purse.bury("p0")
    for _ in range(2):
        await purse.adopt(record)

    assert pots.kept["day"] == Pot(spent=9, day="2026-11-27", left={"CA1": 9}, legs={"CA1": 2})


async def test_it_is_counted_once_the_store_is_there_and_where_it_belongs(nursery, pots: Pots, monkeypatch) -> None:
    monkeypatch.setattr("nurseries.purse.REPORT_S", 0.01)
    caps = Caps(day=1000, campaigns={"spring": Campaign(total=800), "autumn": Campaign(total=800)})
    usage = (Usage("llm", "m", tokens_in=9),)
    record = CallRecord("CA1", *[""] * 3, "inbound", "", 0, "lost", (), usage=usage, campaign="spring")
    pots.away = True
    nursery.start_soon(purse_of(pots, caps).adopt, record)
    await until(lambda: pots.asked > 2)
    pots.away = False
    await until(lambda: len(pots.kept) == 3)

    assert {name: pot.spent for name, pot in pots.kept.items()} == {"day": 9, "spring/total": 9, "autumn/total": 0}


async def test_what_a_turn_has_cost_so_far_is_told_while_it_goes_on(pots: Pots) -> None:
    purse, meter = purse_of(pots), Meter()
    await purse._round()
    purse.open(info("CA1"), meter)
    meter.add("llm", "m", {"tokens_in": 5})
    await purse._round()

    assert pots.kept["day"].spent == 5


async def test_the_end_of_a_leg_leaves_the_account_of_the_next(pots: Pots) -> None:
    """Both in this process: the end of the one comes behind the beginning of the other."""
    purse = purse_of(pots, Caps(call=100))
    first = purse.open(info("CA1"), Meter())
    second = purse.open(replace(info("CA1"), leg=2), Meter())
    first.settle()
    first.close()

    assert await second.afford() is None
    await purse.leave()
    assert purse._accounts == {}


@pytest.mark.parametrize("lives", [True, False])
async def test_a_call_over_two_processes_has_cost_the_day_what_its_record_says(
    pots: Pots, lives: bool, monkeypatch
) -> None:
    monkeypatch.setattr("nurseries.purse.REPORT_S", 0.05)
    first, second, third = (purse_of(pots, name=name) for name in ("p1", "p2", "p3"))
    async with trio.open_nursery() as nursery:
        kill_first, kill_second = trio.CancelScope(), trio.CancelScope()
        nursery.start_soon(run_until, kill_first, first)
        meter = Meter()
        leg = first.open(info("CA1"), meter)
        meter.add("llm", "m", {"tokens_in": 5})
        leg.settle()
        await until(lambda: pots.pots().get("day", Pot()).spent == 5)
        pots.away = True
        meter.add("llm", "m", {"tokens_in": 2})
        leg.settle()
        if not lives:
            kill_first.cancel("killed")
        pots.away = False

        nursery.start_soon(run_until, kill_second, second)
        meter = Meter(meter.used)  # from the record
        later = second.open(replace(info("CA1"), leg=2), meter)
        assert await later.afford() is None
        meter.add("llm", "m", {"tokens_in": 4})
        later.settle()
        await until(lambda: pots.kept["day"].spent == 11)
        kill_second.cancel("killed, too")
        usage = (*meter.used, Usage("summary", "m", tokens_in=3))
        record = CallRecord("CA1", *[""] * 3, "inbound", "", 0, "lost", (), usage=usage, revision=revision_of(2, 1.0))
        for _ in range(2):
            await third.adopt(record)
        if lives:
            leg.close()
            await first.leave()
        nursery.cancel_scope.cancel("the test is over")

    assert pots.kept["day"].spent == 14


async def test_a_day_that_is_ahead_of_the_clock_is_told_as_an_error(nursery, pots: Pots) -> None:
    pots.kept["day"] = Pot(spent=4, day="2030-01-01")
    with structlog.testing.capture_logs() as logs:
        nursery.start_soon(purse_of(pots).run)
        await until(lambda: any(line["log_level"] == "error" for line in logs))

    assert pots.kept["day"].day == "2030-01-01"
    assert pots.kept["day"].spent == 4


async def test_a_day_begins_at_midnight_where_the_callers_are(nursery, pots: Pots) -> None:
    purse = purse_of(pots)
    pots.time = datetime(2026, 11, 27, 18, 29, tzinfo=UTC)
    nursery.start_soon(purse.run)
    await until(lambda: "day" in pots.kept)
    assert pots.kept["day"].day == "2026-11-27"
    pots.time = datetime(2026, 11, 27, 18, 31, tzinfo=UTC)
    await purse.leave()

    assert pots.kept["day"].day == "2026-11-28"


async def test_only_a_calls_cap_needs_no_store(nursery, pots: Pots) -> None:
    purse = purse_of(pots, Caps(call=100))
    pots.away = True
    nursery.start_soon(purse.run)
    account = purse.open(info("CA1"), Meter())

    assert await account.afford() is None
    await trio.testing.wait_all_tasks_blocked()
    assert pots.asked == 0


async def test_how_budgets_stand_is_told_to_prometheus(nursery, pots: Pots) -> None:
    purse = purse_of(pots, Caps(day=2_000_000))
    nursery.start_soon(purse.run)
    await until(lambda: purse.refuses("") is None)
    text = exposition(purse.readings()).decode()

    assert 'calling_agent_budget_cap_dollars{budget="day"} 2.0' in text
    assert 'calling_agent_budget_spent_dollars{budget="day"} 0.0' in text
