"""A call as a stereo WAV file: caller left, agent right, 8 kHz, 16 bits, both on the same time line."""

from __future__ import annotations

import io
import wave

import numpy as np

from agent.rehearsal.log import CallLog
from agent.rehearsal.sound import RATE, decode


def stereo(log: CallLog) -> bytes:
    """The file's contents."""
    samples = np.column_stack([decode(side) for side in log.both]).astype("<i2")
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return made.getvalue()
