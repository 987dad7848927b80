"""A process's way out: from the first signal to the closed door, and how long all of it takes at most.

Run by the process inside its door. No new call is admitted from the first signal on; the door is closed last, for
sockets that were promised, health checks and the webhooks that follow a call come through it. In between, calls either
go on to their end or are handed off, each at a moment of its own. A second signal has the rest say goodbye now, a third
hangs up.
"""

from __future__ import annotations

import enum
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from collections.abc import Set as AbstractSet
from typing import Protocol

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.config import Settings
from agent.guard.lease import Lease
from agent.hear.ports import HEARING_RATE
from agent.keep.ports import LIMIT_S as STORE_S
from agent.model import CallInfo, Ending
from agent.web.state import PROMISE_S, ProcessState
from nurseries.door.front_door import GOODBYE_S as DOOR_S
from nurseries.door.handover import LEAVE_S
from nurseries.door.media_side import GOODBYE_S as MEDIA_S
from nurseries.legs.holding import LEAVE_S as LEASES_S
from nurseries.line.closing import BEFORE_CLOSE_S, CLOSE_S, LAST_WORDS_S
from nurseries.purse import LEAVE_S as PURSE_S
from nurseries.watch.tracing import LEAVE_S as TRACES_S

log = structlog.get_logger(__name__)

FAREWELL_S = 2.0
"""Beyond GOODBYE_TIMEOUT_S, which each call keeps itself, for it to be gone."""

LINGER_S = 3.0
"""From the end of the last call to the closed door: for the webhooks that follow a call."""

KEEP_S, SAVE_S = 20.0, 4.0
"""For the records of the last calls to be finished and saved after the door has closed; of that, for them to be saved
once what the settings grant last words and summaries is over."""

ASIDE_S = 5.0
"""For the journal to be told, at the end, what need not be remembered; and for records that it does not take to be
written to files."""

LAST_S = STORE_S + 5.0
"""For what a thread has begun with a store, which is not left to itself; for connections to be closed, and the
interpreter to end."""

LOOK_S = 1.0
"""Between two looks at who has come for a call that was told to connect here, and at whether the store is there."""

MOMENT_S = 0.01
"""For a promise to be over for sure, by a clock that is not this loop's."""


class Phase(enum.Enum):
    """Of the way out, one after the other."""

    CALLS = "calls end, or are handed off"
    GOODBYES = "those that are left say goodbye"
    WEBHOOKS = "webhooks that follow a call"
    DOOR = "the door closes"
    KEEPING = "summaries, records, recordings"
    PURSE = "what is held of budgets"
    LEASES = "leases"
    TRACES = "the last spans"
    JOURNAL = "the journal"
    STORES = "stores are closed"


def longest(settings: Settings) -> dict[Phase, float]:
    """How many seconds each lasts at most."""
    return {
        Phase.CALLS: settings.DRAIN_TIMEOUT_S,
        Phase.GOODBYES: settings.GOODBYE_TIMEOUT_S + FAREWELL_S,
        Phase.WEBHOOKS: LINGER_S,
        Phase.DOOR: max(LEAVE_S, LAST_WORDS_S + BEFORE_CLOSE_S + CLOSE_S + MEDIA_S) + DOOR_S,
        Phase.KEEPING: max(KEEP_S, _finishing_s(settings) + SAVE_S),
        Phase.PURSE: PURSE_S,
        Phase.LEASES: LEASES_S,
        Phase.TRACES: TRACES_S,
        Phase.JOURNAL: ASIDE_S,
        Phase.STORES: LAST_S,
    }


def _finishing_s(settings: Settings) -> float:
    """What the caller was saying last is understood, then the call is summed up."""
    return settings.STT_TIMEOUT_S + settings.MAX_UTTERANCE_S * HEARING_RATE + settings.SUMMARY_TIMEOUT_S


def longest_drain_s(settings: Settings, since: Phase = Phase.CALLS) -> float:
    """From there to the end of the process; from its first phase, what a supervisor has to grant between SIGTERM and
    SIGKILL."""
    phases = tuple(Phase)
    return sum(seconds for phase, seconds in longest(settings).items() if phases.index(phase) >= phases.index(since))


class Held(Protocol):
    """A call, as far as the way out is concerned. None of these is a checkpoint."""

    info: CallInfo

    def move(self, reason: str) -> None: ...
    def stay(self) -> None: ...
    def end(self, ending: Ending, reason: str) -> None: ...


class Leaving:
    """One process's."""

    def __init__(
        self,
        settings: Settings,
        state: ProcessState,
        calls: AbstractSet[Held],
        changed: ParkingLot,
        *,
        movable: Callable[[Held], bool],
        sound: Callable[[], Awaitable[bool]],
        look: Callable[[str], Awaitable[Lease | None]],
        due: Callable[[float], None] = lambda _: None,
        ends: Callable[[], None] = lambda: None,
    ) -> None:
        """`calls` are those that go on; `changed` is unparked whenever one begins or ends. `movable`: another process
        can go on with it; `sound`: and will find it. `look` tells a call's lease. `due` is told, at every phase, within
        how many seconds the process has to be gone; `ends` as it begins to leave and as the door closes, so that no
        answer that lasts is in the way."""
        self._settings = settings
        self._state = state
        self._calls = calls
        self._changed = changed
        self._movable = movable
        self._sound = sound
        self._look = look
        self._due = due
        self._ends = ends
        self.last_over = float("-inf")
        """When the last call ended, or the last one that has ended here was sent on: it may come back."""
        self._patience = trio.CancelScope()
        """For calls to go on; after it they are told goodbye."""
        self.closing = trio.Event()
        """The door is told to close."""

    async def run(self, signals: AsyncIterator[int], door: trio.CancelScope) -> None:
        """Wait for a signal, then leave; cancels the door at the end."""
        async with trio.open_nursery() as nursery:
            first = await anext(signals)
            self._state.draining = True
            self._ends()
            self.reached(Phase.CALLS)
            log.info(
                "leaving",
                signal=signal.Signals(first).name,
                calls=len(self._calls),
                mode=self._settings.DRAIN_MODE,
                within_s=round(longest_drain_s(self._settings)),
                next="a second signal ends calls politely, a third at once",
            )
            nursery.start_soon(self._drain, door, name="drain")
            await anext(signals)
            log.info("ending calls", calls=len(self._calls))
            self.reached(Phase.GOODBYES)
            self._patience.cancel("second signal")
            await anext(signals)
            log.warning("hanging up", calls=len(self._calls))
            self._close(door, "third signal")

    async def _drain(self, door: trio.CancelScope) -> None:
        self._patience.deadline = trio.current_time() + self._settings.DRAIN_TIMEOUT_S
        with self._patience:
            async with trio.open_nursery() as nursery:
                if self._settings.DRAIN_MODE == "hand-off":
                    nursery.start_soon(self._hand_off, name="hand off")
                while not await self._quiet():
                    await self._promises_kept()
                    await self._all_over()
                nursery.cancel_scope.cancel("no call is left")
        if self._calls and trio.current_time() >= self._patience.deadline:
            log.warning("ending calls: DRAIN_TIMEOUT_S is over", calls=len(self._calls))
        self.reached(Phase.GOODBYES)
        with trio.move_on_after(self._settings.GOODBYE_TIMEOUT_S + FAREWELL_S):
            await self._goodbyes()
        self.reached(Phase.WEBHOOKS)
        # Twilio now asks what to do next, and reports the calls' ends: without an answer the caller hears an error.
        await trio.sleep_until(self.last_over + LINGER_S)
        self._close(door, "drained")

    async def _goodbyes(self) -> None:
        """Until no call is here, nor is to come: those that come only now are told as well."""
        told: set[Held] = set()
        while self._calls or self._state.expected(time.time()):
            for call in self._calls - told:
                call.end(Ending.SHUTDOWN, "the process is leaving")
                told.add(call)
            with trio.move_on_after(LOOK_S):
                await self._changed.park()

    def _close(self, door: trio.CancelScope, reason: str) -> None:
        self.reached(Phase.DOOR)
        self.closing.set()
        self._ends()
        door.cancel(reason)

    def sent_on(self) -> None:
        """A call that is nobody's yet was told to ask again: the door is open for it, should nobody else take it. Not a
        checkpoint."""
        self.last_over = trio.current_time()

    def reached(self, phase: Phase) -> None:
        """What is left lasts no longer than the phases from this one on."""
        self._due(longest_drain_s(self._settings, phase))

    async def _hand_off(self) -> None:
        """Ask each call to go, also those that have been promised and come only now; while the store is away none, nor
        any that still waits for its moment: nobody else would know of it."""
        asked: set[Held] = set()
        told = False
        while True:
            asked &= self._calls
            due = [call for call in self._calls if self._movable(call)]
            if due and await self._sound():
                for call in due:
                    if call not in asked:
                        call.move("the process is leaving")
                asked.update(due)
                told = False
            elif due:
                for call in asked:
                    call.stay()
                asked.clear()
                if not told:
                    told = True
                    log.warning("calls stay here: the store does not answer", calls=len(due))
            with trio.move_on_after(LOOK_S):
                await self._changed.park()

    async def _promises_kept(self) -> None:
        """Until every call that was told to connect has done so, or will not any more."""
        seen: dict[str, float] = {}
        while self._state.promised:
            oldest_s = min(self._state.promised.values()) + PROMISE_S - time.time()
            with trio.move_on_after(max(oldest_s, 0) + MOMENT_S):  # a store that is away tells nothing, call by call
                with trio.move_on_after(LOOK_S):
                    await self._changed.park()
                for call_sid in tuple(self._state.promised):
                    await self._elsewhere(call_sid, seen)
            self._state.expire(time.time())

    async def _quiet(self) -> bool:
        """Whether no call is here, or is to come, nor comes within the time that the carrier takes to ask: one that was
        handed off may come back."""
        while not (self._calls or self._state.promised):
            until = self.last_over + LINGER_S
            with trio.move_on_at(until) as lingering:
                await self._changed.park()
            if lingering.cancelled_caught and until >= self.last_over + LINGER_S:
                return True
        await trio.lowlevel.checkpoint()
        return False

    async def _elsewhere(self, call_sid: str, seen: dict[str, float]) -> None:
        """A load balancer may have led its stream to another process, which renews its lease then."""
        lease = await self._look(call_sid)
        before = seen.get(call_sid)
        if lease is not None and before is not None and lease.until > before:
            self._state.give_up(call_sid)
        seen[call_sid] = lease.until if lease is not None else 0.0

    async def _all_over(self) -> None:
        while self._calls:
            await self._changed.park()
