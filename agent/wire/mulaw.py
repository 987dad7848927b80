"""G.711 mu-law bytes to linear 16-bit samples and back, by table: one byte a sample, no state, any length.

The encoder is the 14-bit form of Sun's g711.c, which CPython's `audioop` carried until 3.12 (bias 33, clip 8159, an
arithmetic shift by two first). Encoders in the field differ by one code for some negative samples; all decode alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SILENCE = b"\xff"
"""One sample of silence (+0). A zero byte is full-scale negative: padding with it is a loud click."""


def _decoding_table() -> NDArray[np.int16]:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    return np.where(code & 0x80, 0x84 - magnitude, magnitude - 0x84).astype(np.int16)


def _encoding_table() -> NDArray[np.uint8]:
    """Indexed by the sample seen as unsigned: 0..32767, then -32768..-1."""
    sample = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32) >> 2
    magnitude = np.minimum(np.abs(sample) + 33, 0x1FFF)  # 8159 + 33 would need a ninth segment
    segment = np.searchsorted([0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF, 0x1FFF], magnitude)
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0F)
    table: NDArray[np.uint8] = np.where(sample < 0, code ^ 0x7F, code ^ 0xFF).astype(np.uint8)
    return table


_PCM = _decoding_table()
_FLOAT = (_PCM / 32768).astype(np.float32)
_CODE = _encoding_table()


def decode(mulaw: bytes) -> NDArray[np.int16]:
    """The samples, -32124..32124."""
    return _PCM.take(np.frombuffer(mulaw, np.uint8))


def decode_float(mulaw: bytes) -> NDArray[np.float32]:
    """The samples as models want them, -1..1."""
    return _FLOAT.take(np.frombuffer(mulaw, np.uint8))


def encode(pcm: NDArray[np.int16]) -> bytes:
    """One byte a sample. Samples beyond 32635 are clipped, as the code demands."""
    return _CODE.take(pcm.view(np.uint16)).tobytes()
