"""Which calls this process holds, among all that share a store: what it knows itself, and what the store knows. In
one file: every answer weighs the one against the other.

A caller is on the line wherever the store is asked, so each question is bounded; where the store does not answer, what
this process knows stands, and is written once it answers again. One of the process's children renews all leases with
one statement a second, and learns from that which calls another process has by now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol, TypeVar

import msgspec
import structlog
import trio

from agent.errors import StoreError
from agent.guard import lease as rules
from agent.guard.lease import LEASE_S, Lease, LeaseStore, Rule, Stand, same
from agent.legs_metrics import turned_away
from agent.metrics import Count
from agent.model import CallInfo
from nurseries.boundary import contain

log = structlog.get_logger(__name__)

T = TypeVar("T")

RENEW_S = 0.5
"""Between two renewals: a fifth of what a lease lasts."""

ROUND_S = 2.0
"""For one renewal; then it is begun anew."""

WRITE_S = 0.5
"""For a lease to be taken or left: who calls hears nothing meanwhile, or is about to be hung up."""

LOOK_S = 3.0
"""For a lease to be read of which nothing is known here: the carrier waits for what to do next."""

AGAIN_S = 0.3
"""Before a store that is away is asked again, within LOOK_S."""

SETTLED_S = 3 * RENEW_S
"""For a process to see that the store is back, and to tell it what has happened meanwhile."""

LEAVE_S = 2.0
"""For what is not written yet, at the end."""

THREADS = 8

LEFT = 500
"""Calls without a process that are told, at most."""

REMEMBERED = 1000
"""Calls of this process that are over: the carrier asks within seconds."""

LEASES = Count("call_leases", "Legs of calls that were taken, refused, or lost to another process.", "result")
for _result in ("taken", "taken unseen", "claimed", "refused", "lost"):
    LEASES.begin(result=_result)


class Ask(Protocol):
    """Has a store do something, elsewhere than on the loop."""

    async def __call__(self, work: Callable[[], T]) -> T: ...


class InThreads:
    """Cancelled, the thread is left to itself: the store bounds it, and the rules hold whenever it comes to write."""

    def __init__(self) -> None:
        self._threads = trio.CapacityLimiter(THREADS)

    async def __call__(self, work: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)


class Holding:
    """One process's."""

    def __init__(
        self, store: LeaseStore, name: str, *, passed_on: Callable[[str], str] = lambda _: "", ask: Ask | None = None
    ) -> None:
        """`name` is this process's alone. `passed_on` tells where a call that is over goes; "": nowhere.
        Not a checkpoint. `ask`: in threads, unless told otherwise."""
        self._passed_on = passed_on
        self.name = name
        self.fenced: Callable[[str], None] = lambda _: None
        """Told the CallSid of a call that another process has by now: its stream here is dead, and its record another's
        to write. Not a checkpoint."""
        self._store = store
        self._ask = ask or InThreads()
        self._own: dict[str, Lease] = {}
        """The newest leg of each call that this process has, as far as it knows, by CallSid; until another process has
        the call, or the store its record."""
        self._dirty: set[str] = set()
        """Those of which the store may not have what is so."""
        self._past: dict[str, Lease] = {}
        """Those that are done: the newest REMEMBERED."""
        self._unheld_since: dict[str, float] = {}
        """Calls that were taken from a holder who has not told how its leg ended: when it was last heard of, by the
        loop's clock."""
        self._away = ""
        self._steady: float | None = None
        """Since when the store has answered whatever it was asked, by the loop's clock."""

    # What is asked. Always checkpoints.

    async def take(self, info: CallInfo) -> int | None:
        """The stream is this call's newest as far as its token told: hold the call. Returns the fence it has now, or
        None: another leg is as new. Within WRITE_S; with the store away the call goes on, and what another process has
        is learnt later."""
        await trio.lowlevel.checkpoint()
        sid = info.call_sid
        earlier = self._own.get(sid)
        known = earlier or self._past.get(sid)
        if known is not None and known.fence >= info.leg:
            self._refused(info, known)
            return None
        mine = self._own[sid] = _lease_of(info, self.name)
        self._dirty.discard(sid)
        unheld: list[float] = []
        try:
            with trio.fail_after(WRITE_S):
                lease, _ = await self._ask(partial(self._store.change, sid, _take(mine, unheld)))
        except (StoreError, trio.TooSlowError) as error:
            self._told(str(error) or "no answer in time")
            if self._own.get(sid) is mine:
                self._dirty.add(sid)
            LEASES.add(result="taken unseen")
            return mine.fence
        except BaseException:
            self._own.pop(sid, None)  # else it would be renewed without a call
            raise
        if lease is None or not same(lease, mine):
            self._refused(info, lease)
            if self._own.get(sid) is mine:
                del self._own[sid]
                if earlier is not None:
                    self._lost(sid, lease)
            return None
        if self._own.get(sid) is mine:
            self._own[sid] = lease
        self._unheld_since.update((sid, trio.current_time() - seconds) for seconds in unheld)
        self._told("")
        LEASES.add(result="taken")
        return mine.fence

    async def put(self, call_sid: str, stand: Stand, *, leg: int | None = None) -> None:
        """The leg that this process has of the call has ended so: the newest, or none where that is not `leg`. Within
        WRITE_S, also when cancelled; never raises."""
        await trio.lowlevel.cancel_shielded_checkpoint()
        mine = self._own.get(call_sid)
        if mine is None or mine.stand is Stand.OVER or leg not in (None, mine.fence):
            return
        to = self._passed_on(call_sid) if stand is Stand.OVER else ""
        self._own[call_sid] = msgspec.structs.replace(mine, stand=stand, to=to)
        self._dirty.add(call_sid)
        with trio.move_on_after(WRITE_S, shield=True) as limit:
            await self._settle([call_sid])
        if limit.cancelled_caught:
            self._told("no answer in time")

    async def look(self, call_sid: str) -> Lease | None:
        """The call's lease. Where the store does not answer within LOOK_S, what this process knows itself."""
        await trio.lowlevel.checkpoint()
        own = self._own.get(call_sid) or self._past.get(call_sid)
        if own is not None and own.stand is Stand.OVER and not own.orphan:
            return own
        with trio.move_on_after(WRITE_S if own is not None else LOOK_S):
            while True:
                try:
                    stored = await self._ask(partial(self._store.get, call_sid))
                except StoreError as error:
                    self._told(str(error))
                    await trio.sleep(AGAIN_S)
                else:
                    self._told("")
                    return self._newest(call_sid, stored)
        self._told("no answer in time")
        return self._own.get(call_sid) or self._past.get(call_sid)

    async def stored(self, call_sid: str) -> Lease | None:
        """The call's lease, as the store has it. Raises StoreError, also where it does not answer in time."""
        with trio.move_on_after(ROUND_S):
            return await self._ask(partial(self._store.get, call_sid))
        raise StoreError("no answer in time")

    async def rescued(self, lease: Lease, *, by: str = "", within_s: float = WRITE_S, asks: bool = False) -> bool:
        """Whether this process is to ask the carrier, now, to come back behind this leg: once among all of them, and
        only where nobody is on it. Where that cannot be known in time, it is not: with a name `by` of their
        own, whoever asks may ask again. `asks`: the carrier has come by itself."""
        rule = rules.rescue(lease.fence, lease.stream_sid, by, asks=asks)
        try:
            with trio.fail_after(within_s):
                _, changed = await self._ask(partial(self._store.change, lease.call_sid, rule))
        except (StoreError, trio.TooSlowError) as error:
            self._told(str(error) or "no answer in time")
            return False
        return changed

    async def claim(self, call_sid: str, after_s: float) -> Lease | None:
        """Nobody has come back to the call for so long: its record is this process's to finish, and its alone. None:
        it is not, or that cannot be known within ROUND_S."""
        await trio.lowlevel.checkpoint()
        before = self._own.get(call_sid)
        if before is not None and before.stand is Stand.HELD:
            return None  # it goes on here, and its lease is renewed next
        rule = rules.claim(self.name, after_s)
        try:
            with trio.fail_after(ROUND_S):
                lease, changed = await self._ask(partial(self._store.change, call_sid, rule))
        except (StoreError, trio.TooSlowError) as error:
            self._told(str(error) or "no answer in time")
            return None
        if not changed or lease is None or self._own.get(call_sid) is not before:
            return None  # another leg has begun here meanwhile
        self._own[call_sid] = lease
        LEASES.add(result="claimed")
        return lease

    async def orphans(self, after_s: float, limit: int) -> list[Lease]:
        """Calls to which nobody has come back for so long, the oldest first. None where the store has not answered for
        LEASE_S at a stretch: then processes that live may not have renewed theirs."""
        try:
            with trio.fail_after(ROUND_S):
                found = await self._ask(partial(self._store.stale, after_s, limit))
        except (StoreError, trio.TooSlowError) as error:
            self._told(str(error) or "no answer in time")
            return []
        self._told("")
        return found if self.renewed else []

    async def left(self) -> list[str]:
        """CallSids of calls that nobody holds, as far as that is known."""
        return [lease.call_sid for lease in await self.orphans(LEASE_S, LEFT)]

    async def expire(self) -> None:
        """Forget leases of long ago."""
        try:
            await self._ask(self._store.expire)
        except StoreError as error:
            self._told(str(error))

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            await contain(self._round, "leases")
            await trio.sleep(RENEW_S)

    async def leave(self) -> None:
        """Write what is not written yet, within LEAVE_S."""
        with trio.move_on_after(LEAVE_S, shield=True):
            await self._settle(sorted(self._dirty))
        if self._dirty:
            log.warning("leases are left to run out", count=len(self._dirty))

    # What it is told, and knows. Not checkpoints.

    @property
    def answered(self) -> bool:
        """The store did, when it was last asked."""
        return self._steady is not None

    @property
    def settled(self) -> bool:
        """The store has answered for so long at a stretch that whoever lives could tell it what is so."""
        return self._steady is not None and trio.current_time() - self._steady >= SETTLED_S

    @property
    def renewed(self) -> bool:
        """The store has answered for so long at a stretch that whoever lives has renewed what it holds."""
        return self._steady is not None and trio.current_time() - self._steady >= LEASE_S

    def has(self, lease: Lease) -> bool:
        """Whether what was claimed is still this process's, as far as it knows."""
        own = self._own.get(lease.call_sid)
        return own is not None and same(own, lease) and own.stand is Stand.OVER

    def newest(self, info: CallInfo) -> bool:
        """Whether this leg is the newest of its call, as far as this process knows, and this process has it."""
        own = self._own.get(info.call_sid)
        return own is not None and (own.fence, own.stream_sid) == (info.leg, info.stream_sid)

    def unheld_since(self, call_sid: str) -> float | None:
        """Since when nobody had held the call that was taken just now; None where the leg before has told its end, or
        there is none. Told once."""
        return self._unheld_since.pop(call_sid, None)

    def epoch(self, call_sid: str) -> int:
        """Which writer of the call's record this process is, from 1: what a later one has written stands."""
        own = self._own.get(call_sid)
        return 1 if own is None else own.epoch

    def done(self, call_sid: str) -> None:
        """The call is over, and the store has its record as it will stay: nothing is left for anybody to do."""
        mine = self._own.get(call_sid)
        if mine is not None:
            self._own[call_sid] = msgspec.structs.replace(mine, stand=Stand.OVER, done=True)
            self._dirty.add(call_sid)

    # Its own.

    async def _round(self) -> None:
        """Renew what is held, and write what is not written."""
        before = dict(self._own)
        if not before:
            return
        with trio.move_on_after(ROUND_S) as limit:
            try:
                held = await self._ask(partial(self._store.renew, self.name))
            except StoreError as error:
                self._told(str(error))
                return
            self._told("")
            gone = [sid for sid, mine in before.items() if self._own.get(sid) is mine and held.get(sid) != mine.fence]
            await self._settle([*gone, *(sid for sid in self._dirty if sid not in gone)])
        if limit.cancelled_caught:
            self._told("no answer in time")

    async def _settle(self, call_sids: Iterable[str]) -> None:
        """Have the store know what is so here; or learn from it that another process has the call."""
        mine = {sid: self._own[sid] for sid in call_sids if sid in self._own}
        self._dirty &= self._own.keys()
        if not mine:
            return
        changes = [(sid, _rule(own, told=sid not in self._dirty)) for sid, own in mine.items()]
        found, fault = await self._ask(partial(_change, self._store, changes))
        for sid, lease in found.items():
            if self._own.get(sid) is not mine[sid]:
                continue  # it has changed meanwhile: that is written next
            self._dirty.discard(sid)
            if lease is None or not same(lease, mine[sid]):
                del self._own[sid]
                self._lost(sid, lease)
            elif mine[sid].done:
                del self._own[sid]
                self._past[sid] = lease
                while len(self._past) > REMEMBERED:
                    del self._past[next(iter(self._past))]
            else:
                self._own[sid] = lease
        self._told(fault)

    def _newest(self, call_sid: str, stored: Lease | None) -> Lease | None:
        own = self._own.get(call_sid) or self._past.get(call_sid)
        if own is None or stored is None:
            return own or stored
        if own.fence != stored.fence:
            return own if own.fence > stored.fence else stored
        return own if same(own, stored) and call_sid in self._dirty else stored

    def _refused(self, info: CallInfo, lease: Lease | None) -> None:
        LEASES.add(result="refused")
        turned_away("over" if lease is not None and lease.stand is Stand.OVER else "fenced")
        log.warning(
            "leg of a call refused",
            call_sid=info.call_sid,
            leg=info.leg,
            held=lease.fence if lease else None,
            stand=lease.stand.value if lease else "",
        )

    def _lost(self, call_sid: str, lease: Lease | None) -> None:
        LEASES.add(result="lost")
        log.info("another process has the call", call_sid=call_sid, holder=lease.holder if lease else "")
        self.fenced(call_sid)

    def _told(self, fault: str) -> None:
        """How the store answered; "": as it should."""
        if fault:
            self._steady = None
        elif self._steady is None:
            self._steady = trio.current_time()
        if fault and not self._away:
            log.warning("leases cannot be kept: calls go on, and do not survive this process", error=fault)
        elif self._away and not fault:
            log.info("leases are kept again")
        self._away = fault


def _lease_of(info: CallInfo, name: str) -> Lease:
    return Lease(
        *(info.call_sid, name, info.leg, info.stream_sid, Stand.HELD, 0.0),
        line=info.line,
        language=info.language,
        voice=info.voice,
        order=info.order,
        campaign=info.campaign,
    )


def _take(mine: Lease, unheld: list[float]) -> Rule:
    """Take it; `unheld` has for how long nobody had held it by then, where its holder has not told."""
    taken = rules.take(mine)

    def rule(lease: Lease | None, now: float) -> Lease | None:
        before = lease.unheld_s(now) if lease is not None and lease.fence < mine.fence else None
        unheld[:] = [] if before is None else [before]
        return taken(lease, now)

    return rule


def _rule(mine: Lease, *, told: bool) -> Rule:
    """By which the store comes to know what is so; `told`: it did once."""
    return rules.take(mine) if mine.stand is Stand.HELD else rules.leave(mine, mine.stand, done=mine.done, told=told)


def _change(store: LeaseStore, changes: list[tuple[str, Rule]]) -> tuple[dict[str, Lease | None], str]:
    """One after the other, as far as the store answers; and why no farther."""
    found: dict[str, Lease | None] = {}
    for call_sid, rule in changes:
        try:
            found[call_sid], _ = store.change(call_sid, rule)
        except StoreError as error:
            return found, str(error)
    return found, ""
