"""What we said, by the clock: the sound that was sent in, any stretch of it out. Kept for some seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agent.model import BYTES_PER_MS
from agent.wire import mulaw

Floats = NDArray[np.float32]

KEPT = 3000 * BYTES_PER_MS
"""Samples behind the newest one; twice as many before the old ones go."""
ROUNDING = 2
"""Samples by which two messages may seem to overlap or to gape, for the rounding of their times."""


class OwnVoice:
    """One call's. Times here are samples of the call's clock."""

    def __init__(self) -> None:
        self._sound = bytearray()
        self._begins = 0

    def add(self, sound: bytes, at: int) -> None:
        """Mu-law that plays from `at`. Where sound was to play there already, this takes its place."""
        gap = at - self._begins - len(self._sound)
        if not self._sound or gap > KEPT:
            self._sound.clear()
            self._begins = at
        elif gap > ROUNDING:
            self._sound += mulaw.SILENCE * gap
        elif gap < -ROUNDING:
            self.cut(at)
        self._sound += sound
        if len(self._sound) > 2 * KEPT:
            old = len(self._sound) - KEPT
            del self._sound[:old]
            self._begins += old

    def cut(self, at: int) -> None:
        """What was to play from `at` on will not."""
        del self._sound[max(0, at - self._begins) :]

    def steps(self, start: int, stop: int) -> Floats:
        """Each sample from `start` up to `stop` less the one before it; zeros where nothing is known."""
        samples = np.zeros(stop - start + 1, np.float32)
        first, last = max(start - 1 - self._begins, 0), stop - self._begins
        if last > 0 and first < len(self._sound):
            known = mulaw.decode_float(bytes(self._sound[first:last]))
            at = first + self._begins - start + 1
            samples[at : at + len(known)] = known
        return np.diff(samples)
