"""One call's standing with a Realtime server: a socket that is set up, connected again when it ends, and changed before
its session's time is up.

One of the call's children. Who uses the session is its tenant (the ears, the voice, the mind): told of every event, and
asked whether the socket may be changed now. Several may share one socket.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.errors import Fault
from agent.guard.breaker import Breaker, Visit
from agent.providers import realtime_events as events
from agent.providers import realtime_requests as requests
from nurseries.live.link import Ended

log = structlog.get_logger(__name__)


class Socket(Protocol):
    """What a session needs of a link. See there."""

    def send(self, message: str) -> None: ...

    async def run(self) -> Ended: ...


MakeLink = Callable[[Callable[[], None], Callable[[events.RealtimeEvent], None]], Socket]
"""`opened` and `received` in, a link to a session out."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0
"""Before connecting again, doubled each time, where the last connection was of no use. Else at once."""

AHEAD_S = 90.0
"""Before the session's end it is changed as soon as nobody uses it."""

SESSION_S = 25 * 60.0
"""Of a session whose end the server does not tell: the shortest limit that OpenAI has ever documented is 30 minutes."""

SHORTEST_S = 20.0
"""No socket is changed earlier: the server's clock, or ours, may be wrong by more than a session lasts."""

PROBED_S = 0.5
"""How often it is looked what has become of another call's probe."""

LOOK_S = 0.1
"""How often it is looked, once a session's time is almost up, whether somebody uses it."""


class Tenant(Protocol):
    """Who uses a session. None of these may wait."""

    def opened(self) -> None:
        """There is a new socket, set up: everything unfinished is to be sent once more."""
        ...

    def received(self, event: events.RealtimeEvent) -> None:
        """What the server says. Of a trouble that comes before `ready`, only what is about a message of the tenant's
        own."""
        ...

    def lost(self) -> None:
        """The socket is gone, with what was under way on it; or there will be none in this call."""
        ...

    @property
    def quiet(self) -> bool:
        """Nothing is under way: the socket may be changed."""
        ...


class Session:
    """One call's socket to one kind of session."""

    def __init__(
        self,
        name: str,
        make_link: MakeLink,
        setups: Sequence[str],
        *,
        wall_clock: Callable[[], float] = time.time,
        breaker: Breaker | None = None,
    ) -> None:
        """`setups` are the first messages to try, one after the other where the server refuses one. `breaker`: the one
        of all calls for this kind of session; where it is open no socket is tried, and none is waited for."""
        self.name = name
        self.setups = tuple(setups)
        self.make_link, self.wall_clock, self.breaker = make_link, wall_clock, breaker
        """What it has of the world; whoever stands between the two takes their places before `run`."""
        self._setups = list(setups)
        self._visit: Visit | None = None
        """The breaker's leave for the socket that is being opened."""
        self._barred = False
        """By the breaker, until there is a socket again."""
        self._tenants: list[Tenant] = []
        self._link: Socket | None = None
        self._socket = trio.CancelScope()
        self._time = trio.CancelScope()
        """Until the socket should be changed."""
        self.up = False
        self.ready = False
        """The session has our settings: what comes of it can be used."""
        self.refused = False
        """There will be no socket in this call."""
        self.failures = 0
        """Connections lost since one was last of use."""
        self.connections = 0
        self.ended: Ended | None = None
        """How the last connection ended, where that was not our doing."""
        self.news = ParkingLot()
        """Woken with every event, and when a socket ends."""

    @property
    def away(self) -> bool:
        """It is not worth waiting for a socket."""
        return (not self.ready and self._barred) or (not self.up and (self.refused or self.failures > 1))

    def admit(self, tenant: Tenant, *, first: bool = False) -> None:
        """To be called before `run`. `first`: told of everything before the others."""
        self._tenants.insert(0 if first else len(self._tenants), tenant)

    def send(self, message: str) -> None:
        """To the server, if it is there. Not a checkpoint."""
        if self._link is not None and self.up:
            self._link.send(message)

    def of_use(self) -> None:
        """What was wanted has come. Not a checkpoint."""
        self.failures = 0
        now = trio.current_time()
        if self.breaker is not None and (visit := self.breaker.enter(now)) is not None:
            visit.worked(now)

    def drop(self, reason: str) -> None:
        """Try another socket; one that is not open yet has its own time. Not a checkpoint."""
        self.failures += 1
        if self.up:
            self._blame(Fault.TIMEOUT)
            self._socket.cancel(reason)

    async def run(self) -> None:
        """Hold a socket until cancelled, or until the server wants none of it. Nobody waits for one thereafter."""
        try:
            while not self.refused:
                await self._be_admitted()
                await self._connect()
        finally:
            self.refused = True
            self.news.unpark_all()

    async def _be_admitted(self) -> None:
        if self.breaker is None:
            return
        while (visit := self.breaker.enter(trio.current_time())) is None:
            if not self._barred:
                self._barred = True
                self.news.unpark_all()
            await trio.sleep(self.breaker.opens_in(trio.current_time()) or PROBED_S)
        self._visit = visit

    def _blame(self, fault: Fault) -> None:
        """The server, for a socket that came to nothing."""
        now = trio.current_time()
        visit, self._visit = self._visit, None
        if visit is None and self.breaker is not None:  # it was of use once
            visit = self.breaker.enter(now)
        if visit is not None:
            visit.failed(now, fault)

    async def _connect(self) -> None:
        self._link = self.make_link(self._opened, self._received)
        self._time = trio.CancelScope()
        try:
            with trio.CancelScope() as self._socket:
                await self._hold(self._link)
        finally:
            self._link, self.up, self.ready = None, False, False
            if self._visit is not None:
                self._visit.left()
                self._visit = None
            for tenant in self._tenants:
                tenant.lost()
            self.news.unpark_all()
        if self.failures > 1 and not self.refused:
            await trio.sleep(min(FIRST_PAUSE_S * 2.0 ** (self.failures - 2), LONGEST_PAUSE_S))

    async def _hold(self, link: Socket) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._renew, name="renew")
            self._lost(await link.run())
            nursery.cancel_scope.cancel("the socket has ended")

    async def _renew(self) -> None:
        with self._time:
            await trio.sleep_forever()
        while not all(tenant.quiet for tenant in self._tenants):  # noqa: ASYNC110  none of them tells
            await trio.sleep(LOOK_S)
        self._socket.cancel("the session's time is almost up")

    def _lost(self, ended: Ended) -> None:
        self.failures += 1
        self.ended = ended
        if not self.ready:  # a server that leaves in the middle is there again at once, most of the time
            self._blame(ended.fault)
        self.refused = ended.fault is Fault.REFUSED
        if self.refused:
            log.warning("session refused; this call goes on without it", session=self.name, detail=ended.detail)
        else:
            log.warning(
                "session away",
                session=self.name,
                fault=ended.fault.value,
                detail=ended.detail,
                in_a_row=self.failures,
            )

    def _opened(self) -> None:
        self.connections += 1
        self.up = True
        self._time.deadline = trio.current_time() + SESSION_S - AHEAD_S
        self.send(self._setups[0])
        for tenant in self._tenants:
            tenant.opened()

    def _received(self, event: events.RealtimeEvent) -> None:
        match event:
            case events.SessionCreated(float(expires_at)):
                left = expires_at - self.wall_clock() - AHEAD_S
                self._time.deadline = trio.current_time() + max(left, SHORTEST_S)
            case events.SessionUpdated():
                self.ready, self._barred = True, False
                if self._visit is not None:
                    self._visit.worked(trio.current_time())
                    self._visit = None
            case events.Trouble(of=of) if not self.ready and of in {"", requests.SETUP}:
                self._trouble(event)
                return
            case events.Trouble():
                log.info("session objects", session=self.name, fault=event.fault.value, detail=event.detail)
        for tenant in self._tenants:
            tenant.received(event)
        self.news.unpark_all()

    def _trouble(self, trouble: events.Trouble) -> None:
        """With our settings, or before there are any."""
        if trouble.fault is not Fault.REFUSED:
            self.drop(trouble.detail)
        elif len(self._setups) > 1:
            self._setups.pop(0)
            self._socket.cancel("once more, set up otherwise")
        else:
            self._lost(Ended(trouble.fault, trouble.detail))
            self._socket.cancel("refused")
