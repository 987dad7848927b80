"""How calls whose stream is over come back: what the face asks for them, and the carrier's API for those that it has
forgotten.

Behind each stream that the carrier says has stopped, one child waits RESCUE_S: the carrier comes by itself as a rule,
and then somebody holds the next leg. Where nobody does, the stream was the call's newest one and the call is not over,
the carrier is asked, once for each leg among all processes, to come to /twilio/after. Cancelled with the process: a
call that is not brought back by then is another process's, or finished as an orphan.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
import trio

from agent.config import Settings
from agent.errors import CarrierError, CarrierFault
from agent.guard.lease import LEASE_S, Lease, Stand
from agent.legs_metrics import rescued
from agent.web.state import ProcessState
from agent.web.ways_back import Whereabouts
from agent.web.webhook import INSIST, target
from agent.wire.ports import Carrier
from nurseries.boundary import contain
from nurseries.holding import Holding

log = structlog.get_logger(__name__)

RESCUE_S = 3.0
"""For the carrier to come by itself: a request that waits this long has most likely been lost."""

LOOK_AGAIN_S = 1.0
"""Where the lease says that a stream goes on which the carrier says has stopped."""

ASK_AGAIN_S = (0.5, 1.0, 2.0)
"""Before the carrier is asked again where it has surely not done what it was asked for; RESCUE_S where that is not
known, for then the call may be on its way."""

MOST = 500
"""Streams that are waited behind at the same time: ten times what a process has calls. Beyond, the carrier's own ways
have to do."""


class WaysBackOf:
    """One process's. The port of the face."""

    def __init__(
        self,
        holding: Holding,
        handed_over: Callable[[str], Awaitable[str | None]],
        state: ProcessState,
        settings: Settings,
        carrier: Carrier | None,
        over: Callable[[str], None],
    ) -> None:
        """`handed_over` as the store tells; without a `carrier` nobody is asked; `over` is told of a call that the
        carrier says has ended, and is not a checkpoint."""
        self._holding = holding
        self._handed_over = handed_over
        self._state = state
        self._public = settings.PUBLIC_URL
        self._media_s = settings.MEDIA_TIMEOUT_S
        self._carrier = carrier
        self._over = over
        self._waiting: set[tuple[str, str]] = set()
        self._nursery: trio.Nursery | None = None
        self._told = False

    # What the face asks.

    async def whereabouts(self, call_sid: str) -> Whereabouts:
        to: str | None = self._state.hand_overs.get(call_sid)
        lease: Lease | None = None

        async def ask_store() -> None:
            nonlocal to
            to = await self._handed_over(call_sid)

        async def ask_lease() -> None:
            nonlocal lease
            lease = await self._holding.look(call_sid)
            if lease is not None and lease.stand in {Stand.MOVING, Stand.LOST}:
                nursery.cancel_scope.cancel("a call that goes on is passed on to nobody")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_lease)
            if not to:
                nursery.start_soon(ask_store)
        return Whereabouts(to, lease)

    async def rescued(self, lease: Lease) -> bool:
        return await self._holding.rescued(lease)

    def stopped(self, call_sid: str, stream_sid: str) -> None:
        which = (call_sid, stream_sid)
        if self._nursery is None or not stream_sid or which in self._waiting:
            return
        if len(self._waiting) >= MOST:
            log.warning("a call is not looked after: too many streams have stopped", call_sid=call_sid)
            return
        self._waiting.add(which)
        self._nursery.start_soon(contain, partial(self._look_after, *which), "rescue", name="rescue")

    def over(self, call_sid: str) -> None:
        self._over(call_sid)

    # One of the process's children.

    async def run(self) -> None:
        """Look after stopped streams until cancelled."""
        async with trio.open_nursery() as self._nursery:
            await trio.sleep_forever()

    async def _look_after(self, call_sid: str, stream_sid: str) -> None:
        try:
            lease = await self._deserted(call_sid, stream_sid)
            if lease is not None:
                await self._rescue(lease)
        finally:
            self._waiting.discard((call_sid, stream_sid))

    async def _deserted(self, call_sid: str, stream_sid: str) -> Lease | None:
        """The lease, once nobody is on the call's newest stream, and that is this one. None: somebody has come, or the
        call is over; or its holder keeps saying that the stream goes on, for longer than it takes to notice that it
        does not."""
        await trio.sleep(RESCUE_S)
        patience = trio.current_time() + self._media_s + 2 * LEASE_S
        until, since = 0.0, trio.current_time()
        while True:
            lease = await self._holding.look(call_sid)
            now = trio.current_time()
            if lease is None or lease.stand is Stand.OVER or lease.stream_sid != stream_sid:
                return None
            if lease.until != until:
                until, since = lease.until, now
            # By our own clock, as the store's is not ours: it was not renewed for as long as it lasts.
            if lease.stand is not Stand.HELD or now - since >= LEASE_S:
                return None if await self._passed_on(call_sid) else lease
            if now > patience:
                log.warning("a stream that has stopped is still held", call_sid=call_sid, holder=lease.holder)
                return None
            await trio.sleep(LOOK_AGAIN_S)

    async def _passed_on(self, call_sid: str) -> bool:
        """A colleague is on the line, who must not be cut off: the lease could not be written when the stream ended."""
        return bool(self._state.hand_overs.get(call_sid) or await self._handed_over(call_sid))

    async def _rescue(self, lease: Lease) -> None:
        if self._carrier is None:
            if not self._told:
                self._told = True
                log.warning("calls are not asked back from the carrier: it takes Twilio's credentials and PUBLIC_URL")
            return
        if not await self._holding.rescued(lease):
            return
        url = self._public + target("/twilio/after", line=lease.line, leg=lease.fence, rescue=1) + INSIST
        for pause in (*ASK_AGAIN_S, math.inf):
            try:
                there = await self._carrier.redirect(lease.call_sid, url)
            except CarrierError as error:
                again = error.fault is not CarrierFault.REFUSED and pause < math.inf
                log.warning("call not asked back", call_sid=lease.call_sid, error=str(error), again=again)
                if not again:
                    rescued("refused" if error.fault is CarrierFault.REFUSED else "failed")
                    return
                least = RESCUE_S if error.fault is CarrierFault.UNKNOWN else min(error.retry_after_s or 0.0, RESCUE_S)
                await trio.sleep(max(pause, least))
                if not await self._still(lease):
                    rescued("unneeded")
                    return
            else:
                log.info("call asked back", call_sid=lease.call_sid, leg=lease.fence, there=there)
                rescued("sent" if there else "unneeded")
                if not there:
                    self._over(lease.call_sid)
                return

    async def _still(self, lease: Lease) -> bool:
        now = await self._holding.look(lease.call_sid)
        return now is not None and now.fence == lease.fence and now.stand is not Stand.OVER
