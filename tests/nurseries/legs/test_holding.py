"""Who holds which call, as one process knows it: in virtual time, with a store that is away, slow, or late."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
import structlog
import trio

from agent.guard.lease import LEASE_S, Lease, Stand
from agent.model import CallInfo
from nurseries.legs.holding import LEAVE_S, LOOK_S, RENEW_S, WRITE_S, Holding
from tests.calls.counted import Counted
from tests.fakes.memory_leases import Asked, MemoryLeases

TICK = 0.001

FIRST = CallInfo("CA1", "AC1", "MZ1", line="sales", language="en-IN", campaign="Oak")


def leg(n: int) -> CallInfo:
    return replace(FIRST, stream_sid=f"MZ{n}", leg=n, line="", language="", campaign="")


@dataclass
class House:
    """A store, and the processes that share it."""

    store: MemoryLeases = field(default_factory=lambda: MemoryLeases(trio.current_time))
    asked: Asked = field(default_factory=Asked)
    fenced: list[tuple[str, str]] = field(default_factory=list)

    def process(self, name: str) -> Holding:
        holding = Holding(self.store, name, ask=self.asked)
        holding.fenced = lambda sid: self.fenced.append((name, sid))
        return holding

    def lease(self, sid: str = "CA1") -> Lease:
        return self.store.leases[sid]


@pytest.fixture
def house() -> House:
    return House()


async def test_a_call_is_held_for_as_long_as_its_process_renews_it(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    one = house.process("one")
    nursery.start_soon(one.run)

    assert await one.take(FIRST) == 1
    await trio.sleep(10 * LEASE_S)
    assert house.lease().live(trio.current_time())
    assert (house.lease().line, house.lease().language, house.lease().campaign) == ("sales", "en-IN", "Oak")

    nursery.cancel_scope.cancel("the process is gone")


async def test_the_next_leg_fences_off_the_one_before(autojump_clock, house: House, nursery: trio.Nursery) -> None:
    one, two = house.process("one"), house.process("two")
    nursery.start_soon(one.run)
    nursery.start_soon(two.run)
    await one.take(FIRST)

    assert await two.take(leg(2)) == 2
    await trio.sleep(2 * RENEW_S)
    assert house.fenced == [("one", "CA1")]
    assert (house.lease().holder, house.lease().line) == ("two", "sales")
    await one.put("CA1", Stand.OVER)
    await one.leave()
    assert (house.lease().holder, house.lease().stand) == ("two", Stand.HELD)
    nursery.cancel_scope.cancel("over")


async def test_who_goes_on_with_a_dead_processs_call_knows_since_when_nobody_had_it(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    one, two = house.process("one"), house.process("two")
    nursery.start_soon(one.run)
    await one.take(FIRST)
    assert one.unheld_since("CA1") is None
    await trio.sleep(3)
    nursery.cancel_scope.cancel("killed")
    died = trio.current_time()

    with trio.CancelScope(shield=True):
        await trio.sleep(1.7)
        await two.take(leg(2))
        since = two.unheld_since("CA1")
        assert since is not None
        assert died - RENEW_S - TICK <= since <= died
        assert two.unheld_since("CA1") is None

        await two.put("CA1", Stand.LOST, leg=2)
        await one.take(leg(3))
        assert one.unheld_since("CA1") is None, "its record tells when it ended"


async def test_two_streams_of_one_leg_are_one_too_many(autojump_clock, house: House) -> None:
    counted = Counted()
    one, two = house.process("one"), house.process("two")

    assert await one.take(FIRST) == 1
    assert await two.take(replace(FIRST, stream_sid="MZ9")) is None
    assert await one.take(replace(FIRST, stream_sid="MZ9")) is None
    assert await two.take(leg(2)) == 2
    assert await one.take(replace(leg(2), stream_sid="MZ9")) is None
    assert counted("legs_turned_away_total", why="fenced") == 3


async def test_who_is_refused_a_leg_has_lost_the_one_before_as_well(autojump_clock, house: House) -> None:
    one, two = house.process("one"), house.process("two")
    await one.take(FIRST)
    await two.take(leg(2))

    assert await one.take(replace(leg(2), stream_sid="MZ9")) is None
    assert house.fenced == [("one", "CA1")]


async def test_a_call_that_is_over_is_known_to_be_so_by_all(autojump_clock, house: House) -> None:
    one, two = house.process("one"), house.process("two")
    await one.take(FIRST)
    await one.put("CA1", Stand.OVER)

    for each in (one, two):
        found = await each.look("CA1")
        assert found is not None
        assert found.stand is Stand.OVER
        assert await each.take(replace(FIRST, stream_sid="MZ9")) is None


@pytest.mark.parametrize("how", ["away", "slow"])
async def test_with_the_store_away_calls_go_on_and_leases_are_written_later(
    autojump_clock, house: House, nursery: trio.Nursery, how: str
) -> None:
    house.store.away, house.asked.slow_s = ("gone", 0.0) if how == "away" else ("", 60.0)
    one = house.process("one")
    nursery.start_soon(one.run)

    began = trio.current_time()
    assert await one.take(FIRST) == 1
    assert trio.current_time() - began < WRITE_S + TICK
    assert await one.take(CallInfo("CA2", "AC1", "MZ2")) == 1
    began = trio.current_time()
    await one.put("CA2", Stand.OVER)
    assert trio.current_time() - began < WRITE_S + TICK
    began = trio.current_time()
    found = await one.look("CA2")
    assert found is not None
    assert found.stand is Stand.OVER
    known = await one.look("CA1")
    assert known is not None
    assert known.stand is Stand.HELD
    assert await one.look("CA9") is None
    assert trio.current_time() - began < WRITE_S + LOOK_S + TICK
    assert await one.rescued(known) is False
    await trio.sleep(20)

    house.store.away, house.asked.slow_s = "", 0.0
    await trio.sleep(6)
    assert house.lease("CA1").live(trio.current_time())
    assert house.lease("CA2").stand is Stand.OVER
    assert house.fenced == []
    nursery.cancel_scope.cancel("over")


async def test_a_lease_that_ran_out_and_nobody_took_is_renewed(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    one = house.process("one")
    nursery.start_soon(one.run)
    await one.take(FIRST)
    house.store.away = "gone"
    await trio.sleep(5 * LEASE_S)
    assert not house.lease().live(trio.current_time())

    house.store.away = ""
    await trio.sleep(2 * RENEW_S)
    assert house.lease().live(trio.current_time())
    assert house.fenced == []
    nursery.cancel_scope.cancel("over")


async def test_what_is_learnt_late_of_another_process_ends_the_call_here(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    one, two = house.process("one"), house.process("two")
    nursery.start_soon(one.run)
    await two.take(leg(2))
    house.store.away = "gone"
    assert await one.take(FIRST) == 1  # nobody can tell yet

    house.store.away = ""
    await trio.sleep(2 * RENEW_S)
    assert house.fenced == [("one", "CA1")]
    nursery.cancel_scope.cancel("over")


async def test_a_write_that_lands_late_takes_nothing_back(autojump_clock, house: House) -> None:
    one, two = house.process("one"), house.process("two")
    house.asked.slow_s = 2.0
    assert await one.take(FIRST) == 1
    taken = house.asked.late
    house.asked.late, house.asked.slow_s = [], 0.0
    await one.put("CA1", Stand.MOVING)
    assert house.lease().stand is Stand.MOVING

    house.asked.late = taken
    house.asked.land()
    assert house.lease().stand is Stand.MOVING
    await two.take(leg(2))
    house.asked.late = taken
    house.asked.land()
    assert (house.lease().holder, house.lease().fence) == ("two", 2)


async def test_a_leg_that_is_refused_or_cancelled_is_not_renewed(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    one, two = house.process("one"), house.process("two")
    await two.take(leg(2))
    assert await one.take(FIRST) is None
    house.asked.slow_s = 0.3
    with trio.move_on_after(0.1):
        await one.take(CallInfo("CA2", "AC1", "MZ2"))
    house.asked.slow_s = 0.0
    house.asked.land()
    nursery.start_soon(one.run)
    await trio.sleep(2 * LEASE_S)

    assert not house.lease("CA2").live(trio.current_time())
    assert house.fenced == []
    nursery.cancel_scope.cancel("over")


async def test_an_ending_is_told_also_by_who_is_cancelled(autojump_clock, house: House) -> None:
    one = house.process("one")
    await one.take(FIRST)
    with trio.CancelScope() as scope:
        scope.cancel("hung up")
        await one.put("CA1", Stand.OVER)

    assert house.lease().stand is Stand.OVER


async def test_an_ending_is_that_of_its_leg(autojump_clock, house: House) -> None:
    """The first leg's end comes behind the second one's beginning, where both are here."""
    one = house.process("one")
    await one.take(FIRST)
    assert await one.take(leg(2)) == 2
    await one.put("CA1", Stand.LOST, leg=1)

    assert (house.lease().fence, house.lease().stand) == (2, Stand.HELD)
    assert house.fenced == []


async def test_what_is_over_is_renewed_until_its_record_is_complete(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    one = house.process("one")
    nursery.start_soon(one.run)
    await one.take(FIRST)
    await one.put("CA1", Stand.OVER)
    await trio.sleep(10 * LEASE_S)
    assert house.store.stale(0, 10) == []
    assert not house.lease().done

    one.done("CA1")
    await trio.sleep(2 * RENEW_S)
    assert house.lease().done
    await trio.sleep(10 * LEASE_S)
    assert house.store.stale(0, 10) == []
    found = await one.look("CA1")
    assert found is not None
    assert found.done
    nursery.cancel_scope.cancel("over")


async def test_an_orphan_is_claimed_once_and_taken_back_by_whoever_has_its_stream(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    """A process that could not reach the store for a while still has the caller on the line."""
    one, two, three = (house.process(name) for name in ("one", "two", "three"))
    await one.take(FIRST)
    await trio.sleep(LEASE_S + 60)
    lease = await two.claim("CA1", 60)
    assert lease is not None
    assert two.has(lease)
    assert two.epoch("CA1") == 2
    assert await three.claim("CA1", 60) is None

    nursery.start_soon(one.run)
    nursery.start_soon(two.run)
    await trio.sleep(2 * RENEW_S)
    assert house.fenced == [("two", "CA1")]
    assert not two.has(lease)
    assert (house.lease().holder, house.lease().stand) == ("one", Stand.HELD)
    assert one.epoch("CA1") == 2
    nursery.cancel_scope.cancel("over")


async def test_who_has_left_a_call_leaves_it_to_whoever_claims_it(autojump_clock, house: House, nursery) -> None:
    """The carrier has told another process that the call is over: it finishes the record, and nobody else does so."""
    one, two = house.process("one"), house.process("two")
    await one.take(FIRST)
    await one.put("CA1", Stand.LOST, leg=1)
    claimed = await two.claim("CA1", 0.0)
    assert claimed is not None

    nursery.start_soon(one.run)
    await trio.sleep(2 * RENEW_S)

    assert house.fenced == [("one", "CA1")]
    assert house.lease().holder == "two"
    assert two.has(claimed)
    nursery.cancel_scope.cancel("seen")


async def test_an_orphan_is_left_to_the_leg_that_has_begun_meanwhile(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    one, two = house.process("one"), house.process("two")
    await one.take(FIRST)
    await trio.sleep(LEASE_S + 60)
    lease = await two.claim("CA1", 60)
    assert lease is not None

    assert await one.take(leg(2)) == 2
    nursery.start_soon(two.run)
    await trio.sleep(2 * RENEW_S)
    assert house.fenced == [("two", "CA1")]
    assert one.epoch("CA1") == 3
    nursery.cancel_scope.cancel("over")


async def test_a_claim_that_is_answered_behind_a_new_leg_here_is_void(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    one, two = house.process("one"), house.process("two")
    await one.take(FIRST)
    await trio.sleep(LEASE_S + 60)
    house.asked.slow_s = 0.3
    claimed: list[Lease | None] = []

    async def claim() -> None:
        claimed.append(await two.claim("CA1", 60))

    nursery.start_soon(claim)
    await trio.sleep(0.1)
    assert await two.take(leg(2)) == 2
    assert claimed == [None]
    assert two.newest(leg(2))

    house.asked.slow_s = 0.0
    nursery.start_soon(two.run)
    await trio.sleep(2 * RENEW_S)
    assert (house.lease().holder, house.lease().fence, house.lease().stand) == ("two", 2, Stand.HELD)
    assert house.fenced == []
    nursery.cancel_scope.cancel("seen")


async def test_what_is_told_while_the_store_is_written_is_written_next(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    one = house.process("one")
    await one.take(FIRST)
    house.asked.slow_s = 0.3
    nursery.start_soon(one.put, "CA1", Stand.OVER)
    await trio.sleep(0.1)
    one.done("CA1")
    await trio.sleep(0.3)
    assert not house.lease().done

    house.asked.slow_s = 0.0
    nursery.start_soon(one.run)
    await trio.sleep(2 * RENEW_S)
    assert house.lease().done
    nursery.cancel_scope.cancel("seen")


async def test_behind_a_time_without_the_store_nobody_is_an_orphan_until_all_could_renew(
    autojump_clock, house: House
) -> None:
    one, two = house.process("one"), house.process("two")
    await one.take(FIRST)
    house.store.away = "gone"
    await trio.sleep(LEASE_S + 100)
    assert await two.orphans(60, 9) == []

    house.store.away = ""
    assert await two.orphans(60, 9) == []
    await trio.sleep(LEASE_S - TICK)
    assert await two.orphans(60, 9) == []
    await trio.sleep(2 * TICK)
    assert [lease.call_sid for lease in await two.orphans(60, 9)] == ["CA1"]


async def test_a_rescue_falls_to_one(autojump_clock, house: House) -> None:
    one, two = house.process("one"), house.process("two")
    await one.take(FIRST)
    lease = house.lease()
    assert await two.rescued(lease) is False
    await one.put("CA1", Stand.LOST)

    assert [await two.rescued(lease), await one.rescued(lease)] == [True, False]
    await two.take(leg(2))
    assert await one.rescued(lease) is False


async def test_what_is_not_written_is_tried_at_the_end_and_not_for_long(autojump_clock, house: House) -> None:
    one = house.process("one")
    house.store.away = "gone"
    await one.take(FIRST)
    await one.put("CA1", Stand.MOVING)
    house.store.away = ""
    await one.leave()
    assert house.lease().stand is Stand.MOVING

    two = house.process("two")
    house.asked.slow_s = 60.0
    await two.take(CallInfo("CA2", "AC1", "MZ2"))
    began = trio.current_time()
    with structlog.testing.capture_logs() as logs:
        await two.leave()
    assert trio.current_time() - began < LEAVE_S + TICK
    assert [line["count"] for line in logs if line["event"] == "leases are left to run out"] == [1]


async def test_a_store_that_is_away_is_told_once_and_so_is_its_return(
    autojump_clock, house: House, nursery: trio.Nursery
) -> None:
    one = house.process("one")
    with structlog.testing.capture_logs() as logs:
        nursery.start_soon(one.run)
        await one.take(FIRST)
        house.store.away = "gone"
        await trio.sleep(10)
        house.store.away = ""
        await trio.sleep(2)
        nursery.cancel_scope.cancel("over")

    told = [line["event"] for line in logs if "leases" in line["event"]]
    assert told == [
        "leases cannot be kept: calls go on, and do not survive this process",
        "leases are kept again",
    ]
