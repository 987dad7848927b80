"""The way by which our voice comes back on this line, learned while it does: what is sent in, what will be heard out.

A filter of 12 ms around one delay, fitted by least squares to the last half second in which an echo was heard, so that
it follows a clock that drifts. What such a filter leaves over (reverberation, coding) is in a usual proportion to what
we said; somebody who speaks at the same time leaves more.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from agent.hear.own_voice import Floats, OwnVoice

WINDOW = 256
TAPS, BEFORE = 96, 24
"""Of the filter, and those of them before the delay it was made for: a telephone's band rings on both sides."""
MEMORY = 0.93
"""Of what was learned, kept from one window of 32 ms to the next."""
RIDGE = 2e-4
"""Of the mean energy, added to each tap's: keeps frequencies that we did not use from being made up."""
TRUSTED = 6
"""Windows that a path must have foretold before it is believed about the others."""
USUAL, ROOM = 0.8, 1.8
"""What is left over is an echo's up to this quantile of the last times, times this."""
REVERBERATION = np.array([0.005, 0.01, 0.03, 0.08, 0.2, 0.5, 1.0], np.float32)
"""What we said in the last seven windows counts so much for what is heard now: a hall's decay, for any room."""


class EchoPath:
    """One way back. Samples here are differences from one to the next, as `OwnVoice.steps` gives them."""

    def __init__(self, delay: int) -> None:
        self.delay = delay
        """In samples."""
        self.proofs = 0
        self._proven_at: int | None = None
        self._products = np.zeros((TAPS, TAPS))
        self._matches = np.zeros(TAPS)
        self._filter = np.zeros(TAPS, np.float32)
        self._left: deque[float] = deque(maxlen=32)
        self._levels: deque[float] = deque(maxlen=16)

    @property
    def trusted(self) -> bool:
        return len(self._left) >= TRUSTED

    def holds(self, delay: int) -> bool:
        """Whether the filter reaches over this delay."""
        return -BEFORE // 2 <= delay - self.delay < TAPS - 2 * BEFORE

    def proven(self, end: int, apart: int) -> None:
        """It was recognised in what ended at `end`; counts once in `apart` samples, which is what was compared."""
        if self._proven_at is None or end - self._proven_at >= apart:
            self.proofs += 1
            self._proven_at = end

    def rows(self, ours: OwnVoice, end: int, delay: int | None = None) -> Floats:
        """What of ours may be in each sample of the window that ends at `end`, perhaps at another delay."""
        return taps(ours, end, self.delay if delay is None else delay, WINDOW)

    def left(self, heard: Floats, rows: Floats) -> float:
        """The mean energy of a window that the path does not foretell."""
        rest = heard - rows @ self._filter
        return float(rest @ rest) / WINDOW

    def learn(self, heard: Floats, rows: Floats) -> None:
        """This window is our echo."""
        self._products *= MEMORY
        self._products += rows.T @ rows
        self._matches = self._matches * MEMORY + heard @ rows
        self._filter = _solved(self._products, self._matches)

    def foretold(self, left: float, said: float) -> None:
        """It told a window from `said` (see `said`), but for `left`."""
        self._left.append(left / (said + 1e-12))

    def sounded(self, loudness: float, said: float) -> None:
        """A proven echo of what was said was so loud."""
        self._levels.append(loudness / (said + 1e-12))

    def limit(self, said: float) -> float:
        """What an echo alone leaves over at most; while the path is not trusted, how loud it is as a whole."""
        if self.trusted:
            return sorted(self._left)[int(len(self._left) * USUAL)] * ROOM * said
        return sorted(self._levels)[len(self._levels) // 2] * said

    def said(self, ours: OwnVoice, end: int) -> float:
        """The mean energy that may be heard of us in the window that ends at `end`, before attenuation."""
        window = ours.steps(end - self.delay - WINDOW * len(REVERBERATION), end - self.delay)
        return float((window.reshape(-1, WINDOW) ** 2).mean(axis=1) @ REVERBERATION)


def taps(ours: OwnVoice, end: int, delay: int, length: int) -> Floats:
    """For each of the `length` samples that end at `end`, the TAPS samples of ours that may be in it."""
    last = end - delay + BEFORE
    steps = ours.steps(last - length - TAPS + 1, last)
    # A copy: products of overlapping rows are twice as slow.
    return np.lib.stride_tricks.as_strided(steps, (length, TAPS), steps.strides * 2, writeable=False).copy()


def unexplained(heard: Floats, ours: OwnVoice, end: int, delay: int) -> float:
    """The mean energy in the newest window that the best filter for all of `heard` at this delay does not explain."""
    rows = taps(ours, end, delay, len(heard))
    fitted = rows[-WINDOW:] @ _solved(rows.T @ rows, rows.T @ heard)
    return float(np.mean((heard[-WINDOW:] - fitted) ** 2))


def _solved(products: NDArray[np.floating], matches: NDArray[np.floating]) -> Floats:
    ridged = products.astype(np.float64)
    ridged.flat[:: TAPS + 1] += RIDGE * float(np.trace(ridged)) / TAPS + 1e-9
    return np.linalg.solve(ridged, matches).astype(np.float32)
