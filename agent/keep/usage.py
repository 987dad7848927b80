"""What a call uses of paid models: amounts as they become known, by the part and the model.

Providers know the amounts and not the call. So the call's meter is in the context that its tasks share, as the CallSid
of its log lines is; a provider that is used outside of a call counts for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Literal

import msgspec

Part = Literal["stt", "llm", "tts", "summary"]


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one model did in one part of a call."""

    part: Part
    model: str
    requests: int = 0
    untold: int = 0
    """Those of them of which the server did not tell the tokens, such as a reply that was given up."""
    tokens_in: int = 0
    """Of text."""
    tokens_cached: int = 0
    """Of those, what the server had in its cache."""
    tokens_out: int = 0
    """Of text."""
    audio_in: int = 0
    """Tokens of sound."""
    audio_cached: int = 0
    audio_out: int = 0
    seconds: float = 0.0
    """Of sound transcribed."""
    characters: int = 0
    """Of text spoken."""


AMOUNTS = tuple(name for name in Usage.__struct_fields__ if name not in {"part", "model"})


class Meter:
    """One call's. Nothing here is a checkpoint."""

    def __init__(self, used: Iterable[Usage] = ()) -> None:
        self._used = {(each.part, each.model): each for each in used}

    def add(self, part: Part, model: str, amounts: dict[str, float]) -> None:
        known = self._used.get((part, model), Usage(part, model))
        more = {name: getattr(known, name) + amount for name, amount in amounts.items()}
        self._used[part, model] = msgspec.structs.replace(known, **more)

    @property
    def used(self) -> tuple[Usage, ...]:
        """By now."""
        return tuple(self._used.values())


METER: ContextVar[Meter | None] = ContextVar("meter", default=None)
"""The call's that goes on here."""


def spent(part: Part, model: str, **amounts: float) -> None:
    """So much more of these, named as in Usage; less where a guess is corrected."""
    meter = METER.get()
    if meter is not None and amounts:
        meter.add(part, model, amounts)
