"""16 kHz sound in, the log-mel picture that Whisper reads out: 80 bands, one column every 10 ms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 16000
FFT = 400
HOP = 160
BANDS = 80


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slaney's scale: linear to 1 kHz (mel 15), logarithmic above."""
    high: NDArray[np.float64] = 1000 * np.exp((mel - 15) * (np.log(6.4) / 27))
    return np.where(mel < 15, mel * (200 / 3), high)


def _filters() -> NDArray[np.float32]:
    """Triangles of equal area, 0 to 8 kHz; shape (BANDS, FFT // 2 + 1)."""
    top = 15 + 27 * np.log(8) / np.log(6.4)
    edges = _hertz(np.linspace(0, top, BANDS + 2))[:, np.newaxis]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    at = np.fft.rfftfreq(FFT, 1 / RATE)
    triangles = np.maximum(0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))
    return (triangles * 2 / (high - low)).astype(np.float32)


_FILTERS = _filters()
_WINDOW = np.hanning(FFT + 1)[:-1].astype(np.float32)


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shape (BANDS, samples / HOP), about -1..1; the loudest 80 dB, as Whisper was trained on.

    `samples`: a multiple of HOP, at least FFT of them.
    """
    padded = np.pad(samples, FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP][: len(samples) // HOP]
    power = np.abs(np.fft.rfft(frames * _WINDOW, axis=1)).astype(np.float32) ** 2
    # Not `@`: BLAS would wake a thread per core for it, and these spin on long after.
    bands = np.einsum("bf,tf->bt", _FILTERS, power)
    level = np.log10(np.maximum(bands, 1e-10))
    scaled: NDArray[np.float32] = ((np.maximum(level, level.max() - 8) + 4) / 4).astype(np.float32)
    return scaled
