"""Whatever the carrier does, a call is created exactly once, or said to be unknown and found out: in virtual time.

Long, for each way to fail is a test of its own beside the one that draws them all.
"""

import random
from collections import Counter, deque
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import Settings
from agent.errors import CarrierError, CarrierFault, StoreError
from agent.guard.order import FINAL, Order, Placed, Refused, Wanted
from agent.guard.progress import Told, order_id
from agent.wire.carrier import CarrierCall
from nurseries.outbound.orders import Orders
from nurseries.outbound.placing import Placing
from tests.examples import examples
from tests.fakes.memory_carrier import AFTER, BEFORE, MemoryCarrier, life
from tests.fakes.memory_orders import MemoryOrders

BEGAN = datetime(2026, 11, 27, 12, tzinfo=UTC)
TO = "+919876543210"


class Rules:
    """The DialRules port: counts."""

    def __init__(self, *no: Refused) -> None:
        self.no = no
        self.claimed: Counter[str] = Counter()
        self.most = 99

    async def refusals(self, wanted: Wanted) -> tuple[Refused, ...]:
        await trio.lowlevel.checkpoint()
        return self.no

    async def claim(self, wanted: Wanted) -> tuple[Refused, ...]:
        await trio.lowlevel.checkpoint()
        if self.claimed[wanted.to] >= self.most:
            return (Refused("attempts", "often enough", 60),)
        self.claimed[wanted.to] += 1
        return ()

    async def give_back(self, wanted: Wanted) -> None:
        await trio.lowlevel.checkpoint()
        self.claimed[wanted.to] -= 1


class Direct(Orders):
    """Without threads, which know no virtual time."""

    async def _do(self, work):
        await trio.lowlevel.checkpoint()
        return work()


class House:
    def __init__(self, *no: Refused, faults=(), **changes) -> None:
        fields = {
            "TWILIO_CALLER_ID": "+918012345678",
            "PUBLIC_URL": "https://voice.example.in",
            "CALLS_PER_SECOND": 100,
        }
        self.settings = Settings(_env_file=None, **(fields | changes))
        self.store, self.rules = MemoryOrders(), Rules(*no)
        self.orders = Direct(self.store, self.now)
        self.carrier = MemoryCarrier(self.now, deque(faults))
        self.placing = self.another()

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=trio.current_time())

    def another(self, orders=None) -> Placing:
        dice = random.Random(0).random
        return Placing(self.carrier, orders or self.orders, self.rules, self.settings, dice=dice)

    @asynccontextmanager
    async def open(self):
        async with trio.open_nursery() as nursery:
            self.carrier.nursery = nursery
            await nursery.start(self.placing.run)
            yield self
            nursery.cancel_scope.cancel()

    async def place(self, **changes):
        placed = await self.placing.place(Wanted(**({"to": TO, "purpose": "to ask"} | changes)))
        return placed.order if isinstance(placed, Placed) else placed


async def test_a_call_is_placed_with_all_that_the_carrier_must_know(autojump_clock) -> None:
    async with House(MACHINE_DETECTION="message", RING_S=20, CALL_MAX_MINUTES=5).open() as house:
        rings = []
        create = house.carrier.create

        async def seen(ring):
            rings.append((ring, house.store.open(9)[0].state))
            return await create(ring)

        house.carrier.create = seen
        order = await house.place(campaign="may & june")

    ((ring, state),) = rings
    assert state == "placing", "written down before the carrier hears of it"
    assert (order.state, order.call_sid) == ("queued", f"CA{0:032x}")
    assert ring.voice_url == f"https://voice.example.in/twilio/voice?order={order.order_id}&campaign=may+%26+june"
    assert ring.status_url == f"https://voice.example.in/twilio/call-status?order={order.order_id}"
    assert ring.machine_url == f"https://voice.example.in/twilio/amd?order={order.order_id}"
    assert (ring.caller_id, ring.ring_s, ring.longest_s, ring.until_beep) == ("+918012345678", 20, 372, True)


async def test_a_rule_that_says_no_leaves_nothing(autojump_clock) -> None:
    no = Refused("hours", "at night", 60)
    async with House(no).open() as house:
        assert await house.place() == (no,)

    assert (house.carrier.requests, house.store.orders, house.rules.claimed[TO]) == (0, {}, 0)


async def test_the_same_key_is_the_same_call_also_at_once(autojump_clock) -> None:
    async with House().open() as house:
        got = []

        async def ask() -> None:
            got.append(await house.placing.place(Wanted(TO, "to ask", idempotency_key="k")))

        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(ask)
        await ask()

    assert len({placed.order.order_id for placed in got}) == 1
    assert [placed.new for placed in got].count(True) == 1
    assert not got[-1].new
    assert (len(house.carrier.calls), house.rules.claimed[TO]) == (1, 1)
    assert house.placing.placed == 1


async def test_who_asks_with_a_key_a_second_time_is_not_refused_for_what_the_first_has_taken(autojump_clock) -> None:
    house = House(MAX_OUTBOUND_CALLS=1, DIAL_WAIT_S=1)
    house.rules.most = 1
    async with house.open(), trio.open_nursery() as nursery:
        second = house.another(Direct(house.store, house.now))
        await house.carrier.nursery.start(second.run)
        got = []

        async def ask(placing) -> None:
            got.append(await placing.place(Wanted(TO, "to ask", idempotency_key="k")))

        for placing in (house.placing, house.placing, second, second):
            nursery.start_soon(ask, placing)

    assert all(isinstance(each, Placed) for each in got), got
    assert [placed.new for placed in got].count(True) == len(house.carrier.calls) == 1


@pytest.mark.parametrize("faults", [["busy"] * 3, ["busy-later"], ["unreachable", "busy", "unreachable"]])
async def test_what_was_surely_not_done_is_tried_again(autojump_clock, faults) -> None:
    async with House(faults=faults).open() as house:
        order = await house.place()

    assert order.state == "queued"
    assert (len(house.carrier.calls), house.carrier.requests) == (1, len(faults) + 1)
    if faults == ["busy-later"]:
        assert trio.current_time() >= 3, "not before the carrier's Retry-After"


async def test_a_carrier_that_stays_busy_is_left_and_the_attempt_given_back(autojump_clock) -> None:
    async with House(faults=["busy"] * 99).open() as house:
        order = await house.place()

    assert order.state == "failed"
    assert "too many" in order.reason
    assert 4 < house.carrier.requests < 20
    assert trio.current_time() <= house.settings.PLACE_TIMEOUT_S
    assert (house.rules.claimed[TO], house.placing.placed) == (0, 0)


async def test_a_refused_call_says_why(autojump_clock) -> None:
    async with House(faults=["refused"]).open() as house:
        order = await house.place()

    assert (order.state, order.reason) == ("failed", "the carrier refused the call: no such number")
    assert (house.carrier.requests, house.rules.claimed[TO], house.placing.placed) == (1, 0, 0)


@pytest.mark.parametrize("fault", sorted(AFTER))
async def test_a_call_that_nobody_answered_for_is_unknown_and_its_callback_tells(autojump_clock, fault) -> None:
    async with House(faults=[fault]).open() as house:
        order = await house.place()
        assert order.state == ("queued" if fault == "slow-after" else "unknown")
        (sid,) = house.carrier.calls
        for news in life(sid, "no-answer"):
            await house.orders.heard(order.order_id, news)
        order = await house.placing.order(order.order_id)

    assert (order.state, order.call_sid) == ("no-answer", sid)
    assert (house.carrier.requests, house.rules.claimed[TO], house.placing.placed) == (1, 1, 0)


async def test_without_a_callback_it_is_found_in_the_carriers_list(autojump_clock) -> None:
    async with House(faults=["500-after", "reset-after"]).open() as house:
        first, second = await house.place(), await house.place()
        assert (first.state, second.state) == ("unknown", "unknown")
        await trio.sleep(2 * house.settings.RECONCILE_S)
        found = [await house.placing.order(each.order_id) for each in (first, second)]

    assert [order.state for order in found] == ["queued", "queued"]
    assert {order.call_sid for order in found} == set(house.carrier.calls), "each its own"


async def test_a_call_that_never_was_has_failed_once_it_was_looked_for_long_enough(autojump_clock) -> None:
    async with House(faults=["reset-before"]).open() as house:
        order = await house.place()
        await trio.sleep(house.settings.LOST_S - 60)
        assert (await house.placing.order(order.order_id)).state == "unknown"
        await trio.sleep(120)
        order = await house.placing.order(order.order_id)

    assert order.state == "failed"
    assert "reset" in order.reason
    assert (house.rules.claimed[TO], house.placing.placed) == (1, 0)
    assert house.carrier.requests == 1


@pytest.mark.parametrize("direction", ["inbound", "outbound-dial"])
async def test_a_call_that_nobody_placed_is_not_found_for_an_order(autojump_clock, direction) -> None:
    """Such as that of a caller who was passed on to the same number."""
    async with House(faults=["reset-before"]).open() as house:
        order = await house.place()
        at = house.now().timestamp()
        other = CarrierCall("CA9", TO, house.settings.TWILIO_CALLER_ID, "in-progress", at, direction)
        house.carrier.calls["CA9"] = other
        await trio.sleep(3 * house.settings.RECONCILE_S)
        order = await house.placing.order(order.order_id)

    assert house.carrier.looks
    assert (order.state, order.call_sid) == ("unknown", "")


async def test_the_carrier_is_not_asked_about_a_call_that_goes_on_as_long_as_it_may(autojump_clock) -> None:
    async with House(CALL_MAX_MINUTES=5).open() as house:
        order = await house.place()
        for news in life(order.call_sid)[:3]:
            await house.orders.heard(order.order_id, news)
        await trio.sleep(5 * 60)
        assert house.carrier.looks == 0
        await trio.sleep(3 * 60)
        assert house.carrier.looks > 0


async def test_an_order_that_a_killed_process_left_is_never_sent(autojump_clock) -> None:
    house = House()
    left = Order(order_id(BEGAN.timestamp(), bytes(10)), Wanted(TO, "to ask"), BEGAN.isoformat())
    house.store.begin(left)
    async with house.open():
        await trio.sleep(house.settings.RECONCILE_S + 16)
        assert (await house.placing.order(left.order_id)).state == "unknown"
        await trio.sleep(house.settings.LOST_S + 60)
        assert (await house.placing.order(left.order_id)).state == "failed"

    assert house.carrier.requests == 0


async def test_one_that_was_killed_after_it_was_sent_is_found(autojump_clock) -> None:
    house = House(faults=["hang-after"])
    with trio.move_on_after(1):
        async with house.open():
            await house.place()
    (order,) = house.store.orders.values()
    assert order.state == "placing"

    house.placing = house.another()
    async with house.open():
        await trio.sleep(3 * house.settings.RECONCILE_S)
        order = await house.placing.order(order.order_id)

    assert (order.state, [order.call_sid]) == ("queued", list(house.carrier.calls))
    assert house.carrier.requests == 1


async def test_a_lost_last_callback_is_made_up_for_and_frees_the_place(autojump_clock) -> None:
    async with House(MAX_OUTBOUND_CALLS=1, DIAL_WAIT_S=1).open() as house:
        order = await house.place()
        assert (await house.place())[0].rule == "busy"
        call = house.carrier.calls[order.call_sid]
        house.carrier.calls[order.call_sid] = type(call)(call.call_sid, call.to, call.caller_id, "busy", call.created_s)
        await trio.sleep(150)
        assert (await house.placing.order(order.order_id)).state == "busy"
        assert (await house.place()).state == "queued"


async def test_a_call_that_may_be_on_keeps_its_place(autojump_clock) -> None:
    async with House(faults=["500-after"], MAX_OUTBOUND_CALLS=1, DIAL_WAIT_S=1).open() as house:
        assert (await house.place()).state == "unknown"
        assert (await house.place())[0].rule == "busy"


async def test_an_end_that_another_process_hears_frees_the_place_here(autojump_clock) -> None:
    async with House(MAX_OUTBOUND_CALLS=1, DIAL_WAIT_S=60).open() as house:
        order = await house.place()
        elsewhere = Direct(house.store, house.now)
        await elsewhere.heard(order.order_id, Told(order.call_sid, "completed", 3))
        assert isinstance(await house.place(), Order)
        assert trio.current_time() < 20


async def test_where_nothing_can_be_written_no_call_is_placed(autojump_clock) -> None:
    async with House().open() as house:
        begin = house.store.begin

        def away(order):
            raise StoreError("away")

        house.store.begin = away
        with pytest.raises(StoreError, match="away"):
            await house.place()
        assert (house.carrier.requests, house.rules.claimed[TO], house.placing.placed) == (0, 0, 0)
        house.store.begin = begin
        assert (await house.place()).state == "queued"


async def test_a_store_that_goes_away_meanwhile_does_not_hide_the_call(autojump_clock) -> None:
    async with House().open() as house:
        create = house.carrier.create

        async def and_away(ring):
            call = await create(ring)
            house.store.away = "away"
            return call

        house.carrier.create = and_away
        order = await house.place()
        assert (order.state, order.call_sid) == ("queued", f"CA{0:032x}")
        house.store.away = ""
        assert (await house.placing.order(order.order_id)).state == "placing"
        await house.orders.heard(order.order_id, Told(order.call_sid, "ringing", 1))
        assert (await house.placing.order(order.order_id)).state == "ringing"


async def test_a_process_that_leaves_places_nothing(autojump_clock) -> None:
    async with House().open() as house:
        house.placing._leaving = lambda: True
        (refused,) = await house.place()

    assert (refused.rule, house.carrier.requests) == ("busy", 0)


async def test_one_that_is_told_to_leave_places_nothing_that_waits_for_its_turn(autojump_clock) -> None:
    async with House(CALLS_PER_SECOND=0.2).open() as house, trio.open_nursery() as nursery:
        await house.place()
        got = []

        async def ask() -> None:
            got.append(await house.place())

        nursery.start_soon(ask)
        await trio.sleep(1)
        house.placing._leaving = lambda: True

    assert (got[0][0].rule, house.carrier.requests) == ("busy", 1)
    assert house.rules.claimed[TO] == 1


async def test_who_asked_may_go_away(autojump_clock) -> None:
    async with House(faults=["busy-later"]).open() as house:
        with trio.move_on_after(1):
            await house.place()
        await trio.sleep(10)
        (order,) = house.store.orders.values()

    assert order.state == "queued"


async def test_hanging_up_is_tried_again_but_not_where_it_is_refused(autojump_clock) -> None:
    async with House().open() as house:
        faults = [CarrierFault.UNKNOWN, CarrierFault.BUSY, CarrierFault.UNREACHABLE, CarrierFault.REFUSED]
        hang_up = house.carrier.hang_up

        async def fails(sid):
            if faults:
                raise CarrierError(faults.pop(0), "no", retry_after_s=1)
            await hang_up(sid)

        house.carrier.hang_up = fails
        with pytest.raises(CarrierError, match="refused"):
            await house.placing.hang_up("CA1")
        await house.placing.hang_up("CA1")

    assert house.carrier.hung_up == ["CA1"]
    assert 3 <= trio.current_time() < 8


async def test_a_verdict_is_heard_here_at_once_and_from_elsewhere_soon(autojump_clock) -> None:
    async with House().open() as house:
        order = await house.place()
        elsewhere = Direct(house.store, house.now)
        times = []

        async def wait(orders) -> None:
            times.append((await orders.verdict(order.order_id), trio.current_time()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, house.orders)
            nursery.start_soon(wait, elsewhere)
            await trio.sleep(5.5)
            await house.orders.heard(order.order_id, Told(order.call_sid, answered_by="machine_start"))

    assert times == [("machine_start", 5.5), ("machine_start", 6)]


async def test_verdicts_that_nobody_waits_for_are_forgotten_in_the_end(autojump_clock, monkeypatch) -> None:
    monkeypatch.setattr("nurseries.outbound.orders.REMEMBERED", 2)
    orders = House().orders
    for n in range(5):
        await orders.heard(f"order-{n}", Told(f"CA{n}", answered_by="human"))

    assert list(orders._verdicts) == ["order-3", "order-4"]
    assert await orders.verdict("order-4") == "human"


FAULTS = st.lists(st.sampled_from(["", *sorted(BEFORE | AFTER)]), max_size=12)


@settings(max_examples=examples(60))
@given(
    FAULTS,
    st.lists(st.sampled_from(["tell", "tell-late", "shuffled", "silent"]), min_size=12, max_size=12),
    st.randoms(use_true_random=False),
)
def test_each_order_is_one_call_at_most_and_all_come_to_a_true_end(faults, tellings, dice) -> None:
    """Any script of faults, any order and loss of callbacks, two processes that share a store. Each to a number of its
    own: of two unknown orders to one number the list cannot tell whose the call is (ops/adr/0026)."""

    async def run() -> None:
        house = House(faults=faults, MAX_OUTBOUND_CALLS=99)
        told = deque(tellings)

        async def created(order_id: str, sid: str) -> None:
            how = told.popleft() if told else "tell"
            news = life(sid, dice.choice(["completed", "busy", "no-answer", "failed"]))
            call = house.carrier.calls[sid]
            house.carrier.calls[sid] = type(call)(
                sid, call.to, call.caller_id, news[-1].status, call.created_s, call.direction
            )
            if how == "silent":
                return
            if how == "shuffled":
                news = [*news, *news]
                dice.shuffle(news)
            await trio.sleep(90 if how == "tell-late" else dice.random())
            for each in news:
                await house.orders.heard(order_id, each)
                await trio.sleep(dice.random())

        house.carrier.created = created
        async with house.open():
            second = house.another(Direct(house.store, house.now))
            await house.carrier.nursery.start(second.run)
            results = []

            async def one(n: int) -> None:
                placing = house.placing if n % 2 else second
                results.append(await placing.place(Wanted(f"+9198765432{n:02}", "to ask", idempotency_key=f"k{n}")))

            async with trio.open_nursery() as nursery:
                for n in range(6):
                    nursery.start_soon(one, n)
            await trio.sleep(house.settings.LOST_S + 4000)
            assert house.placing.placed == second.placed == 0

        assert all(isinstance(each, Placed) for each in results)
        assert all(len(sids) == 1 for sids in house.carrier.orders.values()), "one order, one call"
        for order in house.store.orders.values():
            assert order.state in FINAL
            if order.call_sid:
                assert order.state == house.carrier.calls[order.call_sid].status
            else:
                assert order.order_id not in house.carrier.orders, "what was rung is known"
        assert len({o.call_sid for o in house.store.orders.values() if o.call_sid}) == len(house.carrier.calls)

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
