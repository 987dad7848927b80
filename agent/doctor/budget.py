"""Where the time goes between the caller's last word and the agent's first: medians in, a table against a target out.

Target and limits are those of Twilio's "A Guide to Core Latency in AI Voice Agents" (17 November 2025): mouth to ear
1,115 ms (at most 1,400), of which the platform has 885 (1,100): hearing 350 (500), first token 375 (750), first audio
100 (250). What is left of the 885 is divided here between the first sentence and the first message; the rest of the
1,115 is the telephone network's, which nobody can measure from a server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from agent.config import Settings
from agent.doctor.figures import Figure, Measured

Verdict = Literal["met", "within limit", "over", "assumed", "not measured"]

TARGET_MS, LIMIT_MS = 1115, 1400
PLATFORM_MS, PLATFORM_LIMIT_MS = 885, 1100
HEARING_MS, HEARING_LIMIT_MS = 350, 500
TOKEN_MS, TOKEN_LIMIT_MS = 375, 750
SOUND_MS, SOUND_LIMIT_MS = 100, 250
NETWORK_MS = TARGET_MS - PLATFORM_MS
"""Both ways: the caller's line, Twilio's edge and the way from there to here."""
MESSAGE_BUDGET_MS = 20
SENTENCE_MS = PLATFORM_MS - HEARING_MS - TOKEN_MS - SOUND_MS - MESSAGE_BUDGET_MS
SLACK_MS = PLATFORM_LIMIT_MS - PLATFORM_MS
"""What the limit leaves above the target: the most by which a part without a limit of its own may be late."""
SENTENCE_LIMIT_MS, MESSAGE_LIMIT_MS = SENTENCE_MS + SLACK_MS, MESSAGE_BUDGET_MS + SLACK_MS

ANSWER_MS, ANSWER_LIMIT_MS = TOKEN_MS + SENTENCE_MS + SOUND_MS, TOKEN_LIMIT_MS + SOUND_LIMIT_MS
"""Of a model that speaks itself: what the three parts have together."""

NETWORK = "telephone network, both ways"
WAIT = "silence that ends a turn"
WORDS = "words still awaited after it"
TOKEN = "first token"  # noqa: S105  a model's
SENTENCE = "first sentence"
SOUND = "first audio"
ANSWER = "first audio of the answer"
MESSAGE = "first message"
FINAL = "final"
"""The figure of a recogniser: from the end of the sound to its text."""
TOTAL = "mouth to ear"


class Row(msgspec.Struct, frozen=True):
    """One stage, in milliseconds; None: not known."""

    stage: str
    median: float | None
    worst: float | None
    budget: float
    limit: float
    verdict: Verdict
    note: str = ""


class Budget(msgspec.Struct, frozen=True):
    """The stages in their order, and their sum."""

    rows: tuple[Row, ...]
    total: Row


def budget(settings: Settings, measured: Sequence[Measured]) -> Budget:
    """The table. Of `measured` the figures FINAL, TOKEN, SENTENCE, SOUND, ANSWER and MESSAGE are read; each of them
    but FINAL counts from the moment its provider was asked. Where two were measured, the first is what callers wait
    for."""
    found = {figure.name: figure for one in reversed(measured) for figure in one.figures}
    token, sound, answer = found.get(TOKEN), found.get(SOUND), found.get(ANSWER)
    parts: tuple[Row, ...] = (
        _row(TOKEN, _pair(token), TOKEN_MS, TOKEN_LIMIT_MS),
        _row(
            SENTENCE, _after(found.get(SENTENCE), token), SENTENCE_MS, SENTENCE_LIMIT_MS, "counted from the first token"
        ),
        _row(SOUND, _pair(sound), SOUND_MS, SOUND_LIMIT_MS),
    )
    if settings.PIPELINE == "realtime":
        parts = (_row(ANSWER, _pair(answer), ANSWER_MS, ANSWER_LIMIT_MS, "one model thinks and speaks"),)
        sound = answer
    rows = (
        Row(NETWORK, NETWORK_MS, NETWORK_MS, NETWORK_MS, NETWORK_MS, "assumed", "Twilio's allowance"),
        _row(WAIT, (wait_ms(settings),) * 2, HEARING_MS, HEARING_LIMIT_MS, _wait(settings)),
        _row(WORDS, _beyond(settings, found.get(FINAL)), 0, HEARING_LIMIT_MS - HEARING_MS),
        *parts,
        _row(MESSAGE, _after(found.get(MESSAGE), sound), MESSAGE_BUDGET_MS, MESSAGE_LIMIT_MS, _ahead(settings)),
    )
    return Budget(rows, _sum(rows))


def hears_at_pauses(settings: Settings) -> bool:
    """Whether words are looked for at a pause, before the turn is over: over a socket, always."""
    live = settings.provider("STT")[0] == "openai" and settings.hears_live
    return settings.PIPELINE == "realtime" or live or settings.EARLY_TRANSCRIPTIONS > 0


def wait_ms(settings: Settings) -> int:
    """The silence after complete words. Where no words are looked for at a pause, none are known to be complete."""
    return settings.END_SILENCE_MS if hears_at_pauses(settings) else settings.END_SILENCE_LONG_MS


def overlap_ms(settings: Settings) -> int:
    """How much of that silence transcription has, having begun at the pause."""
    return max(0, settings.END_SILENCE_MS - settings.PAUSE_MS) if hears_at_pauses(settings) else 0


def _wait(settings: Settings) -> str:
    if not hears_at_pauses(settings):
        return "END_SILENCE_LONG_MS, for EARLY_TRANSCRIPTIONS is 0; transcription begins behind it"
    return f"END_SILENCE_MS; transcription begins at PAUSE_MS and has {overlap_ms(settings)} ms of it"


def _ahead(settings: Settings) -> str:
    return f"until MESSAGE_MS ({settings.MESSAGE_MS}) of sound are made; LEAD_MS delays nothing"


Pair = tuple[float, float] | None
"""Median and worst."""


def _pair(figure: Figure | None) -> Pair:
    return None if figure is None else (figure.median, figure.worst)


def _beyond(settings: Settings, final: Figure | None) -> Pair:
    """What the transcription takes longer than the silence in which it runs."""
    if final is None:
        return None
    hidden = overlap_ms(settings)
    return max(0.0, final.median - hidden), max(0.0, final.worst - hidden)


def _after(figure: Figure | None, before: Figure | None) -> Pair:
    """Between two figures of the same rounds: the medians need not be of the same round, the sum has to come out."""
    if figure is None or before is None:
        return None
    return max(0.0, figure.median - before.median), max(0.0, figure.worst - before.worst)


def _row(stage: str, pair: Pair, target: float, limit: float, note: str = "") -> Row:
    if pair is None:
        return Row(stage, None, None, target, limit, "not measured", note)
    return Row(stage, *pair, target, limit, _verdict(pair[0], target, limit), note)


def _sum(rows: Sequence[Row]) -> Row:
    if missing := [row.stage for row in rows if row.median is None]:
        return Row(TOTAL, None, None, TARGET_MS, LIMIT_MS, "not measured", f"without {', '.join(missing)}")
    median = sum(row.median or 0 for row in rows)
    worst = sum(row.worst or 0 for row in rows)
    return Row(TOTAL, median, worst, TARGET_MS, LIMIT_MS, _verdict(median, TARGET_MS, LIMIT_MS))


def _verdict(median: float, target: float, limit: float) -> Verdict:
    if round(median) <= target:
        return "met"
    return "within limit" if round(median) <= limit else "over"
