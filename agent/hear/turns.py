"""When the caller has the floor: windows of sound with their speech probability in, decisions out.

A pure state machine on call time. Promises its callers build on: every `Onset` is followed by exactly one `TurnTaken`
(as long as sound keeps coming); between the two, every `Pause` is followed by one `Resumed` or by the `TurnTaken`; an
utterance never loses sound.

    silence --speech for the guard--> speaking --silence for PAUSE_MS--> pausing --silence for the hold--> silence
               emits Onset            |      ^      emits Pause             |          emits TurnTaken
                                      |      +------- speech: Resumed ------+
                                      +-- Lasting, once, when the speech has lasted
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

LONGEST_GUARD_MS = 2000
"""The most that a guard may ask for; sound is kept for as long."""


@dataclass(frozen=True, slots=True)
class Guards:
    """How much of what it takes; milliseconds are rounded up to whole windows."""

    threshold: float
    onset_ms: float
    """Speech that is an onset, at the least, and while nothing else is asked for."""
    lasting_ms: float
    """Speech, from the onset on, that is worth looking into before it has ended."""
    pause_ms: float
    hold_ms: float
    """Silence that ends a turn, until `TurnDetector.hold` says otherwise for one pause."""
    longest_ms: float


@dataclass(frozen=True, slots=True)
class Onset:
    """The caller has begun to speak and kept at it for the guard."""

    began_ms: float
    at_ms: float
    goes_on: bool = False
    """There was no pause since the last utterance, which was taken for its length: no new start."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """The caller has been speaking for long, and speaks on: or it is a noise."""

    utterance: Utterance
    """What was said so far."""
    speech_ms: float
    at_ms: float


@dataclass(frozen=True, slots=True)
class Pause:
    """The caller is silent; perhaps only between two words."""

    utterance: Utterance
    """What was said so far: the same sound as the TurnTaken's, should one follow."""
    speech_ms: float
    """How much speech there was, pauses not counted."""
    at_ms: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """The caller speaks on after a Pause."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class TurnTaken:
    """The caller has finished, or has spoken for the longest time one utterance may take."""

    utterance: Utterance
    speech_ms: float
    at_ms: float
    """Time of the decision; `utterance.end_ms` plus the hold."""
    paused: bool = True
    """A Pause came before, with this very sound."""


Decision = Onset | Lasting | Pause | Resumed | TurnTaken


def _windows(ms: float) -> int:
    return max(1, -int(-ms // WINDOW_MS))


class TurnDetector:
    """One call's turns."""

    def __init__(self, guards: Guards) -> None:
        self._start = guards.threshold
        self._stop = max(guards.threshold - RELEASE, 0.01)
        self._guards = guards
        self._onset = self._usual_onset = _windows(guards.onset_ms)
        self._pause = _windows(guards.pause_ms)
        self._hold = self._usual_hold = max(_windows(guards.hold_ms), self._pause + 1)
        self._lasting = _windows(guards.lasting_ms)
        self._longest = _windows(guards.longest_ms)
        self._recent: deque[bytes] = deque(maxlen=_windows(PRE_ROLL_MS) + _windows(LONGEST_GUARD_MS))
        self._speech: list[bytes] = []
        self._spoken = 0
        self._run = 0
        self._sure = False
        self._unbroken = False
        self._quiet = 0
        self._paused = False
        self._lasted = False
        self._began_ms = 0.0
        self._spoke_ms = 0.0
        """The end of the last window of speech, not before its beginning: where more sound came than time has passed,
        windows are told to overlap."""

    @property
    def speaking(self) -> bool:
        """Whether an Onset still waits for its TurnTaken."""
        return bool(self._speech)

    @property
    def voiced(self) -> bool:
        """Whether the last window was taken for speech."""
        return self._run > 0 if not self._speech else self._quiet == 0

    @property
    def soonest(self) -> int:
        """Which of the windows to come is the first that may bring a decision, whatever is in them: 1 is the next."""
        if not self._speech:
            return max(1, min(self._onset, self._usual_onset) - self._run)
        if self._paused:
            return 1
        due = min(self._pause - self._quiet, self._longest - len(self._speech))
        return max(1, due if self._lasted else min(due, self._lasting - self._spoken))

    def guard(self, onset_ms: float) -> None:
        """From now on, this much speech is an onset."""
        self._onset = _windows(min(onset_ms, LONGEST_GUARD_MS))

    def hold(self, ms: float) -> None:
        """In the present pause, this much silence ends the turn. Without a pause it does nothing."""
        if self._paused:
            self._hold = max(_windows(ms), self._pause + 1)

    def hear(self, window: bytes, probability: float, at_ms: float) -> Decision | None:
        """Take the next window (256 bytes of mu-law that begin at `at_ms`); at most one decision."""
        if self._speech:
            return self._while_speaking(window, probability, at_ms)
        return self._while_silent(window, probability, at_ms)

    def rest(self) -> Utterance | None:
        """What the caller was saying when the sound ended. Leaves the detector as it is."""
        if not self._speech:
            return None
        return self._utterance()

    def _while_silent(self, window: bytes, probability: float, at_ms: float) -> Onset | None:
        self._recent.append(window)
        if probability < self._stop:
            self._run, self._sure, self._unbroken = 0, False, False
            return None
        if not self._run:
            self._began_ms = at_ms
        self._run += 1
        self._spoke_ms = max(at_ms + WINDOW_MS, self._began_ms)
        self._sure = self._sure or probability >= self._start
        if self._run < self._onset or not self._sure:
            return None
        self._speech = list(self._recent)[-(self._run + _windows(PRE_ROLL_MS)) :]
        self._recent.clear()
        self._spoken, self._run, self._quiet, self._sure, self._paused = self._run, 0, 0, False, False
        self._lasted = False
        goes_on, self._unbroken = self._unbroken, False
        return Onset(self._began_ms, at_ms + WINDOW_MS, goes_on)

    def _while_speaking(self, window: bytes, probability: float, at_ms: float) -> Decision | None:
        self._speech.append(window)
        now_ms = at_ms + WINDOW_MS
        if probability >= self._stop:
            return self._speech_window(now_ms)
        self._quiet += 1
        if self._quiet >= self._hold or len(self._speech) >= self._longest:
            return self._take(now_ms)
        if self._quiet == self._pause:
            self._paused = True
            return Pause(self._utterance(), self._spoken * WINDOW_MS, now_ms)
        return None

    def _speech_window(self, now_ms: float) -> Decision | None:
        self._quiet = 0
        self._spoken += 1
        self._spoke_ms = max(now_ms, self._began_ms)
        if len(self._speech) >= self._longest:
            return self._take(now_ms)
        if self._paused:
            self._paused, self._hold = False, self._usual_hold
            return Resumed(now_ms)
        if self._spoken >= self._lasting and not self._lasted:
            self._lasted = True
            return Lasting(self._utterance(), self._spoken * WINDOW_MS, now_ms)
        return None

    def _utterance(self) -> Utterance:
        surplus = self._quiet - _windows(TAIL_MS)
        kept = self._speech[: len(self._speech) - surplus] if surplus > 0 else self._speech
        return Utterance(b"".join(kept), self._began_ms, self._spoke_ms)

    def _take(self, now_ms: float) -> TurnTaken:
        taken = TurnTaken(self._utterance(), self._spoken * WINDOW_MS, now_ms, self._paused)
        # What follows at once may need the silence just heard as its own pre-roll.
        self._recent.extend(self._speech[-self._quiet :] if self._quiet else ())
        self._unbroken = not self._quiet
        self._speech = []
        self._spoken, self._quiet, self._paused = 0, 0, False
        self._hold = self._usual_hold
        return taken
