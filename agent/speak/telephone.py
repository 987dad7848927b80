"""A voice's PCM in, as it streams; the telephone's mu-law out, as early as it can be known."""

from __future__ import annotations

import numpy as np

from agent.wire import mulaw
from agent.wire.resample import Decimator


class Telephone:
    """One piece of speech on its way to the line: filter memory and half-received samples live here."""

    def __init__(self, rate: int) -> None:
        """`rate` of the PCM: 24000, 16000 or 8000 samples a second; ValueError for anything else."""
        self._decimator = Decimator(rate)
        self._odd = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take signed 16-bit little-endian mono PCM, cut anywhere, also inside a sample."""
        pcm = self._odd + chunk
        whole = len(pcm) & ~1
        self._odd = pcm[whole:]
        return mulaw.encode(self._decimator.feed(np.frombuffer(pcm[:whole], "<i2")))

    def finish(self) -> bytes:
        """The last 2 ms. Half a sample left over is dropped. The next `feed` begins a new piece."""
        self._odd = b""
        return mulaw.encode(self._decimator.finish())
