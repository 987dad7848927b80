"""How calls whose stream is over come back: what the face asks for them, and the carrier's API for those that it has
forgotten.

Behind each stream that the carrier says has stopped, one child waits RESCUE_S: the carrier comes by itself as a rule,
and then somebody holds the next leg. Where nobody does, the stream was the call's newest one and the call is not over,
the carrier is asked, once for each leg among all processes, to come to /twilio/after. Cancelled with the process: a
call that is not brought back by then is another process's, or finished as an orphan.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeGuard

import structlog
import trio

from agent.config import Settings
from agent.errors import CarrierError, CarrierFault, StoreError
from agent.guard.lease import LEASE_S, Lease, Stand, unrescued
from agent.legs_metrics import rescued
from agent.web.state import ProcessState
from agent.web.ways_back import Whereabouts
from agent.web.webhook import INSIST, target
from agent.wire.ports import Carrier
from nurseries.boundary import contain
from nurseries.legs.holding import ROUND_S, Holding

log = structlog.get_logger(__name__)

RESCUE_S = 2.0
"""For the carrier to come by itself: a request that waits this long has most likely been lost."""

SURE_S = 0.5
"""For the store to say that nobody has a call of which nothing is known here."""

LOOK_AGAIN_S = 0.5
"""Where the lease has not run out yet."""

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
        sure = True

        async def ask_store() -> None:
            nonlocal to
            to = await self._handed_over(call_sid)

        async def ask_lease() -> None:
            nonlocal lease, sure
            lease = await self._holding.look(call_sid)
            sure = lease is not None or await self._is_none(call_sid)
            if lease is not None and lease.stand in {Stand.MOVING, Stand.LOST}:
                nursery.cancel_scope.cancel("a call that goes on is passed on to nobody")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_lease)
            if not to:
                nursery.start_soon(ask_store)
        if lease is not None and lease.stand is Stand.OVER:
            to = to or lease.to or None  # who passed it on could not tell the store of it at once
        return Whereabouts(to, lease, sure)

    async def _is_none(self, call_sid: str) -> bool:
        """Whether the store says so."""
        with trio.move_on_after(SURE_S):
            try:
                return await self._holding.stored(call_sid) is None
            except StoreError:
                return False
        return False

    async def rescued(self, lease: Lease) -> bool:
        return await self._holding.rescued(lease, asks=True)

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
        """Until somebody is on the call, or it is over, or was asked back; or its holder keeps saying that the stream
        goes on for longer than it takes to notice that it does not."""
        by = secrets.token_hex(8)
        try:
            lease = await self._holding.look(call_sid)
            until, since = lease.until if lease is not None else 0.0, trio.current_time()
            patience = since + self._media_s + 2 * LEASE_S
            await trio.sleep(RESCUE_S)
            while trio.current_time() < patience:
                lease = await self._holding.look(call_sid)
                if lease is None and not self._holding.answered:
                    continue  # nobody can say who has it; that was waited for
                if not _may_come_back(lease, stream_sid, by):
                    return
                if lease.until != until:
                    until, since = lease.until, trio.current_time()
                # What lives is renewed more often, by our clock; whether it has run out is for the store's to say.
                alone = lease.stand is not Stand.HELD or trio.current_time() - since >= RESCUE_S
                if alone and self._holding.settled and await self._rescue(lease, by):
                    return
                await trio.sleep(LOOK_AGAIN_S)
            log.warning("a stream that has stopped is still held", call_sid=call_sid, holder=lease and lease.holder)
        finally:
            self._waiting.discard((call_sid, stream_sid))

    async def _passed_on(self, call_sid: str) -> bool:
        """A colleague is on the line, who must not be cut off: the lease could not be written when the stream ended."""
        return bool(self._state.hand_overs.get(call_sid) or await self._handed_over(call_sid))

    async def _rescue(self, lease: Lease, by: str) -> bool:
        """Whether there is nothing more to be done here."""
        if await self._passed_on(lease.call_sid):
            return True
        if self._carrier is None:
            if not self._told:
                self._told = True
                log.warning("calls are not asked back from the carrier: it takes Twilio's credentials and PUBLIC_URL")
            return True
        if not await self._holding.rescued(lease, by=by, within_s=ROUND_S):
            return False
        await self._ask_back(lease, self._carrier)
        return True

    async def _ask_back(self, lease: Lease, carrier: Carrier) -> None:
        url = self._public + target("/twilio/after", line=lease.line, leg=lease.fence, rescue=1) + INSIST
        for pause in (*ASK_AGAIN_S, math.inf):
            try:
                there = await carrier.redirect(lease.call_sid, url)
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


def _may_come_back(lease: Lease | None, stream_sid: str, by: str) -> TypeGuard[Lease]:
    """Whether that stream was its newest, and nobody else has brought it back from there yet."""
    if lease is None or lease.stand is Stand.OVER:
        return False
    return lease.stream_sid == stream_sid and unrescued(lease, by)
