"""When the caller has the floor: windows of sound with their speech probability in, decisions out.

A pure state machine on media time. Two promises its callers build on: every `Onset` is followed by exactly one
`TurnTaken` (as long as sound keeps coming), and an utterance never loses sound between the two.

    silence --speech for the guard--> speaking --silence for the hold--> silence
               emits Onset                        emits TurnTaken
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from agent.model import BYTES_PER_MS, Utterance

WINDOW_BYTES = 256
WINDOW_MS = WINDOW_BYTES / BYTES_PER_MS
"""32 ms: what Silero takes at 8 kHz."""

RELEASE = 0.15
"""Speech holds until the probability falls this far below the threshold: the hysteresis of Silero's own iterator
(utils_vad.VADIterator). Windows above that also count towards the guard, where one of them reaches the threshold: soft
first sounds ("Excuse me") hover below it for a tenth of a second."""

PRE_ROLL_MS = 320
"""Sound before the first speech window that belongs to the utterance: soft first consonants score low."""

TAIL_MS = 192
"""Silence kept at the end of an utterance; recognisers do better with a little."""


@dataclass(frozen=True, slots=True)
class Guards:
    """How much of what it takes; milliseconds are rounded up to whole windows."""

    threshold: float
    onset_ms: float
    hold_ms: float
    longest_ms: float


@dataclass(frozen=True, slots=True)
class Onset:
    """The caller has begun to speak and kept at it for the guard."""

    began_ms: float
    at_ms: float
    goes_on: bool = False
    """There was no pause since the last utterance, which was taken for its length: no new start."""


@dataclass(frozen=True, slots=True)
class TurnTaken:
    """The caller has finished, or has spoken for the longest time one utterance may take."""

    utterance: Utterance
    at_ms: float
    """Media time of the decision; `utterance.end_ms` plus the hold."""


Decision = Onset | TurnTaken


def _windows(ms: float) -> int:
    return max(1, -int(-ms // WINDOW_MS))


class TurnDetector:
    """One call's turns."""

    def __init__(self, guards: Guards) -> None:
        self._start = guards.threshold
        self._stop = max(guards.threshold - RELEASE, 0.01)
        self._onset = _windows(guards.onset_ms)
        self._hold = _windows(guards.hold_ms)
        self._longest = _windows(guards.longest_ms)
        self._recent: deque[bytes] = deque(maxlen=_windows(PRE_ROLL_MS) + self._onset)
        self._speech: list[bytes] = []
        self._run = 0
        self._sure = False
        self._unbroken = False
        self._quiet = 0
        self._began_ms = 0.0

    @property
    def speaking(self) -> bool:
        """Whether an Onset still waits for its TurnTaken."""
        return bool(self._speech)

    def hear(self, window: bytes, probability: float, at_ms: float) -> Decision | None:
        """Take the next window (256 bytes of mu-law that begin at media time `at_ms`); at most one decision."""
        if self._speech:
            return self._while_speaking(window, probability, at_ms)
        return self._while_silent(window, probability, at_ms)

    def _while_silent(self, window: bytes, probability: float, at_ms: float) -> Onset | None:
        self._recent.append(window)
        if probability < self._stop:
            self._run, self._sure, self._unbroken = 0, False, False
            return None
        if not self._run:
            self._began_ms = at_ms
        self._run += 1
        self._sure = self._sure or probability >= self._start
        if self._run < self._onset or not self._sure:
            return None
        self._speech = list(self._recent)
        self._recent.clear()
        self._run, self._quiet, self._sure = 0, 0, False
        goes_on, self._unbroken = self._unbroken, False
        return Onset(self._began_ms, at_ms + WINDOW_MS, goes_on)

    def _while_speaking(self, window: bytes, probability: float, at_ms: float) -> TurnTaken | None:
        self._speech.append(window)
        self._quiet = 0 if probability >= self._stop else self._quiet + 1
        if self._quiet < self._hold and len(self._speech) < self._longest:
            return None
        return self._take(at_ms + WINDOW_MS)

    def _take(self, now_ms: float) -> TurnTaken:
        end_ms = now_ms - self._quiet * WINDOW_MS
        surplus = self._quiet - _windows(TAIL_MS)
        kept = self._speech[: len(self._speech) - surplus] if surplus > 0 else self._speech
        # What follows at once may need the silence just heard as its own pre-roll.
        self._recent.extend(self._speech[-self._quiet :] if self._quiet else ())
        utterance = Utterance(b"".join(kept), self._began_ms, end_ms)
        self._unbroken = not self._quiet
        self._speech = []
        self._quiet = 0
        return TurnTaken(utterance, now_ms)
