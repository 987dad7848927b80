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
    """One part of the way from the caller's last word to the agent's first, in milliseconds."""

    stage: str
    """silence (until the end of the turn was decided), transcription, first token, first audio: each from the end of
    the one before; answer: all of it."""
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


STAGES = ("silence", "transcription", "first token", "first audio")


def timings(records: Sequence[CallRecord]) -> Timings:
    """Percentiles are by nearest rank: each is a figure of some turn. A silence that is not known, as before keys that
    were pressed, is none."""
    turns = [(record.call_sid, number, times) for record in records for number, times in enumerate(record.turns, 1)]
    if not turns:
        return Timings(len(records), 0)
    parts = [_parts(times) for *_, times in turns]
    answers = [sum(each) for each in parts]
    stages = [_stage(name, column) for name, column in zip(STAGES, zip(*parts, strict=True), strict=True)]
    spread = [0] * (LAST_MS // STEP_MS + 1)
    for answer in answers:
        spread[min(max(answer, 0) // STEP_MS, len(spread) - 1)] += 1
    worst = max(range(len(turns)), key=answers.__getitem__)
    sid, number, _ = turns[worst]
    most = STAGES[max(range(len(STAGES)), key=parts[worst].__getitem__)]
    return Timings(
        len(records),
        len(turns),
        (*stages, _stage("answer", answers)),
        tuple(spread),
        Slowest(sid, number, answers[worst], most),
    )


def _parts(times: TurnTimes) -> tuple[int, int, int, int]:
    """Of STAGES."""
    return (
        times.endpoint_ms or 0,
        times.heard_ms,
        times.first_token_ms - times.heard_ms,
        times.first_audio_ms - times.first_token_ms,
    )


def _stage(name: str, found: Iterable[int]) -> Stage:
    ordered = sorted(found)
    return Stage(name, *(ordered[math.ceil(len(ordered) * share) - 1] for share in (0.5, 0.95, 0.99)))
