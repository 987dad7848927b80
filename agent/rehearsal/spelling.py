"""Speech that spells its text: a tone of 60 ms for each character. Text in, sound out; the caller's sound in, text out.

So a voice for load and tests tells, to the character, what a caller has heard of it, over a telephone and in any order.
Characters are told apart by frequencies 20 Hz apart, from 400 to 2300 Hz, well within what a telephone carries; what is
not printable ASCII is spelled as one character, and read as UNKNOWN.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agent.model import BYTES_PER_MS
from agent.rehearsal.playback import Played
from agent.rehearsal.sound import RATE, decode

SLOT_MS = 60
"""One character: speech has about as many."""
LOWEST_HZ, STEP_HZ = 400, 20
AMPLITUDE = 11600
"""-9 dB of full scale."""
APART_MS = 150
"""Two characters with so much between them belong to two stretches."""
UNKNOWN = "\N{REPLACEMENT CHARACTER}"

_FIRST, _COUNT = 32, 95
_SLOT = SLOT_MS * BYTES_PER_MS
_PERIOD = RATE // STEP_HZ
"""Samples that are whole waves of every character: a Fourier transform of so many tells them apart."""
_LINE = LOWEST_HZ // STEP_HZ
"""The lowest one's place in it."""
_QUIET = 200
"""Below this nothing is spelled: some 35 dB under the tones."""
_PAUSE = 5 * BYTES_PER_MS
"""Silence of so many samples is one, and no tone's crossing of zero."""
_CLEAR = 0.7
"""Of a slot's power, what the best character has at least; a neighbour's would have 0.02."""
SAME_MS = 1.01 / BYTES_PER_MS
"""A sample: they are what is played, whenever it is cut."""
_ENOUGH = 0.6
"""Of a slot, for its character to count as heard."""
_LOOKED = 8
"""Characters by which it is seen where one begins."""

Samples = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Words:
    """A stretch of speech as it was heard."""

    text: str
    start_ms: float
    end_ms: float
    spelled: bool = True
    """It was speech of this kind: otherwise `text` is empty, for nobody can read it."""


def samples(text: str, rate: int) -> int:
    """Length of a text's sound."""
    return len(text) * SLOT_MS * rate // 1000


def spelled(text: str, rate: int, start: int = 0, stop: int | None = None) -> bytes:
    """A text's sound, s16le, or a part of it counted in samples. Its phase has no jumps."""
    slots, phase = [], 0
    for character in text:
        hertz = LOWEST_HZ + STEP_HZ * _index(character)
        slots.append(_tone(rate, hertz, phase))
        phase = (phase + hertz * (SLOT_MS * rate // 1000)) % rate
    sound = b"".join(slots)
    return sound[2 * start : None if stop is None else 2 * stop]


@lru_cache(maxsize=1024)
def _tone(rate: int, hertz: int, phase: int) -> bytes:
    """A slot of it. Phases, in parts of a turn of `rate`, are few: a slot ends at a fifth of a turn."""
    at = np.arange(SLOT_MS * rate // 1000)
    wave: Samples = np.rint(AMPLITUDE * np.sin(2 * np.pi / rate * ((phase + hertz * at) % rate)))
    return wave.astype("<i2").tobytes()


def read(played: list[Played], cuts: Iterable[float] = ()) -> list[Words]:
    """What a listener to these pieces, in their order, can read: a stretch between two silences each. `cuts` are the
    times at which what was still to be played was dropped: there a character breaks off."""
    parts: list[list[Played]] = [[]]
    waiting = deque(sorted(cuts))
    for piece in played:
        while waiting and piece.at_ms >= waiting[0] - SAME_MS:
            waiting.popleft()
            parts.append([])
        parts[-1].append(piece)
    return [words for part in parts if part for words in _read(part)]


def _read(played: list[Played]) -> list[Words]:
    sound = decode(b"".join(piece.mulaw for piece in played)).astype(np.float64)
    ends = np.cumsum([len(piece.mulaw) for piece in played])
    starts = np.array([piece.at_ms for piece in played])
    begins = np.concatenate(([0], ends[:-1]))
    late = starts[1:] - (starts[:-1] + (ends - begins)[:-1] / BYTES_PER_MS)
    line = _Line(sound, starts, begins, ends, begins[1:][late > APART_MS])
    return [words for start, end in _stretches(sound) for words in line.words(start, end)]


class _Line:
    """What was played, without the silences, and when each sample of it left the loudspeaker."""

    def __init__(self, sound: Samples, starts: Samples, begins: Counts, ends: Counts, gaps: Counts) -> None:
        """`gaps` are the samples before which nothing was played for long."""
        self._sound, self._starts, self._begins, self._ends, self._gaps = sound, starts, begins, ends, gaps

    def words(self, start: int, end: int) -> list[Words]:
        """Of a stretch without a silence in it; parted where nothing was played for long."""
        made, text, unclear, since, at = [], "", 0, start, start + self._whole(start, end)
        while at < end:
            until = min(at + _SLOT, end)
            gap = self._gap(at, until)
            character, clear = _character(self._sound[at:until])
            if gap == at > since or (gap is not None and gap > at and not clear):
                # A character that goes on behind the gap is one; a new sentence begins with a new one.
                made.append(self._told(text, unclear, since, gap))
                text, unclear, since, at = "", 0, gap, gap
                continue
            if until - at >= _ENOUGH * _SLOT:
                text += character
                unclear += not clear
            at = until
        return [*made, self._told(text, unclear, since, end)]

    def _whole(self, start: int, end: int) -> int:
        """Where in a stretch its first whole character begins: speech may go on in the middle of one."""
        end = min(end, start + _LOOKED * _SLOT)

        def unclear(shift: int) -> int:
            slots = range(start + shift, end - _SLOT + 1, _SLOT)
            return sum(not _character(self._sound[at : at + _SLOT])[1] for at in slots)

        if unclear(0) <= _LOOKED // 4:
            return 0
        return min(range(0, _SLOT, _SLOT // 6), key=unclear)

    def _gap(self, start: int, end: int) -> int | None:
        n = int(np.searchsorted(self._gaps, start))
        return int(self._gaps[n]) if n < len(self._gaps) and self._gaps[n] < end else None

    def _told(self, text: str, unclear: int, start: int, end: int) -> Words:
        known = unclear <= len(text) / 4
        return Words(text if known else "", self._time(start), self._time(end - 1), spelled=known)

    def _time(self, sample: int) -> float:
        n = min(int(np.searchsorted(self._ends, sample, side="right")), len(self._ends) - 1)
        return float(self._starts[n]) + (sample - int(self._begins[n])) / BYTES_PER_MS


def _character(slot: Samples) -> tuple[str, bool]:
    once, more = slot[:_PERIOD].copy(), slot[_PERIOD:]
    once[: len(more)] += more  # for these tones a sample is as good as the one a period before
    waves = np.fft.rfft(once, _PERIOD)[_LINE : _LINE + _COUNT + 1]
    power = waves.real**2 + waves.imag**2
    best = int(power.argmax())
    clear = power[best] * 2 / len(slot) >= _CLEAR * float(slot @ slot)
    return (UNKNOWN if not clear or best == _COUNT else chr(_FIRST + best)), bool(clear)


def _stretches(sound: Samples) -> list[tuple[int, int]]:
    loud = np.flatnonzero(np.abs(sound) >= _QUIET)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > _PAUSE)
    firsts = [int(loud[0]), *(int(loud[n + 1]) for n in breaks)]
    lasts = [*(int(loud[n]) for n in breaks), int(loud[-1])]
    return [(first, last + 1) for first, last in zip(firsts, lasts, strict=True)]


def _index(character: str) -> int:
    place = ord(character) - _FIRST
    return place if 0 <= place < _COUNT else _COUNT
