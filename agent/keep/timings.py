"""Where the time of turns goes, over many calls: records in, percentiles by stage out. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from agent.keep.record import CallRecord, TurnTimes

STEP_MS = 100
"""Of the spread."""
LAST_MS = 2500
"""What takes longer is counted with it."""


class Stage(msgspec.Struct, frozen=True):
    """One part of the way to an answer, in milliseconds."""

    stage: str
    """transcription, first token, first sound: each from the end of the one before; answer: from the end-of-turn
    decision to the first sound."""
    p50: int
    p95: int
    p99: int


class Slowest(msgspec.Struct, frozen=True):
    """The turn that was waited for longest."""

    call_sid: str
    turn: int
    """From 1."""
    answer_ms: int
    stage: str
    """Which took most of it."""


class Timings(msgspec.Struct, frozen=True):
    """Of the newest calls."""

    calls: int
    turns: int
    """That were answered."""
    stages: tuple[Stage, ...] = ()
    spread: tuple[int, ...] = ()
    """Answers, by tenths of a second: the last has all from LAST_MS on."""
    slowest: Slowest | None = None


STAGES = ("transcription", "first token", "first sound")


def timings(records: Sequence[CallRecord]) -> Timings:
    """Percentiles are by nearest rank: each is a figure of some turn."""
    turns = [(record.call_sid, number, times) for record in records for number, times in enumerate(record.turns, 1)]
    if not turns:
        return Timings(len(records), 0)
    parts = [_parts(times) for *_, times in turns]
    answers = [times.first_audio_ms for *_, times in turns]
    stages = [_stage(name, column) for name, column in zip(STAGES, zip(*parts, strict=True), strict=True)]
    spread = [0] * (LAST_MS // STEP_MS + 1)
    for answer in answers:
        spread[min(max(answer, 0) // STEP_MS, len(spread) - 1)] += 1
    worst = max(range(len(turns)), key=answers.__getitem__)
    sid, number, times = turns[worst]
    most = STAGES[max(range(len(STAGES)), key=parts[worst].__getitem__)]
    return Timings(
        len(records),
        len(turns),
        (*stages, _stage("answer", answers)),
        tuple(spread),
        Slowest(sid, number, times.first_audio_ms, most),
    )


def _parts(times: TurnTimes) -> tuple[int, int, int]:
    return times.heard_ms, times.first_token_ms - times.heard_ms, times.first_audio_ms - times.first_token_ms


def _stage(name: str, found: Iterable[int]) -> Stage:
    ordered = sorted(found)
    return Stage(name, *(ordered[math.ceil(len(ordered) * share) - 1] for share in (0.5, 0.95, 0.99)))
