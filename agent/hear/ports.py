"""What hearing needs from outside: a voice-activity model and a recogniser."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.model import Utterance

HEARING_RATE = 0.2
"""Seconds more that a recogniser gets for each second of sound."""


class VoiceActivity(Protocol):
    """One call's voice-activity detector. Synchronous: it runs on the loop, some 0.1 ms a window."""

    def __call__(self, window: NDArray[np.float32]) -> float:
        """Probability of speech, 0 to 1, in the next 256 samples (32 ms at 8 kHz) of floats in -1..1."""
        ...


class Recogniser(Protocol):
    """Speech to text, one utterance at a time."""

    @property
    def name(self) -> str: ...

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        """`language` is what the call is held in, such as "hi-IN"; "" leaves it to the model.

        The words of the utterance; "" where it holds none, without a request for audio that is empty or under
        100 ms, and for what models make up on silence ("You", "Thank you.").

        Raises ProviderError. Cancellation stops the request, or leaves a bounded computation to finish unheard.
        """
        ...
