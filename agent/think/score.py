"""How promising a lead is, 0 to 100: facts in; out, the score with every point explained.

A sum over a fixed table, without a model: each line of the explanation names the fact, the points, and the utterance
they come from, and the score is their sum, kept between 0 and 100. Weights are a sales desk's: can they pay, when, do
they decide, may we call. `docs/lead-score.md` shows the same table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.think.facts import Fact
from agent.think.heard import money

SOON_MONTHS, YEAR_MONTHS = 3, 12

TABLE: Mapping[str, Mapping[str, int]] = {
    "intent": {"buy, sell or invest": 20, "rent or let": 15, "browse": 5, "inferred from the budget": 10},
    "budget": {"told, with a figure": 20},
    "location": {"told": 10},
    "property": {"told": 5},
    "timeline": {"within 3 months": 15, "within a year": 10, "told, later or vague": 5},
    "financing": {"told": 5},
    "decision_maker": {"self or joint": 5, "somebody else": 0},
    "callback": {"yes": 10, "no": -15},
    "visit": {"noted": 10},
    "objections": {"each": -5, "not interested": -30},
    "do_not_call": {"yes": -100},
}
"""Fact -> case -> points. The positive ones add up to 100."""


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the explanation."""

    points: int
    why: str
    """The case of the table."""
    fact: Fact


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its explanation."""

    total: int
    points: tuple[Point, ...]


def score(facts: Mapping[str, Fact]) -> Score:
    """The score of what is known. Deterministic: the same facts give the same score."""
    points = tuple(
        Point(TABLE[name][case], case, fact)
        for name in TABLE
        if name in facts
        for fact in _parts(facts[name])
        for case in _cases(fact)
    )
    return Score(min(max(sum(point.points for point in points), 0), 100), points)


def _parts(fact: Fact) -> tuple[Fact, ...]:
    """Each objection by itself, with the words in which it was first made; every other fact as it is."""
    if fact.name != "objections":
        return (fact,)
    told = (*fact.earlier, fact)
    return tuple(
        replace(next(one for one in told if each in one.value.split("; ")), value=each, earlier=())
        for each in fact.value.split("; ")
        if each
    )


def _cases(fact: Fact) -> tuple[str, ...]:
    """Which cases of the table a fact is."""
    name, value = fact.name, fact.value
    cases = TABLE[name]
    match name:
        case "intent" if not fact.evidence and fact.utterance:
            told = "inferred from the budget"
        case "intent":
            told = tuple(cases)[{"buy": 0, "sell": 0, "invest": 0, "rent": 1, "let": 1}.get(value, 2)]
        case "budget":
            told = "told, with a figure" if money.parse_value(value) else ""
        case "timeline":
            months = _months(value)
            vague = months is None or months > YEAR_MONTHS
            told = "told, later or vague" if vague else "within a year"
            told = "within 3 months" if months is not None and months <= SOON_MONTHS else told
        case "decision_maker":
            told = "self or joint" if value in {"self", "joint"} else "somebody else"
        case "objections":
            told = value if value in cases else "each"
        case "callback" | "do_not_call":
            told = value
        case _:
            (told,) = cases
    return (told,) if told in cases else ()


NEAR = {
    "immediate": 0.0,
    "immediately": 0.0,
    "now": 0.0,
    "today": 0.0,
    "tomorrow": 0.0,
    "soon": 1.0,
    "this week": 0.25,
    "next week": 0.5,
    "this month": 1.0,
    "next month": 2.0,
    "this year": 12.0,
    "next year": 18.0,
}
"""Words for a time, in the order in which they are looked for, and the months that they stand for."""
_UNITS = {"day": 1 / 30, "week": 1 / 4, "month": 1.0, "year": 12.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(?: to (\d+(?:\.\d+)?))? (day|week|month|year)s?")


def _months(value: str) -> float | None:
    """How far off, at most; None where the words tell no span of time."""
    text = value.lower()
    if found := _SPAN.search(text):
        return float(found[2] or found[1]) * _UNITS[found[3]]
    return next((months for words, months in NEAR.items() if re.search(rf"(?<!not )\b{words}\b", text)), None)
