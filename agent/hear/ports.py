"""What hearing needs from outside: a voice-activity model and a recogniser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from agent.model import Utterance

HEARING_RATE = 0.2
"""Seconds more that a recogniser gets for each second of sound."""


class VoiceActivity(Protocol):
    """One call's voice-activity detector: windows of 256 bytes of mu-law (32 ms), in order. Synchronous: it runs on the
    loop, for half a millisecond at most."""

    def ahead(self, window: bytes, known: Callable[[], None]) -> None:
        """This window will be asked about, behind those that were told before, or forgotten: until then it may be
        computed together with those of other calls. `known` is called when it was so; not a checkpoint, either."""
        ...

    def __call__(self, window: bytes) -> float:
        """Probability of speech, 0 to 1, in the next window: the very object that was told ahead, or one that was not.
        Windows told before it are forgotten."""
        ...

    def leave(self) -> None:
        """What was told ahead will not be asked about."""
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
