"""Between two legs of a call: what one leaves so that the next, here or in another process, can go on.

A leg that is to be handed off has its record in the store while it still listens, so that nothing is left to be written
once it does not; one that has lost its stream, or is cut short, leaves it there. Their leases are free as the socket is
closed. A leg that ends the call says so in its lease before that: the carrier asks whoever it reaches what comes next.
Everything is bounded, since a caller is on the line; and what cannot be had in time the call goes on without.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import structlog
import trio

from agent.errors import StoreError, Unreadable
from agent.guard.lease import Lease, Stand
from agent.keep.ports import CallStore
from agent.keep.record import CallRecord
from agent.keep.whole_call import joined
from agent.legs_metrics import handed_off
from agent.model import CallInfo, Ending
from nurseries.call import Call
from nurseries.keep.keeping import Keeping
from nurseries.legs.holding import Ask, Holding, InThreads

log = structlog.get_logger(__name__)

READ_S = 2.0
"""For the record of a call that goes on: the caller hears nothing meanwhile. Then it goes on without."""

AGAIN_S = 0.2
"""Before a store that is away is asked again, within READ_S."""

READY_S = 0.5
"""For the store to have the record of a call that is about to be handed off, while it goes on: the agent may have to
answer."""

AT_ONCE = 4
"""Calls that are handed off side by side: many at a time hold one another up, here and where they go on."""

DELIVER_S = 0.5
"""For the store to have the record of a leg that is over, before another one may read it."""

SOUND_S = 1.0
"""For the store to show that it is there."""

FIRST = 1
"""Of a call's legs. What is said in it is written down within half a second."""

STANDS = {Ending.MOVED: Stand.MOVING, Ending.CONNECTION_LOST: Stand.LOST}
"""After which endings of a leg the call goes on."""

GOES_ON = frozenset({"", Ending.CONNECTION_LOST.value, Ending.INTERRUPTED.value})
"""How the record of a call ends to which somebody comes back: not at all, or for want of anybody."""


class Legs:
    """One process's."""

    def __init__(self, holding: Holding | None, keeping: Keeping, store: CallStore, *, ask: Ask | None = None) -> None:
        """Without `holding` each call has one leg. `ask`: in threads, unless told otherwise."""
        self._ask = ask or InThreads()
        self._holding = holding
        self._keeping = keeping
        self._store = store
        self._turns = trio.CapacityLimiter(AT_ONCE)
        self._last: set[str] = set()
        """Calls that nobody can come back to."""

    @property
    def name(self) -> str:
        """This process's, as others know it."""
        return self._holding.name if self._holding is not None else ""

    # What is known. Not checkpoints.

    def only(self, call_sid: str) -> None:
        """Nobody asks what comes behind the stream of this call, which begins: a softphone's."""
        self._last.add(call_sid)

    def movable(self, info: CallInfo) -> bool:
        """Whether another leg may follow."""
        return self._holding is not None and info.call_sid not in self._last

    def goes_on(self, call: Call) -> bool:
        """Whether the call goes on although this leg is over: its record is not to be finished here."""
        return call.ending in STANDS and self.movable(call.info)

    def newest(self, info: CallInfo) -> bool:
        """Whether no later leg has begun while this one was made ready, here or elsewhere, as far as is known."""
        return self._holding is None or self._holding.newest(info)

    def over(self, call_sid: str) -> None:
        """The leg is gone."""
        self._last.discard(call_sid)

    # What is asked. Always checkpoints; none raises.

    async def before(self, info: CallInfo) -> CallRecord | None:
        """The record that this leg goes on from; None where it is not to be had within READ_S. An empty one where the
        store says that the first leg has left none: it was over before a word of it was written down."""
        known = self._keeping.known(info.call_sid)
        why = f"nothing for {READ_S:g} s"
        with trio.move_on_after(READ_S):
            while True:
                try:
                    stored = await self._ask(partial(self._store.get, info.call_sid))
                except Unreadable as error:
                    why = str(error)
                    break
                except StoreError as error:
                    why = str(error)
                    await trio.sleep(AGAIN_S)
                    continue
                if stored is not None and (known is None or stored.revision > known.revision):
                    known = stored if known is None else joined(known, stored)
                why = "there is none"
                if known is None and info.leg == FIRST + 1:
                    log.warning("call is begun again: nothing of it was written down", call_sid=info.call_sid)
                    return _empty(info)
                break
        if known is None:
            log.error("call goes on without its past", call_sid=info.call_sid, leg=info.leg, why=why)
        return known

    @asynccontextmanager
    async def ready(self, call: Call) -> AsyncIterator[bool]:
        """While it is this call's turn to be handed off: whether the store has its record, as it is, within READY_S."""
        turn = object()  # not the call: two of its tasks may find a moment at the same time
        with trio.move_on_after(READY_S) as limit:
            await self._turns.acquire_on_behalf_of(turn)
            try:
                self._keeping.look(call.info.call_sid)
                await self._keeping.delivered(call.info.call_sid)
            except BaseException:
                self._turns.release_on_behalf_of(turn)
                raise
        if limit.cancelled_caught:
            yield False
            return
        try:
            yield True
        finally:
            self._turns.release_on_behalf_of(turn)

    async def before_close(self, call: Call) -> None:
        """This leg is over, and its socket about to be closed."""
        if call.to_move and call.ending is not Ending.MOVED:
            handed_off("kept" if call.ending is Ending.SHUTDOWN else "over")
        if self._holding is None:
            return
        call_sid = call.info.call_sid
        if self.goes_on(call) and call.ending is not None:
            self._keeping.update(call.so_far())
            with trio.move_on_after(DELIVER_S) as limit:
                await self._keeping.delivered(call_sid)
            if limit.cancelled_caught:
                log.warning("the store does not have all of a call that goes on elsewhere", call_sid=call_sid)
            if call.ending is Ending.MOVED:
                handed_off("failed" if limit.cancelled_caught else "moved")
        elif call.ending is not Ending.CALLER_HUNG_UP:  # nobody asks what comes next
            await self._holding.put(call_sid, Stand.OVER, leg=call.info.leg)

    async def at_close(self, call: Call) -> None:
        """Its socket is being closed: who asks what comes next learns from the carrier itself that the leg is over."""
        if self._holding is not None and self.goes_on(call) and call.ending is not None:
            await self._holding.put(call.info.call_sid, STANDS[call.ending], leg=call.info.leg)

    async def end(self, info: CallInfo) -> None:
        """The call is over with this leg, whatever that has left."""
        if self._holding is not None:
            await self._holding.put(info.call_sid, Stand.OVER, leg=info.leg)

    async def sound(self) -> bool:
        """Whether what is left now is found: the store answers."""
        with trio.move_on_after(SOUND_S):
            try:
                await self._ask(partial(self._store.get, ""))
            except StoreError:
                return False
            return True
        return False

    async def look(self, call_sid: str) -> Lease | None:
        """The call's lease."""
        if self._holding is None:
            await trio.lowlevel.checkpoint()
            return None
        return await self._holding.look(call_sid)


def _empty(info: CallInfo) -> CallRecord:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    who = info.call_sid, info.account_sid, info.caller, info.called, info.direction
    return CallRecord(*who, now, 0, "", (), missing=info.leg - 1)  # it may be in a journal
