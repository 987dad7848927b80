"""The way back from the caller's loudspeaker, or a telephone line's hybrid, to the caller's frames: what was played in,
the caller's sound with its echo out. No I/O; the same echo gives the same bytes.

The path is linear and does not change within a call: a delay, a telephone's band (300 to 3400 Hz), and where there is a
room its reverberation, noise that decays exponentially and carries as much power as the direct sound. The agent's
sound has been coded once when it comes here, and its echo is coded again, as on a line.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from agent.model import BYTES_PER_MS
from agent.rehearsal.sound import RATE, Floats, decode, encode

BAND_HZ = (300.0, 3400.0)
BAND_TAPS = 129
INAUDIBLE = 2e-5
"""Below half a step of the codec."""


@dataclass(frozen=True, slots=True)
class Echo:
    """How the agent's voice comes back to it."""

    delay_ms: float
    """From the caller's loudspeaker to the caller's frames."""
    attenuation_db: float
    """By how much softer."""
    room_ms: float = 0.0
    """Until the reverberation is 60 dB down; 0: no room."""
    noise_db: float | None = None
    """Of the line, relative to full scale (dBFS), all the time. None: a clean line."""
    band: bool = True
    """Whether the path is no better than a telephone."""


class EchoPath:
    """One call's."""

    def __init__(self, echo: Echo, seed: int = 0) -> None:
        self._dice = np.random.default_rng(seed)
        self._response = _response(echo, self._dice)
        lead = BAND_TAPS // 2 if echo.band else 0
        self._delay = max(0, round(echo.delay_ms * BYTES_PER_MS) - lead)
        self._noise = 0.0 if echo.noise_db is None else 10 ** (echo.noise_db / 20)
        self._played: deque[tuple[int, Floats]] = deque()

    def played(self, mulaw: bytes, at_ms: float) -> None:
        """This left the loudspeaker, behind all that was told before."""
        self._played.append((round(at_ms * BYTES_PER_MS), decode(mulaw) / 32768))

    def over(self, sound: bytes, at_ms: float) -> bytes:
        """The caller's frame that begins at `at_ms`, with the echo in it; frames come in order."""
        start = round(at_ms * BYTES_PER_MS) - self._delay
        heard = np.convolve(self._line(start - len(self._response) + 1, start + len(sound)), self._response, "valid")
        if self._noise:
            heard = heard + self._dice.normal(0, self._noise, len(heard))
        if not len(sound) or np.abs(heard).max() < INAUDIBLE:
            return sound
        return encode(decode(sound) / 32768 + heard)

    def _line(self, start: int, stop: int) -> Floats:
        """What was played in these samples."""
        while self._played and self._played[0][0] + len(self._played[0][1]) <= start:
            self._played.popleft()
        line = np.zeros(stop - start)
        for at, sound in self._played:
            first, last = max(at, start), min(at + len(sound), stop)
            if first < last:
                line[first - start : last - start] = sound[first - at : last - at]
        return line


def _response(echo: Echo, dice: np.random.Generator) -> Floats:
    response = np.ones(1)
    if echo.room_ms:
        length = round(echo.room_ms * BYTES_PER_MS)
        tail = dice.normal(size=length) * 10 ** (-3 * np.arange(length) / length)
        response = np.concatenate((response, tail / np.sqrt(np.sum(tail**2))))
    if echo.band:
        response = np.convolve(response, _band())
    loudness = np.sqrt(np.sum(response**2) / (np.sum(_band() ** 2) if echo.band else 1.0))
    made: Floats = response / loudness * 10 ** (-echo.attenuation_db / 20)
    return made


def _band() -> Floats:
    at = np.arange(BAND_TAPS) - BAND_TAPS // 2
    low, high = (2 * hz / RATE * np.sinc(2 * hz / RATE * at) for hz in BAND_HZ)
    made: Floats = (high - low) * np.hamming(BAND_TAPS)
    return made
