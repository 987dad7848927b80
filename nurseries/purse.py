"""Money for the calls of one process: drawn from the store in advance, in the background; no turn waits for the store
while what is in hand suffices. In one file: drawing, giving back and a call's account keep one budget true together.

One of the process's children. Cancelled it tells nothing more: whoever ends it lets it `leave` first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.config import Settings
from agent.errors import StoreError
from agent.guard.budget import DAY, Budget, No, dollars
from agent.guard.budget_store import BudgetStore
from agent.guard.pot import MICRO, Grant, Pot, Report, Resumed, adopted, reported
from agent.keep.prices import Prices, cost_known
from agent.keep.record import CallRecord, epoch_of
from agent.keep.usage import Meter
from agent.metrics import Count, Reading
from agent.model import CallInfo
from agent.providers.own_budgets import Budgeting
from agent.web.spending import PotView, Spend

log = structlog.get_logger(__name__)

REPORT_S = 5.0
"""Between two reports, where nothing is needed sooner."""
SOON_S, AGAIN_S = 0.1, 1.0
"""At least between two, and after one that failed."""
LEAVE_S = 5.0
"""To give everything back at the end; else others take it once the lease is old."""

REFUSED = Count("budget_refusals", "Turns and calls that no budget paid for.", "what", "why")
REPORTS = Count("budget_reports", "Reports of spending to the store.", "result")
for _why in ("call", "pot", "store"):
    for _what in ("call", "turn"):
        REFUSED.begin(what=_what, why=_why)
for _result in ("done", "failed"):
    REPORTS.begin(result=_result)


def key_of(info: CallInfo) -> str:
    """By which name a call's budget goes."""
    return info.campaign or info.line


@dataclass
class Account:
    """One call's purse."""

    purse: Purse
    call_sid: str
    key: str
    meter: Meter
    refused: No | None = None
    """Why it may not even begin."""

    async def afford(self) -> No | None:
        """Whether one more request to the model, and the speaking of its answer, can be paid for; it is reserved then,
        beside what was before. Waits for the store where what is in hand does not suffice, within BUDGET_WAIT_S."""
        return await self.purse.afford(self)

    def settle(self) -> None:
        """The turn is over: what was not needed of it is free. Not a checkpoint."""
        self.purse.settle(self)

    def close(self) -> None:
        """The call is over, and nothing more will be used for it. Not a checkpoint."""
        self.purse.close(self)


class Purse:
    """One process's."""

    def __init__(self, budget: Budget, store: BudgetStore, prices: Prices, zone: ZoneInfo, wait_s: float) -> None:
        self.epoch: Callable[[str], int] = lambda _: 1
        """Which writer of a call's record this process is: later ones' word counts. Not a checkpoint."""
        self._budget = budget
        self._store = store
        self._prices = prices
        self._zone = zone
        self._wait_s = wait_s
        self._accounts: dict[str, Account] = {}
        self._wake = trio.Event()
        self._news = ParkingLot()
        self._threads = trio.CapacityLimiter(2)
        self._one = trio.Lock()
        self._away = ""
        self._doubted = ""

    @property
    def words(self) -> str:
        """The caps, for the start."""
        caps = self._budget.caps
        parts = [f"{dollars(caps.call)} a call"] if caps.call is not None else []
        parts += [f"{dollars(caps.day)} a day"] if caps.day is not None else []
        parts += [f"of its own for {', '.join(sorted(caps.campaigns))}"] if caps.campaigns else []
        return ", ".join(parts)

    # What is asked.

    async def admits(self, call_sid: str, info: CallInfo, until_s: float) -> No | None:
        """Whether a new call can be paid for; what it needs to begin is put by for `until_s` seconds. Waits for the
        store where what is in hand does not suffice, within BUDGET_WAIT_S."""
        now = trio.current_time()
        ask = partial(self._budget.announce, call_sid, key_of(info), now, now + until_s)
        no = await self._asked(ask)
        if no is not None:
            REFUSED.add(what="call", why=no.why)
            log.warning("a call cannot be paid for", call_sid=call_sid, why=no.words)
        return no

    def refuses(self, campaign: str) -> No | None:
        """Why no call for this campaign or line could be paid for now; nothing is put by. Not a checkpoint."""
        no = self._budget.refuses(campaign, trio.current_time())
        self._look()
        return no

    def open(self, info: CallInfo, meter: Meter) -> Account:
        """The call goes on from here; its meter tells what it costs, and of a later leg what all before it have cost.
        Not a checkpoint."""
        account = Account(self, info.call_sid, key_of(info), meter)
        if info.leg > 1:
            resumed = Resumed(max(info.leg, self.epoch(info.call_sid)), self._cost(meter))
            self._budget.resume(info.call_sid, account.key, trio.current_time(), resumed)
        else:
            account.refused = self._budget.open(info.call_sid, account.key, trio.current_time())
        self._accounts[info.call_sid] = account
        self._look()
        return account

    async def afford(self, account: Account) -> No | None:
        """See Account."""
        self._budget.settle(account.call_sid, self._cost(account.meter))
        ask = partial(self._reserve, account)
        no = await self._asked(ask)
        if no is not None:
            REFUSED.add(what="turn", why=no.why)
        return no

    def settle(self, account: Account) -> None:
        """See Account."""
        if self._accounts.get(account.call_sid) is account:
            self._budget.settle(account.call_sid, self._cost(account.meter))
            self._budget.release(account.call_sid)
            self._look()

    def close(self, account: Account) -> None:
        """See Account."""
        if self._accounts.get(account.call_sid) is account:
            del self._accounts[account.call_sid]
            self._budget.close(account.call_sid, self._cost(account.meter), trio.current_time())
            self._look()

    async def bury(self, gone: str) -> None:
        """Give back what a process holds that is gone for certain; as soon as the store is there."""
        await self._tell_all(lambda _: partial(_adopt, "", 0, gone, False, 1))

    async def adopt(self, record: CallRecord) -> None:
        """Count the call of a process that is gone, as soon as the store is there: once, however often it is told.
        Nothing that a process tells of the call afterwards counts."""
        cost = math.ceil(cost_known(record.usage, self._prices) * MICRO)
        pots = {DAY, *self._budget.caps.pots(record.campaign)}
        leg = epoch_of(record.revision) + 1
        await self._tell_all(lambda pot: partial(_adopt, record.call_sid, cost, "", pot in pots, leg))

    async def _tell_all(self, what: Callable[[str], Callable[[Pot], tuple[Pot, None]]]) -> None:
        for pot in self._budget.caps.all_pots:
            while True:
                try:
                    await trio.to_thread.run_sync(self._store.change, pot, what(pot), limiter=self._threads)
                except StoreError as error:
                    log.debug("what a process that is gone has spent is not counted yet", error=str(error))
                    await trio.sleep(REPORT_S)
                else:
                    break

    def spend(self) -> Spend:
        """How all budgets stand, as the store last told. Not a checkpoint."""
        return Spend([self._view(pot) for pot in self._budget.caps.all_pots])

    def readings(self) -> list[Reading]:
        """The same for Prometheus."""
        found = []
        for view in self.spend().budgets:
            of = {"budget": view.budget}
            found += [
                Reading("budget_cap_dollars", "What may be spent.", view.cap_usd, of),
                Reading("budget_spent_dollars", "What has been spent, by all processes.", view.spent_usd, of),
                Reading("budget_held_dollars", "What this process holds, and has not spent.", view.held_usd, of),
                Reading("budget_reserved_dollars", "What its calls may still spend.", view.reserved_usd, of),
            ]
            if view.seen_s_ago is not None:
                found.append(Reading("budget_seen_seconds", "Since the store last told.", view.seen_s_ago, of))
        return found

    # Its own.

    async def run(self) -> None:
        """Draw and report until cancelled."""
        while True:
            self._wake = trio.Event()
            done = await self._round()
            self._news.unpark_all()
            if not done:
                await trio.sleep(AGAIN_S)
                continue
            await trio.sleep(SOON_S)
            with trio.move_on_after(REPORT_S):
                await self._wake.wait()

    async def leave(self) -> None:
        """Give back what is held, within LEAVE_S."""
        for account in list(self._accounts.values()):
            account.close()
        with trio.move_on_after(LEAVE_S, shield=True) as limit:
            await self._round(leaving=True)
        if limit.cancelled_caught or self._away:
            log.warning("what this process holds of budgets is given back only when its lease is old")

    async def _round(self, *, leaving: bool = False) -> bool:
        async with self._one:
            self._budget.forget(trio.current_time())
            for account in self._accounts.values():
                self._budget.settle(account.call_sid, self._cost(account.meter))
            try:
                day = await self._day() if self._budget.caps.all_pots else ""
                for pot in self._budget.caps.all_pots:
                    await self._report(pot, day if pot.rpartition("/")[2] == DAY else "", leaving=leaving)
            except StoreError as error:
                REPORTS.add(result="failed")
                if not self._away:
                    log.warning("the budgets' store does not answer: what is in hand must do", error=str(error))
                self._away = str(error)
                return False
            REPORTS.add(result="done")
            if self._away:
                log.info("the budgets' store answers again")
                self._away = ""
            return True

    async def _day(self) -> str:
        told = await trio.to_thread.run_sync(self._store.now, limiter=self._threads, abandon_on_cancel=True)
        return told.astimezone(self._zone).date().isoformat()

    async def _report(self, pot: str, day: str, *, leaving: bool) -> None:
        begun = trio.current_time()
        report = self._budget.report(pot, day, begun, leaving=leaving)
        how = partial(_reported, report)
        # Left alone at the end: the store bounds it, and whoever reads it later finds a lease.
        grant = await trio.to_thread.run_sync(
            self._store.change, pot, how, limiter=self._threads, abandon_on_cancel=leaving
        )
        if grant.void:
            log.warning("this process was taken for gone: what it held of a budget is others' by now", budget=pot)
        if grant.pot.day not in {day, self._doubted}:
            self._doubted = grant.pot.day
            log.error(
                "the store's day is ahead of its clock: the budget counts for that day until then. If a clock was "
                "wrong, see docs/money.md.",
                budget=pot,
                day=grant.pot.day,
                clock=day,
            )
        self._budget.took(pot, grant, begun, trio.current_time())

    async def _asked(self, ask: Callable[[], No | None]) -> No | None:
        await trio.lowlevel.checkpoint()
        no = ask()
        if no is not None and no.why == "store":
            with trio.move_on_after(self._wait_s):
                while no is not None and no.why == "store":
                    self._wake.set()
                    await self._news.park()
                    no = ask()
        self._look()
        return no

    def _reserve(self, account: Account) -> No | None:
        return self._budget.reserve(account.call_sid, self._budget.needs.turn, trio.current_time())

    def _look(self) -> None:
        if self._budget.low():
            self._wake.set()

    def _cost(self, meter: Meter) -> int:
        return math.ceil(cost_known(meter.used, self._prices) * MICRO)

    def _view(self, name: str) -> PotView:
        pot, seen = self._budget.hand(name)
        mine = pot.leases.get(self._budget.holder)
        ago = trio.current_time() - seen
        return PotView(
            budget=name,
            cap_usd=self._budget.caps.of(name) / MICRO,
            spent_usd=pot.spent / MICRO,
            reserved_usd=self._budget.reserved(name) / MICRO,
            held_usd=(mine.have if mine is not None else 0) / MICRO,
            held_by_others_usd=(pot.held - (mine.have if mine is not None else 0)) / MICRO,
            processes=len(pot.leases),
            day=pot.day,
            past={day: spent / MICRO for day, spent in pot.past.items()},
            seen_s_ago=None if math.isinf(ago) else round(ago, 1),
            store="answers" if not self._away else "does not answer",
        )


def _reported(report: Report, pot: Pot) -> tuple[Pot, Grant]:
    return reported(pot, report)


def _adopt(call_sid: str, cost: int, gone: str, count: bool, leg: int, pot: Pot) -> tuple[Pot, None]:
    return adopted(pot, call_sid, cost, gone, count=count, leg=leg), None


def open_purse(
    budgeting: Budgeting | None, settings: Settings, store: Callable[[], BudgetStore], prices: Prices, name: str
) -> Purse | None:
    """What pays for the calls of the process with this name; None where nobody asks what they cost, and then the store
    is not opened."""
    if budgeting is None or not budgeting.wanted:
        return None
    budget = Budget(budgeting.caps, budgeting.needs, name)
    return Purse(budget, store(), prices, ZoneInfo(settings.TIMEZONE), settings.BUDGET_WAIT_S)
