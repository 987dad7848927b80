"""Calls to which nobody came back: their process is gone, or their stream died, or was closed for another process that
never took it. Whichever process sees so first claims the record, and finishes it.

One of the process's children. The carrier's word that a call has ended hastens it; without one it is waited for as long
as the carrier may yet ask. Cancelled, it leaves what it has claimed to others: nobody renews it then.
"""

from __future__ import annotations

import random
from functools import partial

import structlog
import trio

from agent.guard.lease import LEASE_S, Lease, Stand
from agent.keep.ports import CallStore
from agent.model import Ending
from nurseries.boundary import contain
from nurseries.keep.keeping import Keeping
from nurseries.legs.finishing import GONE, finish, in_store, newer
from nurseries.legs.holding import Ask, Holding, InThreads
from nurseries.parts import Parts

log = structlog.get_logger(__name__)

SWEEP_S = 5.0
"""Between two looks for orphans, half of it up to chance: so that processes do not look in step."""

MOST = 50
"""Orphans that are claimed at once; the rest are others' too."""

AT_ONCE = 4
"""Records that are finished side by side: each may wait for a model."""

EXPIRE_S = 3600.0
"""Between two times that old leases are forgotten."""

LOOK_S = 1.0
"""Between two looks at a call that is said to be over, and still is held."""

HASTE_S = 3 * LEASE_S
"""For its lease to run out, where its process is gone; else its process lives, and finishes it."""

ENDINGS = {
    Stand.LOST: (Ending.CONNECTION_LOST, "its stream died, and the caller did not come back"),
    Stand.MOVING: (Ending.INTERRUPTED, "no process went on with it after a hand-off"),
}
"""What is known of an orphan's end, by where it was left; of the others, that its process was gone."""


class Orphans:
    """One process's."""

    def __init__(
        self, holding: Holding, keeping: Keeping, store: CallStore, parts: Parts, *, ask: Ask | None = None
    ) -> None:
        """`ask` has the store do something; in threads, unless told otherwise."""
        self._ask = ask or InThreads()
        self._holding = holding
        self._keeping = keeping
        self._store = store
        self._parts = parts
        self._after_s = parts.settings.ORPHAN_S
        self._turns = trio.CapacityLimiter(AT_ONCE)
        self._hastened: dict[str, float] = {}
        """Calls that are said to be over: until when they are looked at, by the loop's clock."""
        self._news = trio.lowlevel.ParkingLot()

    def hasten(self, call_sid: str) -> None:
        """The carrier says that the call is over: nobody will come back to it. Not a checkpoint."""
        self._hastened.setdefault(call_sid, trio.current_time() + HASTE_S)
        self._news.unpark_all()

    async def run(self) -> None:
        """Look for orphans until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._forget, name="expire")
            nursery.start_soon(self._haste, nursery, name="haste")
            while True:
                await contain(partial(self._sweep, nursery), "orphans")
                await trio.sleep(SWEEP_S * random.uniform(0.5, 1.0))  # noqa: S311

    async def _sweep(self, nursery: trio.Nursery) -> None:
        for found in await self._holding.orphans(self._after_s, MOST):
            await self._claim(found, self._after_s, nursery)

    async def _haste(self, nursery: trio.Nursery) -> None:
        while True:
            while not self._hastened:
                await self._news.park()
            await contain(partial(self._look, nursery), "orphans")
            await trio.sleep(LOOK_S)

    async def _look(self, nursery: trio.Nursery) -> None:
        for call_sid, until in tuple(self._hastened.items()):
            lease = await self._holding.look(call_sid)
            over = lease is None or lease.stand is Stand.OVER  # then somebody finishes it
            # Where it is held, and the store was away, its holder may live, and could not tell.
            if lease is not None and not over and (lease.stand is not Stand.HELD or self._holding.renewed):
                over = await self._claim(lease, 0.0, nursery)
            if over or trio.current_time() > until:
                self._hastened.pop(call_sid, None)

    async def _claim(self, found: Lease, after_s: float, nursery: trio.Nursery) -> bool:
        lease = await self._holding.claim(found.call_sid, after_s)
        if lease is None:
            return False
        work = partial(self._finish, lease, found.stand)
        nursery.start_soon(contain, work, "orphan", name="orphan")
        return True

    async def _finish(self, lease: Lease, stand: Stand) -> None:
        sid = lease.call_sid
        async with self._turns:
            stored, here = await in_store(sid, self._store, self._ask), self._keeping.known(sid)
            record = newer(stored, here) if here is not None else stored
            if record is None:
                log.warning("nothing is known of a call that nobody came back to", call_sid=sid)
                self._holding.done(sid)
            elif not self._holding.has(lease) or self._keeping.goes_on(sid):
                log.info("somebody has come back to the call", call_sid=sid)
            elif here is None and record.ending and record.summary:
                self._holding.done(sid)  # its process had come so far
            else:
                ending, reason = ENDINGS.get(stand, (Ending.INTERRUPTED, GONE))
                await finish(record, self._keeping, self._parts, ending=ending, reason=reason)

    async def _forget(self) -> None:
        while True:
            await contain(self._holding.expire, "orphans")
            await trio.sleep(EXPIRE_S)
