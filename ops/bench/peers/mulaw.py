"""G.711 mu-law for peers that have none of their own: whole pieces by tables, which costs next to nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CODES = ~np.arange(256, dtype=np.uint8)
_LEVELS = ((((_CODES & 15).astype(np.int32) << 3) + 132) << (_CODES >> 4 & 7)) - 132
_DECODE = np.where(_CODES & 128, -_LEVELS, _LEVELS).astype(np.int16)
_SORTED = np.argsort(_DECODE, kind="stable")
_EDGES = (_DECODE[_SORTED][1:].astype(np.int32) + _DECODE[_SORTED][:-1]) // 2
_ENCODE = _SORTED[np.searchsorted(_EDGES, np.arange(-32768, 32768))].astype(np.uint8)


def decoded(mulaw: bytes) -> NDArray[np.int16]:
    """Samples of 16 bits."""
    return _DECODE[np.frombuffer(mulaw, np.uint8)]


def encoded(pcm: NDArray[np.int16]) -> bytes:
    """The nearest code of each sample."""
    return _ENCODE[pcm.astype(np.int32) + 32768].tobytes()
