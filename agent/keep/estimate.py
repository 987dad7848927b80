"""What a request uses that the server does not tell: sizes in, amounts out. Each rule errs on the dear side until
servers have told better. Pure but for what it learns.
"""

from __future__ import annotations

import math

BYTES_A_TOKEN = 3.0
"""Of UTF-8: English has four and more, Hindi about three."""

SPEECH_TOKENS_A_SECOND = 1250 / 60
"""Of sound made: what OpenAI's estimate of $0.015 a minute of gpt-4o-mini-tts comes to at $12 per million tokens."""

SPEECH_S_A_CHARACTER = 0.07
"""Of text spoken: ten percent slower than voices speak English."""

ENOUGH = 2000
"""Units told of, after which older ones count for less: a model may change behind its name."""


class Rate:
    """How much of one thing comes of another, as a server has told."""

    def __init__(self, before: float) -> None:
        """`before`: as long as nothing has been told."""
        self._before = before
        self._of, self._made = 0.0, 0.0

    def learn(self, of: float, made: float) -> None:
        """So much has come of that. Not a checkpoint."""
        if of <= 0 or made <= 0:
            return
        self._of, self._made = self._of + of, self._made + made
        if self._of > 10 * ENOUGH:
            self._of, self._made = self._of / 2, self._made / 2

    def guess(self, of: float) -> float:
        """What will come of this."""
        return of * (self._made / self._of if self._of else self._before)


class TokenRates:
    """One model's: tokens of a prompt and of a reply, by their bytes."""

    def __init__(self) -> None:
        self._given, self._made = Rate(1 / BYTES_A_TOKEN), Rate(1 / BYTES_A_TOKEN)

    def learn(self, given: int, made: int, told: dict[str, int]) -> None:
        """The server has told what a request used."""
        self._given.learn(given, told.get("tokens_in", 0))
        self._made.learn(made, told.get("tokens_out", 0))

    def guess(self, given: int, made: int) -> dict[str, int]:
        """What one has used, by the bytes that were sent and received."""
        return {"tokens_in": math.ceil(self._given.guess(given)), "tokens_out": math.ceil(self._made.guess(made))}


def spoken(text: str, seconds: float) -> dict[str, float]:
    """What speaking uses, as far as a server that only sends sound can be watched: characters are as they are."""
    return {
        "characters": len(text),
        "seconds": seconds,
        "tokens_in": math.ceil(len(text.encode()) / BYTES_A_TOKEN),
        "audio_out": math.ceil(seconds * SPEECH_TOKENS_A_SECOND),
    }


def spoken_s(text: str) -> float:
    """How long a text takes to be spoken."""
    return len(text) * SPEECH_S_A_CHARACTER
