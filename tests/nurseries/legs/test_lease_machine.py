"""Any number of accidents to processes that share a store of leases: killed, paused, cut off, heard late.

The carrier here does what the real one does: one stream of a call at a time, and once it is over it asks what is next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import trio
import trio.testing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.guard.lease import LEASE_S, Lease, Stand
from agent.model import CallInfo
from nurseries.legs.holding import Holding
from tests.examples import examples
from tests.fakes.memory_leases import Asked, MemoryLeases

T = TypeVar("T")

CALLS = ("CA1",)
PROCESSES = 2
"""Few, so that accidents meet."""
ORPHAN_S = 60.0

processes, calls = st.integers(0, PROCESSES - 1), st.sampled_from(CALLS)


def run(work: Callable[..., Awaitable[T]], *args: object) -> T:
    """Some virtual time, none of it the store's."""
    return trio.run(work, *args, clock=trio.testing.MockClock(autojump_threshold=0))


class Process:
    """One, as long as it lives."""

    def __init__(self, store: MemoryLeases, name: str) -> None:
        self.asked = Asked()
        self.holding = Holding(store, name, ask=self.asked)
        self.streams: dict[str, int] = {}
        """Legs that it believes to have, by CallSid; the stream may be dead."""
        self.holding.fenced = lambda sid: self.streams.pop(sid, None)
        self.paused = False

    @property
    def cut_off(self) -> bool:
        return self.asked.slow_s > 0

    def round(self) -> None:
        run(self.holding._round)


@dataclass
class Stream:
    """A call's newest, at the carrier."""

    leg: int
    process: Process
    alive: bool = True


@dataclass
class Carrier:
    streams: dict[str, Stream] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)

    def waits(self, sid: str) -> Stream | None:
        """The stream that is over, where it asks what is next."""
        stream = self.streams.get(sid)
        return stream if stream is not None and not stream.alive and sid not in self.over else None


class Accidents(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.time = 1_800_000_000.0
        self.store = MemoryLeases(lambda: self.time)
        self.born = 0
        self.processes = [self._start() for _ in range(PROCESSES)]
        self.carrier = Carrier()
        self.fences: dict[str, int] = {}
        self.rescues: list[tuple[str, int]] = []

    def _start(self) -> Process:
        self.born += 1
        return Process(self.store, f"process {self.born}")

    def _take(self, sid: str, leg: int, process: Process) -> None:
        fence = run(process.holding.take, CallInfo(sid, "AC", f"{sid} {leg}", leg=leg))
        assert fence == leg, "the newest stream was refused"
        process.streams[sid] = leg
        self.carrier.streams[sid] = Stream(leg, process)
        if process.cut_off:
            return
        for other in self.processes:
            again = CallInfo(sid, "AC", f"{sid} {leg} again", leg=leg)
            if not (other.paused or other.cut_off):
                assert run(other.holding.take, again) is None, "a leg was given out twice"

    # The carrier's.

    @rule(sid=calls, n=processes)
    def ring(self, sid: str, n: int) -> None:
        if sid not in self.carrier.streams and not self.processes[n].paused:
            self._take(sid, 1, self.processes[n])

    @rule(sid=calls, n=processes, m=processes)
    def ask_what_is_next(self, sid: str, n: int, m: int) -> None:
        """One process answers, another may get the stream."""
        before, asked, next_one = self.carrier.waits(sid), self.processes[n], self.processes[m]
        if before is None or asked.paused or next_one.paused:
            return
        lease = run(asked.holding.look, sid)
        if lease is None or lease.stand is Stand.OVER:
            self.carrier.over.add(sid)
        elif lease.fence == before.leg:  # else the one that was asked knows an older leg: it is cut off
            self._take(sid, lease.fence + 1, next_one)

    @rule(sid=calls)
    def stream_dies(self, sid: str) -> None:
        """And nobody knows yet."""
        if sid in self.carrier.streams:
            self.carrier.streams[sid].alive = False

    @rule(sid=calls, n=processes)
    def rescue(self, sid: str, n: int) -> None:
        """A callback says that the stream has stopped; it may be a late one."""
        stopped, process = self.carrier.waits(sid), self.processes[n]
        lease = self.store.leases.get(sid)
        if stopped is None or lease is None or process.paused or lease.stream_sid != f"{sid} {stopped.leg}":
            return
        self.rescues += [(sid, lease.fence) for _ in range(2) if run(process.holding.rescued, lease)]

    # A process's own doing.

    @rule(sid=calls, stand=st.sampled_from([Stand.MOVING, Stand.LOST, Stand.OVER]))
    def leave(self, sid: str, stand: Stand) -> None:
        """The one with the newest stream ends its leg; it loses it where the stream is dead."""
        stream = self.carrier.streams.get(sid)
        if stream is None or stream.process.paused or stream.process not in self.processes:
            return
        if stream.process.streams.get(sid) != stream.leg or (not stream.alive and stand is not Stand.LOST):
            return
        run(lambda: stream.process.holding.put(sid, stand, leg=stream.leg))
        del stream.process.streams[sid]
        stream.alive = False
        if stand is Stand.OVER:
            self.carrier.over.add(sid)

    @rule(sid=calls, n=processes)
    def keep(self, sid: str, n: int) -> None:
        """The record of a call that is over is complete."""
        own = self.processes[n].holding._own.get(sid)
        if own is not None and own.stand is Stand.OVER and not self.processes[n].paused:
            self.processes[n].holding.done(sid)

    @rule(n=processes)
    def sweep(self, n: int) -> None:
        process = self.processes[n]
        if process.paused:
            return
        for sid, lease in list(self.store.leases.items()):
            claimed = run(process.holding.claim, sid, ORPHAN_S)
            left_s = self.time - lease.until
            longest = LEASE_S if lease.stand is Stand.OVER else ORPHAN_S
            assert claimed is None or left_s >= longest, "a call was claimed that somebody may have"

    # Accidents.

    @rule(seconds=st.sampled_from([0.5, LEASE_S + 1, ORPHAN_S + LEASE_S + 1]))
    def time_passes(self, seconds: float) -> None:
        """Who can, renews: what a process holds and the store knows, is never anybody else's meanwhile."""
        for _ in range(4):
            self.time += seconds / 4
            for process in self.processes:
                if not process.paused:
                    process.round()

    @rule(n=processes, m=processes)
    def long_outage(self, n: int, m: int) -> None:
        """Of one process, and another looks for orphans."""
        self.processes[n].asked.slow_s = 3600.0
        self.time_passes(ORPHAN_S + LEASE_S + 1)
        self.sweep(m)

    @rule(n=processes)
    def pause(self, n: int) -> None:
        self.processes[n].paused = not self.processes[n].paused

    @rule(n=processes)
    def cut_off(self, n: int) -> None:
        """What it asks for is given up, and may be done at any later time."""
        self.processes[n].asked.slow_s = 0.0 if self.processes[n].cut_off else 3600.0

    @rule(n=processes)
    def land(self, n: int) -> None:
        self.processes[n].asked.land()

    @rule(n=processes)
    def crash(self, n: int) -> None:
        gone = self.processes[n]
        for stream in self.carrier.streams.values():
            stream.alive = stream.alive and stream.process is not gone
        self.processes[n] = self._start()

    # What holds.

    @invariant()
    def a_fence_never_goes_back(self) -> None:
        for sid, lease in self.store.leases.items():
            assert lease.fence >= self.fences.get(sid, 0)
            self.fences[sid] = lease.fence

    @invariant()
    def a_leg_is_rescued_once(self) -> None:
        assert len(set(self.rescues)) == len(self.rescues)

    @precondition(lambda self: self.carrier.streams)
    @rule()
    def all_is_well_again(self) -> None:
        """Everybody goes on, and reaches the store: within a round, the newest stream's process has the call, and
        nobody else believes so."""
        for process in self.processes:
            process.paused, process.asked.slow_s = False, 0.0
            process.round()
        for process in self.processes:
            process.round()
        for sid, stream in self.carrier.streams.items():
            believe = [process for process in self.processes if sid in process.streams]
            lease: Lease | None = self.store.leases.get(sid)
            if stream.alive:
                assert believe == [stream.process], "a caller on the line is left alone, or has two"
                assert lease is not None
                assert (lease.holder, lease.fence) == (stream.process.holding.name, stream.leg)
                assert lease.live(self.time)
            else:
                assert len(believe) <= 1


TestAccidents = Accidents.TestCase
TestAccidents.settings = settings(max_examples=examples(100), stateful_step_count=40)
