"""From what happened in a call to what it means: utterances, answers, interruptions, gaps. Pure; log in, figures out.

Everything is measured on the sound itself, the way the person on the phone would hear it: the agent's as it was
played, the caller's as it was spoken, to 10 ms.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from agent.model import BYTES_PER_MS, Utterance
from agent.rehearsal.log import CallLog
from agent.rehearsal.script import BREATH_MS, Spoken
from agent.rehearsal.sound import Span, spans

EARFUL_MS = 12_000
"""Longest piece given to a recogniser; longer utterances are parted at pauses."""
HESITATION_MS = 500
"""A pause in a caller's line after which going on is a new onset."""


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance of the agent."""

    start_ms: float
    end_ms: float
    interrupted: bool
    """A clear ended it with sound still waiting."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of the caller and how long the agent took to answer it."""

    spoken: Spoken
    start_ms: float
    end_ms: float
    """Of the speech in it, without silence around."""
    latency_ms: float | None
    """From the end of the speech to the first of the agent's sound; None: no answer, or not before the next line."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """The caller began to speak while the agent did."""

    onset_ms: float
    clear_after_ms: float | None
    """To the server's clear; None: there was none before the agent was silent."""
    silent_after_ms: float
    """To the last of the agent's sound that was played."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The agent's sound ran dry within an utterance."""

    at_ms: float
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Break:
    """Between two streams of the call."""

    at_ms: float
    """The end of the old stream."""
    opened_ms: float
    """To the beginning of the new one."""
    deaf_ms: float
    """Of the caller's sound: what neither of them carried."""
    silence_ms: float | None
    """From the end of the old stream to the first of the agent's sound on the new one, which may wait until it is
    spoken to; None: there was none."""


def breaks(log: CallLog) -> list[Break]:
    """Each change of streams, in order."""
    found = []
    for old, new in itertools.pairwise(log.legs):
        at = new.began_ms if old.ended_ms is None else old.ended_ms
        silence = None if new.sound_ms is None else new.sound_ms - at
        found.append(Break(at, new.began_ms - at, new.hears_from_ms - old.hears_until_ms, silence))
    return found


def utterances(log: CallLog, quiet_ms: float) -> list[Said]:
    """What the agent said, parted by silences of `quiet_ms` and by clears."""
    agent = log.agent
    cuts = [round(clear.at_ms * BYTES_PER_MS) for clear in log.clears]
    said = []
    for start, end in zip([0, *cuts], [*cuts, len(agent)], strict=True):
        pieces = spans(agent[start:end], start / BYTES_PER_MS, quiet_ms)
        said += [Said(piece.start_ms, piece.end_ms, interrupted=False) for piece in pieces]
    return [_marked(one, log) for one in said]


def earfuls(log: CallLog, said: Said) -> list[Utterance]:
    """The sound of an utterance in pieces short enough to be recognised, with a little silence around."""
    agent = log.agent
    pieces: list[Span] = []
    for phrase in spans(_cut(agent, said.start_ms, said.end_ms), said.start_ms, BREATH_MS):
        if pieces and phrase.end_ms - pieces[-1].start_ms <= EARFUL_MS:
            pieces[-1] = Span(pieces[-1].start_ms, phrase.end_ms)
        else:
            pieces.append(phrase)
    padded = [(max(0.0, piece.start_ms - 60), piece.end_ms + 60) for piece in pieces]
    return [Utterance(_cut(agent, start, end), start, end) for start, end in padded]


def answers(log: CallLog) -> list[Answer]:
    """Each line the caller said, in order, with the time to the agent's answer."""
    sounds = spans(log.agent, 0, BREATH_MS)
    lines = [(spoken, _speech(spoken)) for spoken in log.spoken]
    found = []
    for index, (spoken, speech) in enumerate(lines):
        until = lines[index + 1][1].start_ms if index + 1 < len(lines) else float("inf")
        first = next((sound.start_ms for sound in sounds if speech.end_ms <= sound.start_ms < until), None)
        latency = None if first is None else first - speech.end_ms
        found.append(Answer(spoken, speech.start_ms, speech.end_ms, latency))
    return found


def interruptions(log: CallLog) -> list[Interruption]:
    """Each time the caller started to speak over the agent."""
    sounds = spans(log.agent, 0, BREATH_MS)
    found = (_interruption(onset, sounds, log) for onset in onsets(log))
    return [one for one in found if one is not None]


def _interruption(onset: float, sounds: list[Span], log: CallLog) -> Interruption | None:
    over = next((sound for sound in sounds if sound.start_ms < onset < sound.end_ms), None)
    # Also between two sentences there is something to interrupt: then a clear drops the next one.
    until = onset + 2 * HESITATION_MS if over is None else over.end_ms + BREATH_MS
    clear = next((one.at_ms for one in log.clears if onset <= one.at_ms <= until and (over or one.dropped_ms)), None)
    if clear is not None:
        begun = [sound.end_ms for sound in sounds if sound.start_ms < clear]
        return Interruption(onset, clear - onset, max(0.0, begun[-1] - onset) if begun else 0.0)
    return None if over is None else Interruption(onset, None, over.end_ms - onset)


def onsets(log: CallLog) -> list[float]:
    """Where the caller began to speak: each line's start, and where it goes on after a hesitation."""
    return [span.start_ms for spoken in log.spoken for span in _bursts(spoken, HESITATION_MS)]


def gaps(log: CallLog, quiet_ms: float) -> list[Gap]:
    """Where the agent's sound ran dry and came back before `quiet_ms` were over, with no clear in between."""
    found = []
    for one, other in zip(log.played, log.played[1:], strict=False):
        missing = other.at_ms - one.end_ms
        cut = any(one.end_ms <= clear.at_ms <= other.at_ms and clear.dropped_ms > 0 for clear in log.clears)
        changed = any(one.end_ms <= leg.began_ms <= other.at_ms for leg in log.legs[1:])
        if 0 < missing < quiet_ms and not cut and not changed:
            found.append(Gap(one.end_ms, missing))
    return found


def _marked(said: Said, log: CallLog) -> Said:
    """The utterance, interrupted if a clear that dropped sound fell on its end."""
    cut = any(0 <= clear.at_ms - said.end_ms < BREATH_MS and clear.dropped_ms > 0 for clear in log.clears)
    return Said(said.start_ms, said.end_ms, cut)


def _speech(spoken: Spoken) -> Span:
    """A line without the silence around its speech; all of it where nothing in it can be heard."""
    heard = _bursts(spoken, float("inf"))
    return heard[0] if heard else Span(spoken.start_ms, spoken.end_ms)


def _bursts(spoken: Spoken, join_ms: float) -> list[Span]:
    # The line itself and not the frames, which may hold an echo too.
    said = spoken.line.mulaw[: round((spoken.end_ms - spoken.start_ms) * BYTES_PER_MS)]
    return spans(said, spoken.start_ms, join_ms)


def _cut(mulaw: bytes, start_ms: float, end_ms: float) -> bytes:
    return mulaw[max(0, round(start_ms * BYTES_PER_MS)) : max(0, round(end_ms * BYTES_PER_MS))]
