"""Amounts of money as spoken in India: an utterance in; one budget out, as "80 to 90 lakh rupees".

Recognisers trained elsewhere have never heard of a lakh or a crore; the words they write instead ("lock", "lacks",
"chords", "crew are") are taken for the unit when they follow a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.think.heard.words import Heard

LAKH = 100_000
CRORE = 10_000_000

_UNITS = {
    CRORE: r"(?:crores?|cr|crs|krores?|chords?|cords?|cores?|craw|crows?|crew(?: are)?|crawl|chor(?:e|ee)s?|crower"
    r"|corer|choirs?|quarters?|roars?|crowds?|grows?)",
    LAKH: r"(?:lakhs?|laks?|lacs?|lacks?|la[ck]hs?|locks?|locke|loch|lochs|locs?|lax|lox|larks?|lucks?|lakes?|lux"
    r"|logs?|lots|l)",
    1000: r"(?:thousands?|k|grand)",
}
_UNIT = "|".join(_UNITS.values())
_NUMBER = r"\d+(?:\.\d+)?|half(?: a)?|an?(?= (?:crore|lakh)s?\b)|(?:a )?couple of"
_PART = rf"(?:{_NUMBER}) (?:{_UNIT})\b"
_AMOUNT = rf"(?>{_PART}(?: (?:and )?{_PART}){{0,2}})"
"""Crores, lakhs and thousands, and atomic: taken apart in every possible way, "80 lakh" said often takes minutes."""
_RUPEES = r"(?: (?:rupees|repeats|repairs|ruppees|rupes))?"
_NOT_MONEY = (
    r"(?! (?:square|sq|feet|foot|ft|bed|bhk|b h k|bedrooms?|months?|years?|weeks?|days?|people|units|floors?|acres?"
    r"|cents|guntas?|minutes?|kilometers?|kilometres?|km|per ?cent|rooms?)\b)"
)
_RANGE = re.compile(
    rf"(?:(?P<between>between )?\b(?P<low>{_AMOUNT}|\d+(?:\.\d+)?){_RUPEES} "
    r"(?:to|two|till|or|maybe|max|(?(between)and)) )?"
    rf"(?:up to )?\b(?P<high>{_AMOUNT}|\d+(?:\.\d+)?)\b{_RUPEES}{_NOT_MONEY}"
)
_ONE_PART = re.compile(rf"(?P<number>{_NUMBER}) (?P<unit>{_UNIT})\b")
_CUE = re.compile(r"\b(?:budget|rupees|spend|afford|price|cost|rent|pay|worth|expect(?:ing)?|invest|amount|around)\b")
_RUPEES_BEFORE = re.compile(r"\brupees $")
_NOT_THE_BUDGET = re.compile(
    r"^ (?:as |for |is |of |my |the |a |per month )*(?:down payment|advance|deposit|booking|token|emi|maintenance"
    r"|salary|income|commission|brokerage)"
)
_BARE_ENDS = re.compile(
    r"(?: (?:or|to|max|maximum|something|around|about|approximately|only|is|would|maybe|i|we|please|sir|madam)\b|$)"
)
_CEILING = re.compile(
    r"\b(?:under|below|within|up ?to|max|maximum|at (?:the )?most|(?<!not )less than|no more than"
    r"|(?:not|never) (?:more than|over|above|beyond|exceed(?:ing)?))(?: (?:of|about|around|rupees|the|say)){0,2} $"
)
_CEILING_BEHIND = re.compile(r" (?:max|maximum|at (?:the )?most|or (?:less|below|under))\b")
_QUARTERS_OF_A_YEAR = re.compile(r"\b(?:in|within|next|after|last|for) $")


@dataclass(frozen=True, slots=True)
class Amount:
    """A budget in rupees, from `low` to `high` (the same where one figure was named), and where it was heard."""

    low: float
    high: float
    start: int
    end: int
    most: bool = False
    """One figure that is not to be exceeded."""

    @property
    def value(self) -> str:
        if self.low == self.high:
            return f"{'up to ' if self.most else ''}{in_words(self.high)} rupees"
        low, high = in_words(self.low), in_words(self.high)
        if low.split()[1:] == high.split()[1:]:
            low = low.split()[0]
        return f"{low} to {high} rupees"


def in_words(rupees: float) -> str:
    """8000000 is "80 lakh", 12000000 is "1.2 crore"."""
    for unit, name in ((CRORE, "crore"), (LAKH, "lakh"), (1000, "thousand")):
        if rupees >= unit:
            return f"{round(rupees / unit, 3):g} {name}"
    return f"{rupees:g}"


def parse_value(value: str) -> tuple[float, float] | None:
    """The rupees, low and high, of a normalised budget; None for any other text."""
    found = _amounts(value, asked=False, renting=False)
    return (found[0].low, found[0].high) if found else None


def find_budget(heard: Heard, asked: bool, renting: bool = False) -> Amount | None:
    """What the caller means to spend, or hopes to get.

    `asked`: the agent has just asked for it, so that a bare number counts ("eighty" is 80 lakh, to a tenant 80
    thousand). Of several amounts the last one counts, as a correction, unless it is called something else, such as a
    deposit.
    """
    amounts = _amounts(heard.text, asked, renting)
    budgets = [
        a
        for a in amounts
        if not _NOT_THE_BUDGET.match(heard.text[a.end :]) and not heard.text[: a.start].endswith("not ")
    ]
    if not budgets:
        return None
    return budgets[-1]


def _amounts(text: str, asked: bool, renting: bool) -> list[Amount]:
    cued = asked or bool(_CUE.search(text))
    found = []
    for match in _RANGE.finditer(text):
        if _QUARTERS_OF_A_YEAR.search(text[: match.start("high")]) and "quarter" in match["high"]:
            continue
        named = bool(_RUPEES_BEFORE.search(text[: match.start()])) or "rupees" in match.group()
        bare = asked and bool(_BARE_ENDS.match(text[match.end() :]))
        high = _rupees(match["high"], bare, cued or named, renting)
        if high is None:
            continue
        low = high
        if match["low"]:
            low = _low(match["low"], match["high"], high, renting)
        start, end = match.start("low" if match["low"] else "high"), match.end()
        most = bool(_CEILING.search(text[max(0, start - 60) : start]) or _CEILING_BEHIND.match(text, end))
        found.append(Amount(min(low, high), max(low, high), start, end, most))
    return found


def _rupees(text: str, bare: bool, cued: bool, renting: bool) -> float | None:
    """The rupees of one amount; None for a number that is not one of money."""
    parts = [(float(_value(m["number"])), _unit(m["unit"])) for m in _ONE_PART.finditer(text)]
    if parts:
        return sum(number * unit for number, unit in parts)
    number = float(text)
    if LAKH <= number < 100 * CRORE or (cued and 3000 <= number < LAKH):  # from 100 crore it is a telephone number
        return number
    if bare and 0 < number < 1000:
        return number * (1000 if renting else CRORE if number < 10 else LAKH)
    return None


def _low(low: str, high: str, top: float, renting: bool) -> float:
    """The lower end, which borrows its unit: "80 to 90 lakh", "80 to 1 crore"."""
    if _ONE_PART.search(low):
        return _rupees(low, False, True, renting) or top
    number = float(low)
    if number >= 1000:
        return number
    unit_of_high = _ONE_PART.search(high)
    unit = _unit(unit_of_high["unit"]) if unit_of_high else (1000 if renting else LAKH)
    if number * unit > top and unit == CRORE:
        unit = LAKH
    return number * unit


def _value(number: str) -> float:
    if number.startswith("half"):
        return 0.5
    if number in ("a", "an"):
        return 1.0
    return 2.0 if "couple" in number else float(number)


def _unit(word: str) -> int:
    return next(size for size, pattern in _UNITS.items() if re.fullmatch(pattern, word))
