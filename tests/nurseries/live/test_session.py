"""A session's socket: when it is opened again, changed, and given up. On the mock clock; the hearing and the voice are
tenants in tests of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
import trio
import trio.lowlevel
from trio.testing import MockClock

from agent.config import Settings
from agent.errors import Fault
from agent.guard.breaker import Breaker, Rules
from agent.providers import realtime_events as events
from agent.providers import realtime_requests as requests
from nurseries.live.session import AHEAD_S, LONGEST_PAUSE_S, LOOK_S, SESSION_S, SHORTEST_S, Session
from tests.fakes.realtime_memory import InMemory
from tests.fakes.realtime_plan import Plan, Wrong
from tests.fakes.realtime_server import Realtime

MODEL = "gpt-realtime-2.1-mini"


@dataclass
class Tenant:
    quiet: bool = True
    seen: list[str] = field(default_factory=list)

    def opened(self) -> None:
        self.seen.append("opened")

    def lost(self) -> None:
        self.seen.append("lost")

    def received(self, event: events.RealtimeEvent) -> None:
        self.seen.append(type(event).__name__)


@dataclass
class Held:
    session: Session
    tenant: Tenant
    house: InMemory


@asynccontextmanager
async def held(
    plan: Plan,
    setups: tuple[str, ...] = (requests.speak("marin"),),
    clock_s: float = 0.0,
    breaker: Breaker | None = None,
    **house: object,
) -> AsyncIterator[Held]:
    address = requests.model_address(Settings(_env_file=None, OPENAI_API_KEY="sk-right"), MODEL)  # type: ignore[call-arg,arg-type]
    async with trio.open_nursery() as servers, trio.open_nursery() as nursery:
        place = InMemory(Realtime(plan), servers, address=address, **house)  # type: ignore[arg-type]
        session = Session("voice", place.link, setups, wall_clock=lambda: clock_s, breaker=breaker)
        tenant = Tenant()
        session.admit(tenant)
        nursery.start_soon(session.run)
        yield Held(session, tenant, place)
        nursery.cancel_scope.cancel("the call is over")
        servers.cancel_scope.cancel("the test is over")


async def test_it_is_ready_once_the_server_has_our_settings(autojump_clock: MockClock) -> None:
    async with held(Plan()) as it:
        assert not it.session.ready
        await trio.sleep(0.1)
        assert it.session.ready
        assert it.tenant.seen == ["opened", "SessionCreated", "SessionUpdated"]
        assert it.house.server.open == 1
    assert it.house.server.open == 0


async def test_a_first_loss_is_made_up_for_at_once_and_those_after_it_ever_later(autojump_clock: MockClock) -> None:
    async with held(Plan(), away=True) as it:
        tries: list[float] = []
        open_stream = it.house.open

        async def counted(address: requests.Address) -> trio.abc.Stream:
            tries.append(trio.current_time())
            return await open_stream(address)

        it.house.open = counted  # type: ignore[method-assign,assignment]
        await trio.sleep(20)
        assert tries[:5] == pytest.approx([0, 0, 0.25, 0.75, 1.75])
        assert max(b - a for a, b in pairwise(tries)) == pytest.approx(LONGEST_PAUSE_S)
        assert it.session.away
        it.house.away = False
        await trio.sleep(LONGEST_PAUSE_S)
        assert it.session.ready
        assert not it.session.away


async def test_a_socket_is_changed_before_its_time_is_up_and_not_while_it_is_used(autojump_clock: MockClock) -> None:
    async with held(Plan(session_s=AHEAD_S + 60)) as it:
        it.session.admit(Tenant(quiet=True))
        it.tenant.quiet = False
        await trio.sleep(80)
        assert it.session.connections == 1
        it.tenant.quiet = True
        await trio.sleep(LOOK_S + 0.01)
        assert it.session.connections == 2
        assert it.session.failures == 0
        assert it.session.ended is None


@pytest.mark.parametrize("clock_s", [-1e9, 0.0, 1e9])
async def test_a_clock_that_is_wrong_changes_no_socket_all_the_time(autojump_clock: MockClock, clock_s: float) -> None:
    async with held(Plan(), clock_s=clock_s) as it:
        await trio.sleep(10 * SHORTEST_S)
        assert it.session.connections <= 10
        await trio.sleep(SESSION_S)
        assert it.session.ready


async def test_a_socket_that_is_dropped_is_another_one_at_once(autojump_clock: MockClock) -> None:
    async with held(Plan()) as it:
        await trio.sleep(1)
        it.session.drop("no words in time")
        await trio.sleep(0.01)
        assert (it.session.connections, it.session.failures) == (2, 1)
        assert it.session.ready
        it.session.of_use()
        assert it.session.failures == 0


async def test_a_socket_that_is_not_open_yet_is_not_dropped(autojump_clock: MockClock) -> None:
    async with held(Plan(), slow_s=2) as it:
        for _ in range(3):
            await trio.sleep(0.5)
            it.session.drop("no words in time")
        assert it.session.away
        await trio.sleep(0.6)
        assert it.session.connections == 1
        assert it.session.ready


async def test_settings_that_are_refused_are_tried_otherwise_and_then_not_again(autojump_clock: MockClock) -> None:
    refused = [Wrong("error", 1, connection=n, code="invalid_value") for n in (0, 1)]
    async with held(Plan(wrong=refused), (requests.speak("marin"), requests.speak("alloy"))) as it:
        await trio.sleep(10)
        assert it.session.refused
        assert it.session.away
        assert it.session.ended is not None
        assert it.session.ended.fault is Fault.REFUSED
        assert it.house.server.connections == 2
        assert it.tenant.seen[-1] == "lost"


async def test_a_trouble_before_it_is_ready_is_the_sockets(autojump_clock: MockClock) -> None:
    async with held(Plan(wrong=[Wrong("error", 1, code="server_error")])) as it:
        await trio.sleep(0.1)
        assert it.session.ready
        assert it.session.connections == 2
        assert not it.session.refused


def shared(**rules: float) -> Breaker:
    return Breaker("voice", "a server", Rules(**rules))  # type: ignore[arg-type]


async def test_where_the_breaker_is_open_no_socket_is_tried_and_none_is_waited_for(autojump_clock: MockClock) -> None:
    breaker = shared()
    async with held(Plan(), away=True, breaker=breaker) as it:
        tries = 0
        open_stream = it.house.open

        async def counted(address: requests.Address) -> trio.abc.Stream:
            nonlocal tries
            tries += 1
            return await open_stream(address)

        it.house.open = counted  # type: ignore[method-assign,assignment]
        await trio.sleep(4.9)
        assert (tries, breaker.state(trio.current_time())) == (3, "open")
        async with held(Plan(), breaker=breaker) as other:  # another call begins
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
            assert (other.session.away, other.house.server.connections) == (True, 0)


async def test_one_call_of_fifty_tries_whether_the_server_is_there_again(autojump_clock: MockClock) -> None:
    breaker = shared()
    for _ in range(3):
        visit = breaker.enter(trio.current_time())
        assert visit is not None
        visit.failed(trio.current_time(), Fault.UNREACHABLE)
    most = 0

    async with trio.open_nursery() as nursery:

        async def call() -> None:
            nonlocal most
            async with held(Plan(), breaker=breaker, away=True) as it:
                open_stream = it.house.open
                tries: list[float] = []

                async def counted(address: requests.Address) -> trio.abc.Stream:
                    tries.append(trio.current_time())
                    probes.append(trio.current_time())
                    return await open_stream(address)

                it.house.open = counted  # type: ignore[method-assign,assignment]
                await trio.sleep(30)
                assert it.session.away

        probes: list[float] = []
        for _ in range(50):
            nursery.start_soon(call)

    assert len(probes) == 2  # after 5 s and after 10 s more


async def test_a_socket_that_is_there_again_heals_the_breaker_for_all(autojump_clock: MockClock) -> None:
    breaker = shared()
    for _ in range(3):
        visit = breaker.enter(trio.current_time())
        assert visit is not None
        visit.failed(trio.current_time(), Fault.UNREACHABLE)
    async with held(Plan(), breaker=breaker) as one, held(Plan(), breaker=breaker) as other:
        await trio.sleep(1)
        assert (one.session.away, other.session.away) == (True, True)
        await trio.sleep(5)
        assert (one.session.ready, other.session.ready) == (True, True)
        assert (one.session.away, other.session.away) == (False, False)


async def test_a_call_that_ends_while_it_connects_gives_the_probes_place_back(autojump_clock: MockClock) -> None:
    breaker = shared()
    for _ in range(3):
        visit = breaker.enter(trio.current_time())
        assert visit is not None
        visit.failed(trio.current_time(), Fault.UNREACHABLE)
    async with held(Plan(), breaker=breaker, lag_s=1.0):
        await trio.sleep(5.5)
        assert breaker.enter(trio.current_time()) is None
    assert breaker.enter(trio.current_time()) is not None


async def test_sockets_on_which_nothing_comes_in_time_open_the_breaker(autojump_clock: MockClock) -> None:
    breaker = shared()
    async with held(Plan(), breaker=breaker) as it:
        for _ in range(3):
            await trio.sleep(4)
            it.session.drop("no words in time")
        await trio.sleep(0.1)
        assert breaker.state(trio.current_time()) == "open"
