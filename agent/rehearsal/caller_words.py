"""The callers' words, as a log has them and as a record has them: which of them are missing, and which of those may be.

A word that no stream carried whole may be missing; one that a crash may have taken, or the call's end; no other.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agent.rehearsal.codewords import WORD_MS
from agent.rehearsal.log import CallLog
from agent.rehearsal.troubles import Troubles, crashes, leave_ms, remembered_ms

UNDERSTOOD_MS = 2000
"""From the end of a caller's line until it is understood, for a line to count as said."""
EDGE_MS = 60
"""What a word may miss at its edge and still be required: a detector of speech is not exact, a frame is 20 ms."""
REMNANT = re.compile(r"I have spoken for \d+ milliseconds\.")
"""What a `scripted` recogniser makes of sound that holds no whole word: all that a stream carried of a line."""


@dataclass(slots=True)
class Account:
    """Of one call."""

    words: int
    lost_between: int
    """Words that fell between two streams."""
    forgotten: int
    """Words that a crash is allowed to have taken."""
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Said:
    """A word of the caller's."""

    word: str
    at_ms: float
    between: bool
    """Some of it fell between two streams."""
    excused: bool
    """A crash, or the end of the call, may have taken it."""

    @property
    def due(self) -> bool:
        return not (self.between or self.excused)


def account(log: CallLog, record: Mapping[str, Any], troubles: Troubles) -> Account:
    """Whether each of the caller's words that a stream carried is in the record, once and in order."""
    said = _said(log, troubles)
    torn = sum(_fell_between(spoken.start_ms, spoken.end_ms, log) for spoken in log.spoken)
    kept = " ".join(entry["text"] for entry in record["entries"] if entry["role"] == "caller")
    recorded = re.findall(r"\w+", REMNANT.sub("", kept, count=torn) if torn else kept)
    matched = _matched(said, recorded)
    missing = [one for n, one in enumerate(said) if n not in matched]
    forgotten = sum(one.excused and not one.between for one in missing)
    faults = [
        f"the caller's {one.word!r} at {one.at_ms / 1000:.2f} s is not in the record" for one in missing if one.due
    ]
    known = set(matched.values())
    more = [word for n, word in enumerate(recorded) if n not in known]
    if more:
        faults.append(f"in the record, and not said then: {' '.join(more[:6])}")
    return Account(len(said), sum(one.between for one in missing), forgotten, faults[:3])


def _said(log: CallLog, troubles: Troubles) -> list[_Said]:
    made = []
    leave = leave_ms(troubles, log)
    over_ms = log.duration_ms - UNDERSTOOD_MS if leave is None else leave
    taking = [(remembered_ms(troubles, log, crash) - UNDERSTOOD_MS, crash) for crash in crashes(log)]
    for spoken in log.spoken:
        taken = any(since <= spoken.end_ms and spoken.start_ms - EDGE_MS <= crash for since, crash in taking)
        for n, word in enumerate(spoken.line.text.split()):
            start = spoken.start_ms + n * WORD_MS
            if start < spoken.end_ms:
                between = _fell_between(start, start + WORD_MS, log)
                late = start + WORD_MS > over_ms
                made.append(_Said(word, start, between, taken or late))
    return made


def _matched(said: Sequence[_Said], recorded: Sequence[str]) -> dict[int, int]:
    """Which word that was said is which of the recorded ones, both in order: as many as can be of those that are due,
    then of the others."""
    worth = np.array([3 if one.due else 2 for one in said], np.int64)
    numbers = {word: n for n, word in enumerate(dict.fromkeys([*recorded, *(one.word for one in said)]))}
    kept = np.array([numbers[word] for word in recorded], np.int64)
    best = np.zeros((len(said) + 1, len(recorded) + 1), np.int64)
    for n, one in enumerate(said):
        taken = np.where(kept == numbers[one.word], best[n, :-1] + worth[n], 0)
        best[n + 1, 1:] = np.maximum.accumulate(np.maximum(taken, best[n, 1:]))
    made, n, at = {}, len(said), len(recorded)
    while n and at:
        if best[n, at] == best[n - 1, at]:
            n -= 1
        elif best[n, at] == best[n, at - 1]:
            at -= 1
        else:
            n, at = n - 1, at - 1
            made[n] = at
    return made


def _fell_between(start_ms: float, end_ms: float, log: CallLog) -> bool:
    """Whether some of it fell between two streams, or before the first or behind the last one."""
    for old, new in itertools.pairwise(log.legs):
        if start_ms < new.hears_from_ms + EDGE_MS and end_ms > old.hears_until_ms - EDGE_MS:
            return True
    return start_ms < log.caller_start_ms or end_ms > log.legs[-1].hears_until_ms + EDGE_MS
