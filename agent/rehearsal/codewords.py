"""Callers whose words can be counted: real speech that carries a code beside its sound. Numbers in, sound out; what a
recogniser was given in, words out.

A word lasts 240 ms. Beside the speech, which is kept below 2.4 kHz and is what a detector of speech goes by, stand two
tones of sixteen each, from 2.6 kHz on: 256 words. So a `scripted` recogniser knows to a quarter of a second what it was
given, and a record tells what of the caller reached the server.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agent.rehearsal.sound import RATE, decode, encode

WORD_MS = 240
WORDS = 256

_WORD = WORD_MS * RATE // 1000
_WINDOW = 80 * RATE // 1000
"""25 Hz apart, tones are orthogonal over 80 ms."""
_HOP = 20 * RATE // 1000
_FIRST_HZ, _SECOND_HZ, _STEP_HZ = 2600, 3000, 25
_SPEECH_HZ = 2400.0
_SPEECH, _TONE = 0.5, 0.03
"""Of full scale: the loudest of the speech, and each tone."""
_CLEAR = 0.35
"""Of what a window has above the speech, what each of the two tones has at least."""
_FAINT = 30.0
"""Below this magnitude a tone is not one of ours: 34 dB under full scale's."""
_STEADY = 3
"""Windows in a row that agree: then the word was heard for 120 ms at least."""

_CONSONANTS = "bdfghklmnprstvwz"

Floats = NDArray[np.float64]


def word(number: int) -> str:
    """The word of this number: four letters, of no language."""
    return f"{_CONSONANTS[number % WORDS // 16]}a{_CONSONANTS[number % 16]}o"


def line(speech: bytes, numbers: list[int]) -> bytes:
    """Mu-law that sounds like this speech (mu-law, repeated as long as it takes) and carries these words."""
    length = len(numbers) * _WORD
    samples = _low(speech)
    voice = np.tile(samples, -(-length // max(1, len(samples))))[:length]
    voice = voice * (_SPEECH / max(1e-6, float(np.abs(voice).max())))
    time = np.arange(_WORD) / RATE
    tones = [
        np.sin(2 * np.pi * (_FIRST_HZ + _STEP_HZ * (number % WORDS // 16)) * time)
        + np.sin(2 * np.pi * (_SECOND_HZ + _STEP_HZ * (number % 16)) * time)
        for number in numbers
    ]
    return encode(voice + _TONE * np.concatenate(tones))


def numbers(mulaw: bytes) -> list[int]:
    """The words that can be heard in this sound, in order; none where it is none of ours."""
    if len(mulaw) < _WINDOW + (_STEADY - 1) * _HOP:
        return []
    sound = decode(mulaw).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::_HOP]
    waves = windows @ _BANK
    power = waves[:, :32] ** 2 + waves[:, 32:] ** 2
    least = np.maximum(_CLEAR * power.sum(axis=1), _FAINT**2)
    first, second = power[:, :16], power[:, 16:]
    clear = np.minimum(first.max(axis=1), second.max(axis=1)) >= least
    read = np.where(clear, first.argmax(axis=1) * 16 + second.argmax(axis=1), -1)
    heard: list[int] = []
    same, times = -1, 0
    for number in read.tolist():
        same, times = (number, times + 1) if number == same else (number, 1)
        if number >= 0 and times == _STEADY and (not heard or heard[-1] != number):
            heard.append(number)
    return heard


def words(mulaw: bytes) -> str:
    """The same as text; "" where there are none."""
    return " ".join(word(number) for number in numbers(mulaw))


@lru_cache(maxsize=4)
def _low(speech: bytes) -> Floats:
    """What of it is below the tones."""
    samples = decode(speech).astype(np.float64) / 32768
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE) > _SPEECH_HZ] = 0
    made: Floats = np.fft.irfft(spectrum, len(samples))
    return made


def _bank() -> NDArray[np.float32]:
    """Cosines of all tones, then their sines, such that what comes of a window is a tone's amplitude."""
    steps = _STEP_HZ * np.arange(16)
    hertz = np.concatenate((_FIRST_HZ + steps, _SECOND_HZ + steps))
    turned = np.outer(np.arange(_WINDOW), hertz) * (2 * np.pi / RATE)
    return (np.hstack((np.cos(turned), np.sin(turned))) * (2 / _WINDOW)).astype(np.float32)


_BANK = _bank()
