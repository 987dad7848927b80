"""A day of a busy line in virtual time: a seed in, figures and broken promises out.

Beside the callers (see `town`) go accidents, one at a time, drawn as ACCIDENTS says: releases, on either machine, with
calls handed off; processes that are killed, and started again a few seconds later; a store that is away, or slow, or
away in the middle of a release. And `trouble` of all requests to providers stall, fail or break off.
"""

from __future__ import annotations

import gc
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from logging import CRITICAL
from pathlib import Path
from unittest import mock

import httpx2
import structlog
import trio
from trio._core import _run
from trio.testing import MockClock

from agent.keep.record import CallRecord
from agent.rehearsal.carrier import new_identity
from agent.rehearsal.log import STREAM_CRASHED, CallLog
from nurseries.rehearsal.carrier import place_call
from tests.soak.promises import Befell, broken
from tests.soak.seams import virtual
from tests.soak.site import ACCOUNT, Site
from tests.soak.town import Caller, callers

ACCIDENTS = {"release": 50, "kill": 20, "store away": 12, "store slow": 8, "release with the store away": 10}
SETTLE_S = 30.0
"""After an accident, before the next one."""
RESTART_S = (2.0, 8.0)
LEAVE_S = 900.0
"""For a process to leave: beyond the longest drain there is a fault."""
KEPT_S = 200.0
"""For the record of a call that is over to be complete: an orphan's waits for ORPHAN_S, and a store may be away."""


@dataclass
class Figures:
    """Of a day, as it goes on."""

    calls: int = 0
    call_s: float = 0.0
    endings: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    accidents: Counter[str] = field(default_factory=Counter)
    legs: int = 0
    hand_offs: int = 0
    crashes: int = 0
    """Streams that died."""
    redirected: int = 0
    barge_ins: int = 0
    struck: int = 0
    """Calls in which a provider failed."""
    turns: int = 0
    latency_ms: list[int] = field(default_factory=list)
    """From the end of a caller's turn to the first of the answer's sound."""
    memory: list[tuple[int, int]] = field(default_factory=list)
    """Bytes, and calls so far, after each hour."""
    broken: list[str] = field(default_factory=list)
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What kind of day."""

    seed: int = 0
    hours: float = 24.0
    calls_per_hour: float = 200.0
    frame_ms: int = 60
    accidents_per_hour: float = 1.5
    trouble: float = 0.01


class Day:
    """One."""

    def __init__(
        self,
        asked: Asked,
        folder: Path,
        tell: Callable[[str], object] = lambda _: None,
        within_s: float | None = None,
    ) -> None:
        """`folder` is the machines' disks'; `tell` is told of each hour, and of each promise as it is broken. After so
        many real seconds nobody calls any more."""
        self._until = float("inf") if within_s is None else time.monotonic() + within_s
        self.figures = Figures()
        self._asked = asked
        self._tell = tell
        self._dice = random.Random(f"day {asked.seed}")
        self._finished: Counter[str] = Counter()
        self._site = Site(folder, asked.seed, asked.trouble, self._over)
        self._befell: dict[str, list[tuple[float, float]]] = defaultdict(list)
        """When processes were killed, and the store was away: from then, until then."""

    def run(self) -> Figures:
        """The whole of it."""
        began = time.process_time()
        random.seed(self._asked.seed)
        with (
            _silent(),
            mock.patch.object(_run, "_ALLOW_DETERMINISTIC_SCHEDULING", new=True),
            mock.patch.object(_run, "_r", random.Random(self._asked.seed)),
        ):
            try:
                trio.run(self._run, clock=MockClock(autojump_threshold=0))
            finally:
                self.figures.cpu_s = time.process_time() - began
        return self.figures

    async def _run(self) -> None:
        site = self._site
        with virtual(self._dice, site.dial) as self._threads:
            async with trio.open_nursery() as processes:
                for machine in range(2):
                    await site.start(machine, processes)
                async with httpx2.AsyncClient(transport=site, timeout=None) as self._http:
                    async with trio.open_nursery() as beside:
                        beside.start_soon(self._accidents, processes)
                        beside.start_soon(self._hourly)
                        async with trio.open_nursery() as calls:
                            await self._ring_all(calls)
                        beside.cancel_scope.cancel("the day is over")
                    await self._close(processes)
            self._left(site.all)

    # Callers.

    async def _ring_all(self, calls: trio.Nursery) -> None:
        began, asked = trio.current_time(), self._asked
        for caller in callers(asked.seed, asked.hours, asked.calls_per_hour, asked.frame_ms):
            await trio.sleep_until(began + caller.at_s)
            if time.monotonic() > self._until:
                return
            calls.start_soon(self._ring, caller)

    async def _ring(self, caller: Caller) -> None:
        dice, log, began = random.Random(caller.seed), CallLog(), trio.current_time()
        identity = new_identity(ACCOUNT, dice=dice)
        sid, site = identity.call_sid, self._site
        await place_call(site.target, caller.plan, identity, dice, exchange=site.exchange, http=self._http, log=log)
        ended = trio.current_time()
        with trio.move_on_after(KEPT_S):
            while log.legs and not self._kept(sid):  # noqa: ASYNC110  virtual time
                await trio.sleep(0.5)
        record = site.stores.records.records.get(sid)
        befell = Befell(
            frozenset(site.moods.struck.pop(sid, ())),
            crash=self._was("kill", began, ended),
            away=self._was("store", began, ended),
        )
        for fault in broken(caller, log, record, befell):
            self._broken(f"{caller.kind} caller {caller.seed} at {caller.at_s:.0f} s, {sid}: {fault}")
        if not self._kept(sid) and sid in site.stores.leases.leases:
            self._broken(f"{caller.kind} caller {caller.seed}, {sid}: lease {site.stores.leases.leases.get(sid)}")
        finished = self._finished.pop(sid, 0)
        if finished > 1 and not befell.crash:
            self._broken(f"{caller.kind} caller {caller.seed}, {sid}: its record was finished {finished} times")
        self._count(caller, log, record, befell)
        site.stores.forget(sid)
        site.exchange.ended.pop(sid, None)

    def _kept(self, sid: str) -> bool:
        """Nothing is left to be done about it: the store has its record for good."""
        stores = self._site.stores
        lease, record = stores.leases.leases.get(sid), stores.records.records.get(sid)
        return lease.done if lease is not None else record is not None and record.ending != ""

    def _over(self, record: CallRecord) -> None:
        self._finished[record.call_sid] += 1

    def _was(self, what: str, began: float, ended: float) -> bool:
        return any(began - 10 <= until and since <= ended for since, until in self._befell[what])

    def _count(self, caller: Caller, log: CallLog, record: CallRecord | None, befell: Befell) -> None:
        figures = self.figures
        figures.calls += 1
        figures.call_s += log.duration_ms / 1000
        figures.kinds[caller.kind] += 1
        figures.legs += len(log.legs)
        figures.crashes += sum(leg.ended == STREAM_CRASHED for leg in log.legs)
        figures.struck += bool(befell.struck)
        if record is None:
            figures.endings["no record"] += 1
            return
        figures.endings[record.ending] += 1
        figures.hand_offs += sum(leg.why == "hand-off" for leg in record.legs)
        figures.barge_ins += record.barge_ins
        figures.turns += len(record.turns)
        figures.latency_ms += [turn.first_audio_ms for turn in record.turns]

    # Accidents.

    async def _accidents(self, processes: trio.Nursery) -> None:
        while self._asked.accidents_per_hour:
            await trio.sleep(self._dice.expovariate(self._asked.accidents_per_hour / 3600))
            (what,) = self._dice.choices(list(ACCIDENTS), list(ACCIDENTS.values()))
            machine = self._dice.randrange(2)
            self.figures.accidents[what] += 1
            match what:
                case "release":
                    await self._release(machine, processes)
                case "kill":
                    await self._kill(machine, processes)
                case "release with the store away":
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._release, machine, processes)
                        await trio.sleep(self._dice.uniform(0, 5))
                        async with self._outage("away"):
                            await trio.sleep(self._dice.uniform(1, 20))
                case _:
                    async with self._outage(what.removeprefix("store ")):
                        await trio.sleep(self._dice.uniform(1, 60))
            await trio.sleep(SETTLE_S)

    async def _release(self, machine: int, processes: trio.Nursery) -> None:
        old = self._site.pods[machine]
        await self._site.start(machine, processes)
        await trio.sleep(self._dice.uniform(0.2, 2))
        old.terminate()
        with trio.move_on_after(LEAVE_S) as patience:
            while not old.gone:  # noqa: ASYNC110  virtual time
                await trio.sleep(0.2)
        if patience.cancelled_caught:
            self._broken(f"process {old.name} has not left within {LEAVE_S:g} s")

    async def _kill(self, machine: int, processes: trio.Nursery) -> None:
        began = trio.current_time()
        self._site.pods[machine].kill()
        await trio.sleep(self._dice.uniform(*RESTART_S))
        await self._site.start(machine, processes)
        self._befell["kill"].append((began, trio.current_time()))

    @asynccontextmanager
    async def _outage(self, how: str) -> AsyncIterator[None]:
        began, stores = trio.current_time(), self._site.stores
        self._befell["store"].append((began, float("inf")))
        if how == "away":
            stores.away()
        else:
            self._threads.slow_s = self._dice.uniform(0.1, 2)
        try:
            yield
        finally:
            stores.away("")
            self._threads.slow_s = 0.0
            self._befell["store"][-1] = (began, trio.current_time())

    # What is left.

    async def _hourly(self) -> None:
        hour = 0
        while True:
            hour += 1
            await trio.sleep(3600)
            self._left([pod for pod in self._site.all if pod.gone])
            self._site.all = [pod for pod in self._site.all if not pod.gone]
            gc.collect()
            self.figures.memory.append((resident(), self.figures.calls))
            self._tell(f"hour {hour}: {self.figures.calls} calls, {resident() / 2**20:.1f} MiB")

    async def _close(self, processes: trio.Nursery) -> None:
        """All leave; who is started once more finds nothing."""
        for machine in range(2):
            await self._release(machine, processes)
        for pod in tuple(self._site.pods.values()):
            pod.terminate()

    def _left(self, pods: list) -> None:
        for pod in pods:
            for what in pod.left():
                self._broken(f"process {pod.name} has left, and not let go of {what}")

    def _broken(self, what: str) -> None:
        self.figures.broken.append(what)
        self._tell(f"BROKEN {what}")


@contextmanager
def _silent() -> Iterator[None]:
    """A day's log is as long as the day."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL), cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


def resident() -> int:
    """Bytes of this process in memory."""
    with Path("/proc/self/statm").open() as told:
        return int(told.read().split()[1]) * 4096
