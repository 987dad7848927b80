"""Plays many drawn calls and gathers what they were like, what they broke, and how it is reproduced.

A seed is one scenario and one schedule. What is broken is told with the last events before it, and with the smallest
scenario that still breaks the same promise.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
import structlog

from tests.schedules.scenario import Scenario, draw
from tests.schedules.world import Broken, World, play

LAST_EVENTS = 30
CHUNK = 25
"""Seeds that a process plays before it tells."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What one seed has broken."""

    seed: int
    broken: tuple[Broken, ...]
    events: tuple[str, ...]
    """The last ones up to the first that was broken, and that one."""


@dataclass(slots=True)
class Found:
    """Of any number of calls."""

    calls: int = 0
    seconds: float = 0.0
    """Of calls."""
    steps: int = 0
    """Of the server's tasks."""
    drawn: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Count that as well."""
        self.calls += other.calls
        self.seconds += other.seconds
        self.steps += other.steps
        self.drawn += other.drawn
        self.endings += other.endings
        self.violations += other.violations


def play_all(seeds: Iterable[int]) -> Found:
    """In this process, one after the other."""
    found = Found()
    with quiet():
        for seed in seeds:
            found.add(_found(play(draw(seed))))
    return found


def first_broken(seeds: Iterable[int]) -> Violation | None:
    """In this process, one after the other, until one breaks a promise."""
    with quiet():
        for seed in seeds:
            found = _found(play(draw(seed))).violations
            if found:
                return found[0]
    return None


@contextmanager
def quiet() -> Iterator[None]:
    """Without the server's log."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        structlog.configure(**before)


def explore(seeds: range, jobs: int, told: Callable[[Found], None] = lambda _: None) -> Found:
    """In so many processes; `told` of what there is so far, now and then."""
    found = Found()
    chunks = [seeds[n : n + CHUNK] for n in range(0, len(seeds), CHUNK)]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for part in pool.imap_unordered(play_all, chunks):
            found.add(part)
            told(found)
    found.violations.sort(key=lambda each: each.seed)
    return found


def smallest(scenario: Scenario, promise: str, within_s: float = 60.0) -> Scenario:
    """With one thing after the other left out, as long as the same promise is broken, and the time suffices."""
    until = time.monotonic() + within_s
    smaller: Iterator[Scenario] = scenario.smaller()
    while time.monotonic() < until and (tried := next(smaller, None)) is not None:
        if any(each.promise == promise for each in play(tried).broken):
            scenario, smaller = tried, tried.smaller()
    return scenario


def trace(seed: int) -> bytes:
    """All that can be told of one seed's run: equal wherever, and whenever, it is played."""
    world = play(draw(seed))
    records = [leg.call.record() for leg in world.legs]
    told = (world.events, records, world.watch.steps, world.seconds, world.log.marks, world.log.clears)
    return msgspec.json.encode(told)


def _found(world: World) -> Found:
    scenario = world.scenario
    found = Found(1, world.seconds, world.watch.steps)
    found.drawn.update(scenario.faults())
    found.drawn.update(f"act {act.what} at {'a step' if act.step else 'a time'}" for act in scenario.acts)
    found.drawn["realtime"] += scenario.live
    found.drawn["hedged"] += scenario.chains.hedge_s is not None
    found.drawn["somebody stands by"] += scenario.chains.who == "two"
    found.drawn["somebody stood in"] += any(leg.call.record().stand_ins for leg in world.legs)
    found.drawn["more than one leg"] += len(world.legs) > 1
    found.endings.update(leg.call.ending.value for leg in world.legs if leg.call.ending is not None)
    if world.broken:
        first = next((n for n, event in enumerate(world.events) if "BROKEN" in event), len(world.events))
        events = tuple(world.events[max(first - LAST_EVENTS, 0) : first + 1])
        found.violations.append(Violation(scenario.seed, tuple(world.broken), events))
    return found
