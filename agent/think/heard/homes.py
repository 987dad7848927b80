"""What kind of property, and how large: an utterance in; "two bedroom flat", "villa or plot", "950 square feet" out.

The caller's own word is kept (a flat stays a flat, an apartment an apartment), land and sites become plots.
"""

from __future__ import annotations

import re

from agent.think.heard.words import Heard

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

_KINDS = {
    "independent house": r"independent (?:house|home)s?|individual houses?",
    "row house": r"row ?houses?|town ?houses?",
    "farmhouse": r"farm ?houses?",
    "penthouse": r"(?:pent|paint) ?houses?",
    "studio": r"studios?(?: (?:flat|apartment))?s?",
    "apartment": r"apartments?|apart ments?",
    "flat": r"flats?|flatten(?:ed)?|flattered|condos?",
    "villa": r"villas?|vilas?|(?:avila|a villa)(?= (?:in|and|near|at|around|for|with|of)\b)|villain(?= (?:in|near)\b)",
    "bungalow": r"bungalows?",
    "office": r"office spaces?|offices?|commercial (?:space|property|office)s?",
    "shop": r"shops?|showrooms?",
    "plot": r"plots?(?: of land)?|(?:residential |vacant |empty )?land|sites?(?! (?:visit|inspection))|plotted"
    r"|a pot(?= (?:in|and|near|at|around|of)\b)",
    "house": r"houses?",
    "home": r"homes?(?! (?:loan|town))",
}
_KIND = re.compile("|".join(rf"(?P<k{n}>\b(?:{pattern})\b)" for n, pattern in enumerate(_KINDS.values())))
_BEDROOMS = re.compile(
    r"(?<!\.)\b(?P<from>\d(?:\.5)?|to|too|a|single|double|triple)(?: (?:or|to|and) (?P<to>\d))? "
    r"(?:b h k|bhk|bh k|be each k|be each case|b h case|b h ks|bhks|bed ?rooms?|beds?"
    r"|bad ?rooms?|room kitchen)\b"
)
_COUNTS = {"to": 2, "too": 2, "a": 1, "single": 1, "double": 2, "triple": 3}
_NEGATED = re.compile(r"\b(?:not|no|than|instead of)(?: (?:a|an|the|in))? $")
_AREA = re.compile(
    r"\b(?P<low>\d+(?:\.\d+)?)(?P<thousand> thousand(?: (?P<rest>\d{1,3}))?)?(?: (?:to|or) (?P<high>\d+))? (?:"
    r"(?P<feet>(?:square|sq) ?(?:feets?|foot|ft|fit)|s ?ft|sqft)|(?P<yards>(?:square|sq) ?(?:yards?|yds?))"
    r"|(?P<metres>(?:square|sq) ?(?:met(?:er|re)s?|m))|(?P<acres>acres?)|(?P<cents>cents?)|(?P<guntas>guntas?))\b"
)
_AREA_UNITS = {
    "feet": "square feet",
    "yards": "square yards",
    "metres": "square metres",
    "acres": "acres",
    "cents": "cents",
    "guntas": "guntas",
}
_WITHOUT_BEDROOMS = frozenset({"plot", "office", "shop", "studio"})
_ELSEWHERE = re.compile(
    r"\b(?:my|the|your) (?:office|shop|house|home) (?:is|number|address)\b|\b(?:at|from) (?:my )?(?:home|office)\b"
)
_OUR_OFFICE = re.compile(
    r"\b(?:your (?:\w+ )?(?:offices?|branch(?:es)?|address)|the (?:head |main )?office(?= (?:is|located|open|close))"
    r"|(?:is|where is|visit|come to|reach) the (?:\w+ )?office|office (?:timings?|hours|address|location)"
    r"|(?:do you have|is there) (?:an|any) office(?! space))\b(?: (?:is|are|located|in|at|near|there|here|open)\b){0,4}"
)
_OR_ANOTHER = re.compile(r" or (?:(?:a|an|the|maybe|else|even|some) ){0,2}")


def find_property(heard: Heard) -> tuple[str, int, int] | None:
    """(value, start, end) of the property the caller names last; None where they name none."""
    skip = [m.span() for finder in (_ELSEWHERE, _OUR_OFFICE) for m in finder.finditer(heard.text)]
    kinds = [
        m
        for m in _KIND.finditer(heard.text)
        if not _NEGATED.search(heard.text[: m.start()]) and not any(a <= m.start() < b for a, b in skip)
    ]
    rooms = list(_BEDROOMS.finditer(heard.text))
    named = [m for m in kinds if _kind(m) != "home"] or kinds
    named = _last_choice(heard.text, named)
    noun = " or ".join(dict.fromkeys(_kind(m) for m in named))
    bedrooms = rooms[-1] if rooms and noun not in _WITHOUT_BEDROOMS else None
    if bedrooms is None:
        if not noun or noun == "home":
            return None
        return noun, named[0].start(), named[-1].end()
    start, end = bedrooms.span()
    if named:
        start, end = min(start, named[0].start()), max(end, named[-1].end())
    return f"{_count(bedrooms)} bedroom {noun or 'home'}", start, end


def find_area(heard: Heard) -> tuple[str, int, int] | None:
    """(value, start, end) of how large: "950 square feet", "2 acres"."""
    every = list(_AREA.finditer(heard.text))
    if not every:
        return None
    found = every[-1]
    low = found["low"]
    if found["thousand"]:
        low = f"{float(low) * 1000 + int(found['rest'] or 0):.12g}"
    count = f"{low} to {found['high']}" if found["high"] else low
    unit = next(name for group, name in _AREA_UNITS.items() if found[group])
    return f"{count} {unit.removesuffix('s') if count == '1' else unit}", found.start(), found.end()


def find_our_office(heard: Heard) -> tuple[int, int] | None:
    """Where in the utterance the caller speaks of our office, with the small words that lead to a place."""
    found = _OUR_OFFICE.search(heard.text)
    return found.span() if found else None


def _last_choice(text: str, named: list[re.Match[str]]) -> list[re.Match[str]]:
    """The last property named, with those that it is an alternative to: "a villa or a plot"."""
    first = len(named) - 1
    while first > 0 and _OR_ANOTHER.fullmatch(text, named[first - 1].end(), named[first].start()):
        first -= 1
    return named[max(first, 0) :]


def _kind(match: re.Match[str]) -> str:
    return list(_KINDS)[int((match.lastgroup or "k0")[1:])]


def _count(match: re.Match[str]) -> str:
    first = match["from"]
    low = NUMBERS[_COUNTS.get(first) or int(float(first))] + (" and a half" if first.endswith(".5") else "")
    return f"{low} or {NUMBERS[int(match['to'])]}" if match["to"] else low


def merged(known: str, new: str) -> str:
    """A later property corrects an earlier one, and each adds what the other leaves open: the bedrooms, the kind."""
    if " bedroom " in known and " bedroom " not in new and new not in _WITHOUT_BEDROOMS:
        return f"{known.partition(' bedroom ')[0]} bedroom {new}"
    if new.endswith(" bedroom home"):
        kind = known.rpartition(" bedroom ")[2]
        if kind not in _WITHOUT_BEDROOMS:
            return f"{new.removesuffix(' home')} {kind}"
    return new
