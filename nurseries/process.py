"""Lifetime 1: one process. The door, the calls, what they leave behind: in one file, since each waits for the one
before.

Outermost is the work that calls leave behind (records to be saved), within it the door; a signal ends admission first
and the door last (see `leaving`).
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from types import MappingProxyType

import msgspec
import structlog
import trio
from quart_trio import QuartTrio
from structlog.contextvars import bound_contextvars
from trio.lowlevel import ParkingLot

from agent.guard.ports import OrderStore
from agent.guard.tokens import Claims, Tokens
from agent.keep.ports import CallStore, ObjectStore
from agent.keep.record import CallRecord
from agent.keep.tally import tell
from agent.model import CallInfo, Ending
from agent.providers.journal_file import JournalFile
from agent.web.rates import Limits
from agent.web.security import Gate
from agent.web.state import ProcessState
from agent.web.tries import Tries
from agent.wire.ports import MediaSocket
from nurseries.boundary import contain
from nurseries.call import Call
from nurseries.door.front_door import Listeners, serve_door
from nurseries.keep.archive import Archive
from nurseries.keep.keeping import Keeping
from nurseries.keep.retention import Retention
from nurseries.keep.upkeep import Upkeep
from nurseries.leaving import ASIDE_S, Leaving, Phase, longest, longest_drain_s
from nurseries.legs.admission import admit
from nurseries.legs.finishing import finish
from nurseries.legs.holding import Holding
from nurseries.legs.legs import GOES_ON, Legs
from nurseries.legs.pick_up import pick_up
from nurseries.legs.taking_up import take_up
from nurseries.legs.turnstile import Turnstile
from nurseries.line.tape import Tape
from nurseries.parts import Parts
from nurseries.replay.taken_call import TakenCall
from nurseries.replay.taking import Taking
from nurseries.talk.afterwards import last_words, summed_up
from nurseries.talk.errands import Errands
from nurseries.talk.tried import parts_of
from nurseries.watch.watching import Watching
from nurseries.watchdog import CUT_OFF, Watchdog
from nurseries.workers.stages import Stages

log = structlog.get_logger(__name__)


class Process:
    """One server process: admits calls, holds them, keeps their records."""

    def __init__(
        self,
        parts: Parts,
        store: CallStore,
        tokens: Tokens,
        state: ProcessState,
        keeping: Keeping | None = None,
        archive: Archive | None = None,
        objects: ObjectStore | None = None,
        *,
        orders: OrderStore | None = None,
        beside: Mapping[str, Callable[[], Awaitable[None]]] = MappingProxyType({}),
        turnstile: Turnstile | None = None,
        holding: Holding | None = None,
        watchdog: Watchdog | None = None,
        taking: Taking | None = None,
        stages: Stages | None = None,
        elsewhere: trio.Event | None = None,
        erased: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint,
    ) -> None:
        """Without an archive no call is recorded; without a turnstile there are no softphones; without `holding` no
        other process knows of its calls; without a watchdog a child that ignores its cancellation is waited for;
        without `taking` no call is recorded to be played again. What
        runs `beside` the calls, by name, is cancelled after them. `stages` may tell it to leave, as its signals do;
        from `elsewhere` on requests are another process's; `erased` is waited for as the calls' records are."""
        self.tries = Tries()
        """What calls of softphones are to try, told before they begin."""
        self._stages = stages
        self._elsewhere = elsewhere
        self._erased = erased
        self._watchdog = watchdog
        self._taking = taking
        self.code = 0
        """What the process is to exit with, once it has run."""
        self._holding = holding
        if holding is not None:
            holding.fenced = self._fenced
        self._beside = beside
        self._turnstile = turnstile
        self._ours: Callable[[str], bool] = lambda _: True
        self._parts = parts
        self._store = store
        self._tokens = tokens
        self._state = state
        self._calls: set[Call] = set()
        self._changed = ParkingLot()
        state.on_change = self._changed.unpark_all
        self._afterwards: trio.Nursery | None = None
        self._upkeep = Upkeep(store, parts.settings.DATA_DIR / "unsaved", parts.prices)
        self._journals = parts.settings.DATA_DIR / "journal"
        name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._keeping = keeping or Keeping(store, JournalFile(self._journals, name), state, parts.prices)
        self.watching = Watching(self._keeping, parts.prices, store, left=holding.left if holding is not None else None)
        """Those who watch its calls."""
        self._archive = archive
        settings = parts.settings
        self._keep_s = longest(settings)[Phase.KEEPING]
        self._errands = Errands(orders)
        self._retention = Retention(store, objects, settings.DATA_DIR, settings.RETENTION_DAYS, orders)
        self._legs = Legs(holding, self._keeping, store)
        self._leaving = Leaving(
            *(settings, state, self._calls, self._changed),
            movable=lambda call: self._legs.movable(call.info) and call.info.call_sid not in state.kept,
            sound=self._legs.sound,
            look=self._legs.look,
            due=watchdog.due if watchdog is not None else lambda _: None,
            ends=self.watching.leave,
        )
        state.on_sent_on = self._leaving.sent_on

    @property
    def keeping(self) -> Keeping:
        """What follows its calls."""
        return self._keeping

    async def run(
        self,
        listeners: Listeners,
        app: QuartTrio,
        gate: Gate,
        *,
        limits: Limits | None = None,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until told to leave; `started()` once calls are taken. Needs the main thread, for the signals."""
        self._ours = gate.account
        stages = [longest_drain_s(self._parts.settings, phase) for phase in (Phase.CALLS, Phase.GOODBYES, Phase.DOOR)]
        guarded = self._watchdog.on_signals(stages) if self._watchdog is not None else nullcontext()
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals, guarded:
            async with trio.open_nursery() as keeper:
                await keeper.start(self._keeping.run)
                keeper.start_soon(contain, self._upkeep.prepare, "prepare the store", name="prepare")
                if self._parts.purse is not None:
                    keeper.start_soon(contain, self._parts.purse.run, "purse", name="purse")
                if self._holding is not None:
                    keeper.start_soon(contain, self._holding.run, "leases", name="leases")
                if self._archive is not None:
                    await keeper.start(self._archive.run, name="archive")
                keeper.start_soon(contain, self.watching.run, "watching", name="watching")
                keeper.start_soon(contain, self._retention.run, "retention", name="retention")
                for name, work in self._beside.items():
                    keeper.start_soon(contain, work, name, name=name)
                keeper.start_soon(contain, self._upkeep.take_back, "take back", name="take back")
                keeper.start_soon(contain, self._take_up, "take up", name="take up")
                told: AsyncIterator[int] = signals
                if self._stages is not None:
                    told = self._stages
                    keeper.start_soon(self._stages.follow, signals, name="signals")
                closed = trio.Event()
                if self._watchdog is not None:
                    keeper.start_soon(
                        contain, partial(self._cut_off, closed, self._watchdog), "cut off", name="cut off"
                    )
                async with trio.open_nursery() as self._afterwards:
                    async with trio.open_nursery() as door:
                        serve = partial(
                            serve_door,
                            gate=gate,
                            state=self._state,
                            turnstile=self._turnstile,
                            limits=limits,
                            elsewhere=self._elsewhere,
                        )
                        await door.start(serve, listeners, app, self.take)
                        door.start_soon(self._leaving.run, told, door.cancel_scope, name="leaving")
                        self._state.ready = True
                        task_status.started()
                    closed.set()
                    self._leaving.reached(Phase.KEEPING)
                    deadline = trio.current_time() + self._keep_s
                    self._afterwards.cancel_scope.deadline = deadline
                await self._kept(deadline)
                keeper.cancel_scope.cancel("no call is left to follow")
            self._leaving.reached(Phase.JOURNAL)
            await self._written()
            self._leaving.reached(Phase.STORES)
        log.info("stopped", code=self.code)

    async def _kept(self, deadline: float) -> None:
        """Have all that calls have left where others find it, by then, and give back what was held."""
        with trio.move_on_at(deadline):
            if self._archive is not None:
                await self._archive.stored()
            await self._keeping.delivered()
            await self._erased()
        self._leaving.reached(Phase.PURSE)
        if self._parts.purse is not None:
            await self._parts.purse.leave()
        if self._holding is not None:
            await self._holding.leave()
        if self._archive is not None and self._archive.left:
            log.warning("recordings are left on the disk for the next start", count=self._archive.left)

    async def _written(self) -> None:
        """The journal has what is to be remembered, and files what it does not take."""
        self.code = CUT_OFF
        with trio.move_on_after(ASIDE_S, shield=True):
            saved = [await self._upkeep.put_aside(record) for record in await self._keeping.close()]
            self.code = 0 if all(saved) else CUT_OFF

    async def _cut_off(self, closed: trio.Event, watchdog: Watchdog) -> None:
        """Where the door does not close, as a call of ours ignores its cancellation, keep what can be kept without it,
        and end the process."""
        await self._leaving.closing.wait()
        with trio.move_on_after(longest(self._parts.settings)[Phase.DOOR]) as limit:
            await closed.wait()
        if limit.cancelled_caught:
            log.error("a child of the door ignores its cancellation", calls=sorted(self._state.held))
            await self._kept(trio.current_time() + self._keep_s)
            await self._written()
            watchdog.due(0)

    async def take(self, socket: MediaSocket, known: Claims | None = None) -> None:
        """Hold the call on an accepted media socket, if it is one that we expect; `known` is what the door knows of it
        already. Its crash ends here."""
        limit_s = self._parts.settings.START_TIMEOUT_S
        turnstile, ours = self._turnstile, self._ours
        info = await pick_up(socket, self._tokens, limit_s, known=known, turnstile=turnstile, ours=ours)
        if info is None:
            return
        resumed = info.leg > 1
        if resumed:
            self._succeed(info)
        if not await admit(info.call_sid, socket, self._state, self._changed, resumed=resumed):
            return
        unheld_since = None
        if self._holding is not None:
            if not await self._held(info, socket, self._holding):
                return
            unheld_since = self._holding.unheld_since(info.call_sid)
        with bound_contextvars(call_sid=info.call_sid):
            if known is not None:
                self._legs.only(info.call_sid)
            before = await self._legs.before(info) if resumed else None
            if before is not None and before.ending not in GOES_ON:
                await self._legs.end(info)
                await self._refuse(info, socket, "this call is over")
                if self._afterwards is not None:  # who had it has lost it by that
                    finishing = partial(finish, before, self._keeping, self._parts, counted=bool(before.summary))
                    self._afterwards.start_soon(contain, finishing, "finish", name="finish")
                return
            await self._hold(info, socket, before, unheld_since)

    async def _hold(
        self, info: CallInfo, socket: MediaSocket, before: CallRecord | None, unheld_since: float | None
    ) -> None:
        known = before is not None and bool(before.purpose or before.variables)
        errand = None if known else await self._errands.of(info)
        if not self._legs.newest(info):  # its stream is dead; it would speak, and write, beside its successor
            await self._refuse(info, socket, "a newer leg of this call has begun")
            return
        tried = self.tries.take(info.call_sid) if info.softphone else None
        tape = self._archive.tape(info.call_sid) if self._archive is not None else None
        call: Call = self._kind(info)(
            *(info, socket, parts_of(self._parts, tried) if tried is not None else self._parts, tape, errand),
            before=before,
            process=self._legs.name,
            ready=lambda: self._legs.ready(call),
            before_close=lambda: self._legs.before_close(call),
            at_close=lambda: self._legs.at_close(call),
        )
        call.unheld_since = unheld_since
        self._add(call)
        self._keeping.follow(info.call_sid, call)
        self._keeping.look(info.call_sid)  # a call that dies in its first moment is greeted by whoever goes on with it
        self.watching.begun(call, tape)
        crashed = False
        try:
            crashed = await contain(call.run, "call")
        finally:
            self._remove(call)
            call.end(*((Ending.FAILED, "crash") if crashed else (Ending.SHUTDOWN, "cancelled")))
            record = call.record()
            log.info(
                "call over" if not self._legs.goes_on(call) else "leg over",
                ending=record.ending or (call.ending or Ending.SHUTDOWN).value,
                leg=info.leg,
                fenced=call.fenced,
                seconds=round(record.duration_ms / 1000, 1),
                turns=len(record.turns),
                barge_ins=record.barge_ins,
                frames_dropped=record.frames_dropped,
            )
            goes_on = call.fenced or self._legs.goes_on(call)
            if goes_on:
                self._let_go(call, tape)
            else:
                self._keeping.update(record)
            self.watching.over(call, "" if goes_on else record.ending)
            if not goes_on and self._afterwards is not None:
                self._afterwards.start_soon(contain, partial(self._keep, record, call, tape), "keep", name="keep")

    def _kind(self, info: CallInfo) -> Callable[..., Call]:
        """Whether it is recorded, to be played again."""
        return partial(TakenCall, self._taking) if self._taking is not None and self._taking.wants(info) else Call

    async def _held(self, info: CallInfo, socket: MediaSocket, holding: Holding) -> bool:
        """Whether no other process has a newer leg; else the socket is closed. The call keeps its line meanwhile."""
        self._state.promise(info.call_sid, time.time())
        if await holding.take(info) is not None:
            return True
        await self._refuse(info, socket, "another leg of this call is newer, or it is over")
        return False

    async def _refuse(self, info: CallInfo, socket: MediaSocket, why: str) -> None:
        self._state.give_up(info.call_sid)
        with trio.move_on_after(1, shield=True):
            await socket.close(1008, why)

    def _succeed(self, info: CallInfo) -> None:
        """A later leg of this call is about to begin here: the carrier has opened its stream since, so the one that we
        have is dead."""
        for call in tuple(self._calls):
            if call.info.call_sid == info.call_sid and call.info.leg < info.leg:
                self._keeping.update(call.so_far())
                call.fence()

    def _fenced(self, call_sid: str) -> None:
        """Another process has the call: its stream here is dead, and its record is the other's to write."""
        self._keeping.drop(call_sid)
        for call in tuple(self._calls):
            if call.info.call_sid == call_sid:
                call.fence()

    def _add(self, call: Call) -> None:
        self._calls.add(call)
        self._state.begin(call.info.call_sid, len(self._calls))
        self._changed.unpark_all()

    def _remove(self, call: Call) -> None:
        self._calls.discard(call)
        self._state.end(call.info.call_sid, len(self._calls))
        self._leaving.last_over = trio.current_time()
        self._changed.unpark_all()

    def _let_go(self, call: Call, tape: Tape | None) -> None:
        """The call goes on without this leg: its record is not finished here, unless nobody comes."""
        if not call.fenced:
            self._keeping.update(call.so_far())
        if call.account is not None:
            call.account.close()
        if tape is not None and self._archive is not None:
            self._archive.keep(tape)

    async def _keep(self, record: CallRecord, call: Call, tape: Tape | None) -> None:
        """Finish the record: at first without what may take long, for a summary is never worth a transcript."""
        memory = call.dialogue.memory
        await self._legs.end(call.info)
        self._legs.over(record.call_sid)
        try:
            record = await last_words(call, self._parts)
            self._keeping.update(record)
            record = await summed_up(record, memory.conversation.lines, memory.facts, self._parts)
            record = msgspec.structs.replace(record, usage=call.meter.used)
        finally:
            self._keeping.finish(record)
            if not self._keeping.dropped(record.call_sid):
                tell(record, self._parts.prices)
            if call.account is not None:
                call.account.close()
            if tape is not None and self._archive is not None:
                self._archive.keep(tape)

    async def _take_up(self) -> None:
        await take_up(self._journals, self._keeping, self._store, self._parts, self._state, self._holding)
