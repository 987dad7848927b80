"""Sound for the rehearsal: 16-bit PCM or a WAV file in, mu-law at 8 kHz out, and what of it a person would hear.

Its own G.711 and its own resampler, on purpose: a rehearsal that shared the server's could not hear their faults.
Whole lines are converted at once, before a call, so nothing here has to stream or be quick.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 8000
SILENCE = 0xFF
BLOCK = 80
"""Bytes (10 ms) over which loudness is judged."""
AUDIBLE = 64
"""Mean sample magnitude of a block that counts as heard: -54 dB of full scale, above a codec's idle noise."""

Floats = NDArray[np.float64]


def _decoding() -> NDArray[np.int16]:
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


_DECODED = _decoding()
_MAGNITUDE = np.abs(_DECODED.astype(np.int32))


def decode(mulaw: bytes) -> NDArray[np.int16]:
    """Samples of mu-law bytes, -32124..32124."""
    return _DECODED[np.frombuffer(mulaw, np.uint8)]


def encode(samples: Floats) -> bytes:
    """Mu-law of samples given as floats in -1..1; louder ones are clipped."""
    scaled = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int32)
    magnitude = np.minimum(np.abs(scaled), 32635) + 0x84
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(scaled < 0, 0x80, 0)
    return bytes((~(sign | exponent << 4 | mantissa) & 0xFF).astype(np.uint8))


def resample(samples: Floats, rate: float, to: float = RATE) -> Floats:
    """The same sound at another rate: a windowed sinc of 16 zero crossings a side, so nothing folds back."""
    if rate == to or not len(samples):
        return samples
    cutoff = min(1.0, to / rate) * 0.94
    reach = int(np.ceil(16 / cutoff))
    padded = np.pad(samples, reach)
    made = []
    for start in range(0, int(len(samples) * to / rate), 4096):
        at = np.arange(start, min(start + 4096, int(len(samples) * to / rate))) * rate / to
        nearest = np.floor(at).astype(np.int64)
        taps = nearest[:, None] + np.arange(-reach + 1, reach + 1)
        distance = taps - at[:, None]
        window = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance / reach, -1, 1))
        made.append(np.sum(padded[taps + reach] * np.sinc(distance * cutoff) * cutoff * window, axis=1))
    return np.concatenate(made) if made else samples[:0]


def from_pcm(pcm: bytes, rate: float) -> bytes:
    """Mu-law at 8 kHz of signed 16-bit little-endian mono PCM at `rate` samples a second.

    A rate lower than the true one gives a slower and deeper voice.
    """
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float64) / 32768
    return encode(resample(samples, rate))


def from_wav(data: bytes) -> bytes:
    """Mu-law at 8 kHz of a WAV file: PCM of 8, 16, 24 or 32 bits, any rate, channels mixed. Raises ValueError."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8)
    except (wave.Error, EOFError) as error:
        raise ValueError(f"not a WAV file with uncompressed PCM ({error or 'it ends too early'})") from error
    raw = raw[: len(raw) // (width * channels) * width * channels].reshape(-1, width)
    if not len(raw):
        raise ValueError("it holds no sound")
    if width == 1:
        samples = (raw[:, 0].astype(np.float64) - 128) / 128
    else:
        wide = np.zeros((len(raw), 4), np.uint8)
        wide[:, 4 - width :] = raw
        samples = wide.view("<i4")[:, 0].astype(np.float64) / 2**31
    return encode(resample(samples.reshape(-1, channels).mean(axis=1), rate))


def tone(duration_ms: float, frequency: float = 440.0) -> bytes:
    """A pure tone at half of full scale: a voice for tests that need no words."""
    return encode(0.5 * np.sin(2 * np.pi * frequency / RATE * (np.arange(int(duration_ms * 8)) + 0.5)))


def is_audible(mulaw: bytes) -> bool:
    """Whether a person would hear this piece (20 ms or so) at all."""
    return bool(mulaw) and float(_MAGNITUDE[np.frombuffer(mulaw, np.uint8)].mean()) >= AUDIBLE


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of sound on the call's time line, in milliseconds."""

    start_ms: float
    end_ms: float


def spans(mulaw: bytes, start_ms: float, join_ms: float) -> list[Span]:
    """Where something is heard in this sound, to 10 ms; silences shorter than `join_ms` do not part it."""
    return list(_joined(_blocks(mulaw, start_ms), join_ms))


def _blocks(mulaw: bytes, start_ms: float) -> Iterator[Span]:
    levels = _MAGNITUDE[np.frombuffer(mulaw, np.uint8)]
    whole = levels[: len(levels) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=1)
    for block in np.flatnonzero(whole >= AUDIBLE):
        yield Span(start_ms + float(block) * 10, start_ms + float(block) * 10 + 10)


def _joined(pieces: Iterator[Span], join_ms: float) -> Iterator[Span]:
    current: Span | None = None
    for piece in pieces:
        if current is None:
            current = piece
        elif piece.start_ms - current.end_ms < join_ms:
            current = Span(current.start_ms, piece.end_ms)
        else:
            yield current
            current = piece
    if current is not None:
        yield current
