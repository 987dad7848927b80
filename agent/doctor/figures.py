"""What was measured of a provider: rounds in, median and worst out."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Literal

import msgspec

from agent.doctor.uses import Port

Unit = Literal["ms", "x"]

ALIKE = 0.75
"""Share of words in common from which a recording counts as understood: a small recogniser may miss one or two."""


FACTOR = "real-time factor"
"""Seconds of work for a second of sound: below 1, or callers hear gaps."""


class Figure(msgspec.Struct, frozen=True):
    """One thing, measured in every round that came so far."""

    name: str
    unit: Unit
    median: float
    worst: float
    rounds: tuple[float, ...]


class Trouble(msgspec.Struct, frozen=True):
    """What went wrong with a provider, for whoever has to mend it."""

    what: str
    rounds: int
    """How many rounds met it."""
    do: str


class Measured(msgspec.Struct, frozen=True):
    """One provider."""

    port: Port
    name: str
    where: str
    figures: tuple[Figure, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    notes: tuple[str, ...] = ()

    def figure(self, name: str) -> Figure | None:
        return next((figure for figure in self.figures if figure.name == name), None)


def with_trouble(measured: Measured, trouble: Trouble) -> Measured:
    """The same, with one thing more that is wrong."""
    return msgspec.structs.replace(measured, troubles=(*measured.troubles, trouble))


def figures(rounds: Sequence[Mapping[str, float]]) -> tuple[Figure, ...]:
    """The rounds' values by name, in the order in which they were first told."""
    names = dict.fromkeys(name for values in rounds for name in values)
    made = []
    for name in names:
        values = tuple(values[name] for values in rounds if name in values)
        unit: Unit = "x" if name == FACTOR else "ms"
        digits = 3 if unit == "x" else 1
        told = (statistics.median(values), max(values), *values)
        median, worst, *each = (round(value, digits) for value in told)
        made.append(Figure(name, unit, median, worst, tuple(each)))
    return tuple(made)


def understood(said: str, heard: str) -> bool:
    """Whether the words came back right, whatever their case and punctuation."""
    matcher = SequenceMatcher(None, _words(said), _words(heard), autojunk=False)
    return matcher.ratio() >= ALIKE


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())
