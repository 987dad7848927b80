"""Figures of one kind from many rounds: the median and the spread; and what a list of times comes to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec

Figures = dict[str, float]
"""One round's, by name."""


class Figure(msgspec.Struct, frozen=True):
    """One of a workload's, over all rounds."""

    median: float
    least: float
    most: float
    rounds: int


def over(rounds: Sequence[Figures]) -> dict[str, Figure]:
    """Each figure that any round has."""
    names = dict.fromkeys(name for one in rounds for name in one)
    found = {name: [one[name] for one in rounds if name in one] for name in names}
    return {
        name: Figure(statistics.median(values), min(values), max(values), len(values)) for name, values in found.items()
    }


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so many are not above; not a number where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")
