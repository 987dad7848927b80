"""Who calls, when, and how they behave: a seed in, a day of callers out. Pure.

Arrivals are a Poisson process whose rate follows the hour (HOURS, a sales line's: a morning peak, a dip at noon, an
evening peak, a quiet night), scaled so that the day's mean is what was asked for. Each caller is drawn by KINDS:

    patient     24  waits for the agent to finish, 1 to 4 lines, then hangs up
    impatient   16  the same, and breaks in 0.2 to 4 s after the agent's first sound
    talkative    9  says lines at times of their own, whatever the agent does
    noisy        8  as patient, with coughs, an echo of the agent on the line, or both
    early       12  hangs up after 0.1 to 15 s, wherever the call is, politely or not
    keys         7  as patient, then presses one or two keys that ask for nothing
    transfer     7  says a line or none, then presses 0: a colleague answers, is busy, or does not
    farewell     7  takes leave with the last line: the agent says goodbye and hangs up
    silent       5  never says a word: the agent asks twice, and hangs up
    lost         5  as patient, and the media stream dies once or twice on the way

One in six has a rude network besides: stalls of up to 2 s, larger frames, unknown events, a jump of the timestamps.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from agent.rehearsal import codewords
from agent.rehearsal.echo import Echo
from agent.rehearsal.plan import CallPlan, DialEnd, HangUp, Line
from agent.rehearsal.stream import Hold, Rudeness
from agent.wire import mulaw
from tests.soak.providers import LEAVE

HOURS = (2, 1, 1, 1, 2, 4, 8, 20, 50, 90, 100, 95, 70, 60, 80, 90, 95, 100, 95, 70, 45, 25, 10, 5)
"""Calls of each hour of the day, relative to the busiest."""

KINDS = {
    "patient": 24,
    "impatient": 16,
    "talkative": 9,
    "noisy": 8,
    "early": 12,
    "keys": 7,
    "transfer": 7,
    "farewell": 7,
    "silent": 5,
    "lost": 5,
}

LONGEST_MS = 300_000.0
RATE = 8000


@dataclass(frozen=True, slots=True)
class Caller:
    """One."""

    at_s: float
    """Seconds of the day."""
    kind: str
    plan: CallPlan
    seed: int


def callers(seed: int, hours: float, calls_per_hour: float, frame_ms: int, begin: int = 8) -> Iterator[Caller]:
    """All of so many hours, from that hour of the day on, in their order; `frame_ms` is what a media message carries of
    the caller's sound."""
    dice = random.Random(f"town {seed}")
    mean = sum(HOURS) / len(HOURS)
    fastest = calls_per_hour * max(HOURS) / mean / 3600
    at = 0.0
    while True:  # thinned: as many as in the busiest hour are drawn, and the others taken out again
        at += dice.expovariate(fastest)
        if at >= hours * 3600:
            return
        if dice.random() * max(HOURS) < HOURS[(begin + int(at // 3600)) % len(HOURS)]:
            (kind,) = dice.choices(list(KINDS), list(KINDS.values()))
            yield Caller(at, kind, _plan(kind, dice, frame_ms), dice.getrandbits(32))


def _plan(kind: str, dice: random.Random, frame_ms: int) -> CallPlan:
    lines = [_line(dice) for _ in range(dice.choice((1, 1, 2, 2, 3, 4)))]
    plan = CallPlan(
        lines=tuple(lines),
        quiet_ms=dice.uniform(700, 1800),
        patience_ms=60_000,
        max_ms=LONGEST_MS,
        again_ms=12_000,
        rudeness=_rudeness(dice, frame_ms),
    )
    return _AS[kind](plan, dice) if kind in _AS else plan


def _talkative(plan: CallPlan, dice: random.Random) -> CallPlan:
    at, timed = 0.0, []
    for line in plan.lines:
        at += dice.uniform(500, 7000)
        timed.append(replace(line, at_ms=at))
        at += line.duration_ms + 300
    return replace(plan, lines=tuple(timed))


def _transfer(plan: CallPlan, dice: random.Random) -> CallPlan:
    return replace(plan, lines=plan.lines[: dice.randint(0, 1)], dtmf="0", transfer=dice.choice(list(DialEnd)))


def _lost(plan: CallPlan, dice: random.Random) -> CallPlan:
    return replace(plan, cuts_ms=tuple(sorted(dice.uniform(2000, 25_000) for _ in range(dice.choice((1, 1, 2))))))


def _noisy(plan: CallPlan, dice: random.Random) -> CallPlan:
    coughs = [Line(_murmur(dice.randint(60, 200)), at_ms=dice.uniform(500, 20_000)) for _ in range(dice.randint(0, 2))]
    echo = Echo(dice.uniform(60, 250), dice.uniform(28, 40)) if dice.random() < 0.7 or not coughs else None
    return replace(plan, lines=(*plan.lines, *sorted(coughs, key=lambda line: line.at_ms or 0)), echo=echo)


_AS: dict[str, Callable[[CallPlan, random.Random], CallPlan]] = {
    "impatient": lambda plan, dice: replace(plan, barge_in_at_ms=dice.uniform(200, 4000)),
    "talkative": _talkative,
    "noisy": _noisy,
    "early": lambda plan, dice: replace(
        plan, hang_up_at_ms=dice.uniform(100, 15_000), hang_up=dice.choice(list(HangUp))
    ),
    "keys": lambda plan, dice: replace(plan, dtmf=dice.choice(("2", "5", "47"))),
    "transfer": _transfer,
    "farewell": lambda plan, dice: replace(plan, lines=(*plan.lines[:-1], _line(dice, LEAVE))),
    "silent": lambda plan, _: replace(plan, lines=(replace(plan.lines[0], at_ms=LONGEST_MS),)),
    "lost": _lost,
}


def _rudeness(dice: random.Random, frame_ms: int) -> Rudeness:
    usual = Rudeness(payload_sizes=(frame_ms * RATE // 1000,))
    if dice.random() >= 1 / 6:
        return usual
    match dice.randrange(4):
        case 0:
            return replace(usual, holds=(Hold(dice.uniform(0, 15_000), dice.uniform(100, 2000)),))
        case 1:
            return replace(usual, payload_sizes=tuple(dice.choice((80, 160, 240, 800)) for _ in range(5)))
        case 2:
            return replace(usual, unknown_event_every=dice.randint(5, 50), unknown_fields=True)
    return replace(usual, jump_at_ms=dice.uniform(500, 20_000), jump_by_ms=dice.choice((40, 400, 4000)))


def _line(dice: random.Random, *more: str) -> Line:
    """A few words that a recogniser can tell, the last one of them `more`."""
    numbers = [dice.randrange(codewords.WORDS - 1) for _ in range(dice.randint(2, 7))]
    numbers = [n for at, n in enumerate(numbers) if not at or n != numbers[at - 1]]
    numbers += [codewords.WORDS - 1 for _ in more]
    return Line(codewords.line(_murmur(1000), numbers), " ".join(codewords.word(n) for n in numbers))


@cache
def _murmur(ms: int) -> bytes:
    """Something like a voice: harmonics of 140 Hz, well below the codes that words carry."""
    t = np.arange(ms * RATE // 1000) / RATE
    wave = sum(np.sin(2 * np.pi * 140 * n * t) / n for n in range(1, 12))
    return mulaw.encode((9000 * wave / np.abs(wave).max()).astype(np.int16))
