"""What speaking needs from outside: a voice."""

from __future__ import annotations

from typing import Protocol

from agent.model import Emit


class Voice(Protocol):
    """Text to sound, streamed where the engine can."""

    @property
    def name(self) -> str:
        """Provider, model and voice, as they go into the cache key and the record."""
        ...

    @property
    def rate(self) -> int:
        """Samples per second of what it emits: 24000, 16000 or 8000."""
        ...

    async def synthesise(self, text: str, emit: Emit[bytes], *, voice: str = "", language: str = "") -> bool | None:
        """Emit the speech as signed 16-bit little-endian mono PCM, in chunks of any length (also odd ones).

        `voice` and `language` ("hi-IN") are this call's; "" is the provider's own. The text is already speakable (no
        markup). Empty text emits nothing and asks nobody.
        Returns False where another voice took part: such speech is not to be kept for the next time.
        Raises ProviderError, also after some chunks. Cancellation closes the request at once, or leaves a bounded
        computation to finish unheard.
        """
        ...
