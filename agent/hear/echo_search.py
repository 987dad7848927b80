"""Where in our own sound is what we hear? One cross-correlation over all delays, looked at in two ways.

Once with every frequency brought nearer to the same strength, which makes the peak of an echo narrow and keeps it above
the ripple that two voices make (the generalised correlation of Knapp and Carter, 1976, half way to its phase
transform); and once as it is, normalised, which needs less sound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agent.hear.own_voice import Floats

SIZE = 5120
"""Of the transform, in samples: it must hold all that is searched. Five times a power of two is quickly transformed."""
FAINT = 0.01
"""Frequencies fainter than this against the average are not brought up further."""


@dataclass(frozen=True, slots=True)
class Found:
    """The best place of each way, in samples from the beginning of what was searched."""

    at: int
    height: float
    """Of the peak, in root mean squares of the whole correlation. Other voices reach 9 to 10, in rare windows 11."""
    like_at: int
    likeness: float
    """Normalised correlation there, 0 to 1. Other voices reach 0.45, in rare windows 0.57."""


def search(heard: Floats, ours: Floats) -> Found:
    """Look for `heard` in `ours`, both as differences from sample to sample."""
    places = len(ours) - len(heard) + 1
    there, here = np.fft.rfft(ours, SIZE), np.conj(np.fft.rfft(heard, SIZE))
    both = there * here
    plain = np.abs(np.fft.irfft(both, SIZE)[:places])
    sums = np.zeros(len(ours) + 1)
    np.cumsum(np.square(ours, dtype=np.float64), out=sums[1:])
    energy = np.maximum(sums[len(heard) :] - sums[: -len(heard)], 1e-6 * len(heard))
    likeness = plain / np.sqrt(energy * max(float(heard @ heard), 1e-9))
    both /= np.sqrt(_loudness(there) * _loudness(here))
    sharp = np.abs(np.fft.irfft(both, SIZE)[:places])
    at, like_at = int(sharp.argmax()), int(likeness.argmax())
    rms = float(np.sqrt(sharp @ sharp / places)) + 1e-12
    return Found(at, float(sharp[at]) / rms, like_at, float(likeness[like_at]))


def _loudness(spectrum: np.ndarray) -> np.ndarray:
    loudness = np.abs(spectrum)
    return np.asarray(loudness + (FAINT * np.sqrt(loudness @ loudness / len(loudness)) + 1e-9))
