"""A rehearsed call's report: facts and what was understood in, one record that can be printed or read by a program out.

Exit codes: 0 fine, 1 the agent never spoke or an expectation failed, 3 protocol violation, 5 no connection. (2 is bad
usage, which is found before there is a report.)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from agent.rehearsal import measures
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan

FINE, FAILED, USAGE, VIOLATED, NO_CONNECTION = 0, 1, 2, 3, 5


class Entry(msgspec.Struct, frozen=True):
    """One thing said. The agent's text is what an independent recogniser heard; None where nothing listened."""

    role: Literal["caller", "agent"]
    text: str | None
    start_ms: int
    end_ms: int
    interrupted: bool = False


class Turn(msgspec.Struct, frozen=True):
    """One line of the caller and its answer."""

    text: str
    speech_end_ms: int
    latency_ms: int | None
    """From the end of the caller's speech to the first of the agent's sound."""


class BargeIn(msgspec.Struct, frozen=True):
    onset_ms: int
    clear_after_ms: int | None
    silent_after_ms: int
    """From the caller's onset to the last of the agent's sound that was played."""


class Clear(msgspec.Struct, frozen=True):
    at_ms: int
    after_onset_ms: int | None
    """Since the caller last began to speak."""
    dropped_ms: int
    next_media_after_ms: int | None
    """To the next media message of the server."""


class Mark(msgspec.Struct, frozen=True):
    name: str
    returned_ms: int
    cleared: bool


class Gap(msgspec.Struct, frozen=True):
    at_ms: int
    duration_ms: int


class Leg(msgspec.Struct, frozen=True):
    """One media stream, and the break before it."""

    stream_sid: str
    began_ms: int
    ended_ms: int
    ended: str
    opened_after_ms: int | None = None
    """From the end of the stream before it; None: it is the first."""
    deaf_ms: int | None = None
    """Of the caller's sound, what neither of them carried."""
    silence_ms: int | None = None
    """From the end of the stream before it to the first of the agent's sound, which may wait until it is spoken to."""


class Update(msgspec.Struct, frozen=True):
    """A change over REST."""

    what: str
    at_ms: int | None
    cut: bool
    """It ended a stream that carried the call."""


class Transfer(msgspec.Struct, frozen=True):
    to: str
    status: str
    """Twilio's DialCallStatus."""


class Fault(msgspec.Struct, frozen=True):
    code: int
    what: str
    at_ms: int


class CallReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything worth knowing about one rehearsed call. Times are milliseconds since the first stream's start."""

    exit_code: int
    call_sid: str
    stream_sid: str
    ended: str
    duration_ms: int
    steps: tuple[str, ...]
    conversation: tuple[Entry, ...]
    turns: tuple[Turn, ...]
    barge_ins: tuple[BargeIn, ...]
    clears: tuple[Clear, ...]
    marks: tuple[Mark, ...]
    gaps: tuple[Gap, ...]
    digits: str
    transfers: tuple[Transfer, ...]
    unplayed_ms: int
    messages: dict[str, int]
    violations: tuple[Fault, ...]
    failures: tuple[str, ...]
    caller_late_ms: int
    legs: tuple[Leg, ...] = ()
    updates: tuple[Update, ...] = ()
    lost: tuple[Entry, ...] = ()
    """The caller's lines that fell between two streams, in part or whole."""
    notes: tuple[str, ...] = ()


def build(log: CallLog, plan: CallPlan, texts: Sequence[str] | None = None, notes: Sequence[str] = ()) -> CallReport:
    """The report. `texts` are the words of each of `measures.utterances(log, plan.quiet_ms)`; None: nobody listened."""
    said = measures.utterances(log, plan.quiet_ms)
    heard: Sequence[str | None] = [None] * len(said) if texts is None else texts
    agent = [
        Entry("agent", text, round(one.start_ms), round(one.end_ms), one.interrupted)
        for one, text in zip(said, heard, strict=True)
    ]
    answers = measures.answers(log)
    caller = [Entry("caller", one.spoken.line.text, round(one.start_ms), round(one.end_ms)) for one in answers]
    barge_ins = measures.interruptions(log)
    failures = [
        *([log.unreachable] if log.unreachable else []),
        *log.failures,
        *_unmet(plan, texts),
        *_missed(log, barge_ins),
        *(["the agent did not pass the call on"] if plan.transfer and not log.transfers else []),
    ]
    return CallReport(
        exit_code=_exit_code(log, failures),
        call_sid=log.call_sid,
        stream_sid=log.stream_sid,
        ended=log.ended,
        duration_ms=round(log.duration_ms),
        steps=tuple(log.steps),
        conversation=tuple(sorted([*agent, *caller], key=lambda entry: entry.start_ms)),
        turns=tuple(Turn(one.spoken.line.text, round(one.end_ms), _whole(one.latency_ms)) for one in answers),
        barge_ins=tuple(
            BargeIn(round(one.onset_ms), _whole(one.clear_after_ms), round(one.silent_after_ms)) for one in barge_ins
        ),
        clears=tuple(_clears(log)),
        marks=tuple(Mark(one.name, round(one.at_ms), one.cleared) for one in log.marks),
        gaps=tuple(Gap(round(one.at_ms), round(one.duration_ms)) for one in measures.gaps(log, plan.quiet_ms)),
        digits="".join(one.digit for one in log.pressed),
        transfers=tuple(Transfer(one.to, one.status) for one in log.transfers),
        unplayed_ms=round(log.unplayed_ms),
        messages=dict(log.messages),
        violations=tuple(Fault(one.code, one.what, round(one.at_ms)) for one in log.violations),
        failures=tuple(failures),
        caller_late_ms=round(log.late_ms),
        legs=tuple(_legs(log)),
        updates=tuple(Update(one.what, _whole(one.at_ms), one.cut) for one in log.updates),
        lost=tuple(
            Entry("caller", one.line.text, round(one.start_ms), round(one.end_ms)) for one in log.spoken if one.lost_ms
        ),
        notes=(*log.notes, *notes),
    )


def says(text: str, expected: str) -> bool:
    """Whether the words of `expected` are in `text`, however they are spaced, spelled in case or punctuated."""
    words, wanted = re.findall(r"\w+", text.casefold()), "".join(re.findall(r"\w+", expected.casefold()))
    return any(
        "".join(words[start:end]) == wanted for start in range(len(words)) for end in range(start + 1, len(words) + 1)
    )


def _unmet(plan: CallPlan, texts: Sequence[str] | None) -> list[str]:
    if texts is None:
        return [f"nobody listened for {word!r}" for word in plan.expect]
    return [f"the agent did not say {word!r}" for word in plan.expect if not says(" ".join(texts), word)]


def _missed(log: CallLog, barge_ins: Sequence[measures.Interruption]) -> list[str]:
    onsets = [one.onset_ms for one in barge_ins]
    return [
        f"the barge-in at {spoken.start_ms / 1000:.1f} s fell into silence: there was nothing to interrupt"
        for spoken in log.spoken
        if spoken.barged_in and not any(spoken.start_ms <= onset <= spoken.end_ms for onset in onsets)
    ]


def _clears(log: CallLog) -> list[Clear]:
    onsets = measures.onsets(log)
    found = []
    for one in log.clears:
        onset = max((onset for onset in onsets if onset <= one.at_ms), default=None)
        media = next((arrival.at_ms for arrival in log.arrivals if arrival.at_ms >= one.at_ms), None)
        found.append(
            Clear(
                round(one.at_ms),
                None if onset is None else round(one.at_ms - onset),
                round(one.dropped_ms),
                None if media is None else round(media - one.at_ms),
            )
        )
    return found


def _legs(log: CallLog) -> list[Leg]:
    made = []
    for leg, gap in zip(log.legs, [None, *measures.breaks(log)], strict=False):
        ended = round(log.duration_ms if leg.ended_ms is None else leg.ended_ms)
        before = (round(gap.opened_ms), round(gap.deaf_ms), _whole(gap.silence_ms)) if gap else ()
        made.append(Leg(leg.stream_sid, round(leg.began_ms), ended, leg.ended, *before))
    return made


def _exit_code(log: CallLog, failures: Sequence[str]) -> int:
    if log.violations:
        return VIOLATED
    if log.unreachable:
        return NO_CONNECTION
    return FAILED if failures else FINE


def _whole(ms: float | None) -> int | None:
    return None if ms is None else round(ms)
