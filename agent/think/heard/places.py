"""Where in India: an utterance in; the locality and city it names out, in their usual spelling.

A place that is known counts wherever it is named; one that only sounds like a known one, behind a preposition or as the
answer to the agent's question; one that nobody has listed is taken as it was heard, behind "in" or "near".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.think.heard.english import everyday
from agent.think.heard.gazetteer import Place, sounds_like, spelt
from agent.think.heard.words import Heard

LONGEST = 4
"""Words that a known name may have been heard as."""
_PREPOSITION = re.compile(
    r"\b(?:in|at|near|around|of|from|to|towards|beside|and|or|on|off|opposite|called|not|an|into|flatten|flattened|mean|meant|it)$"
)
_PLACE_WORDS = frozenset({"road", "city", "town", "layout", "park", "west", "east", "north", "south", "phase"})
_FILLER = re.compile(
    r"(?:(?:um|uh|oh|well|so|yes|yeah|sure|ok|okay|i|am|we|are|is|it|the|looking|want|prefer|like|would|think|maybe"
    r"|somewhere|in|at|near|around|area|of|preferably|mostly|only|thinking|planning|for|to|be|live|stay)\b ?)*"
)
_LOCATIVE = re.compile(r"\b(?:in|at|near|around|towards|beside|opposite)$")


@dataclass(frozen=True, slots=True)
class Mention:
    """A place and where in the utterance it was heard."""

    place: Place
    start: int
    end: int


def mentions(heard: Heard, asked: bool) -> list[Mention]:
    """Every known place named, in order; a name right after "not" is left out.

    `asked`: the agent has just asked for the place, so that sound-alikes count anywhere.
    """
    words = heard.text.split()
    found = []
    at, offset = 0, 0
    while at < len(words):
        place, used = _place_at(words, at, asked or bool(_PREPOSITION.search(_before(heard, offset))))
        used = max(used, 1)
        end = offset + len(" ".join(words[at : at + used]))
        if place is not None and not heard.text[:offset].endswith(("not ", "not in ", "not at ")):
            found.append(Mention(place, offset, end))
        at, offset = at + used, end + 1
    return found


def _before(heard: Heard, offset: int) -> str:
    """The last words before an offset: enough for a preposition, so that a long utterance is not read again for each
    of its words."""
    return heard.text[max(0, offset - 24) : offset].rstrip()


def _place_at(words: list[str], at: int, by_sound: bool) -> tuple[Place | None, int]:
    for used in range(min(LONGEST, len(words) - at), 0, -1):
        window = words[at : at + used]
        place = spelt(window, everyday_too=by_sound)
        if place is None and by_sound and _may_be_a_name(window):
            place = sounds_like(window)
        if place is not None:
            return place, used
    return None, 0


def _may_be_a_name(window: list[str]) -> bool:
    if everyday(window[0]) or any(w[0].isdigit() for w in window):
        return False
    return not everyday(window[-1]) or window[-1] in _PLACE_WORDS


def find_location(heard: Heard, asked: bool) -> tuple[str, int, int] | None:
    """The place the caller names: (value, start, end). Several are joined by "or"; a locality takes its city only
    where the caller says both. A place nobody has listed is taken as heard where it follows "in" or "near" with a
    capital letter, or answers the agent's question."""
    found = mentions(heard, asked)
    if found:
        return _joined([m.place for m in found]), found[0].start, found[-1].end
    return _unlisted(heard, asked)


def _joined(places: list[Place]) -> str:
    localities = list(dict.fromkeys(p for p in places if not p.is_city))
    cities = list(dict.fromkeys(p for p in places if p.is_city))
    names = " or ".join(p.name for p in localities[-3:])
    others = [c.name for c in cities]
    if not names:
        return " or ".join(others[-3:])
    return ", ".join([names, *others[-1:]])


def _unlisted(heard: Heard, asked: bool) -> tuple[str, int, int] | None:
    words = heard.text.split()
    filler = _FILLER.match(heard.text)
    answer = filler.end() if asked and filler else -1
    offset = 0
    for at, word in enumerate(words):
        begins = bool(_LOCATIVE.search(_before(heard, offset))) or offset == answer
        if begins:
            taken = _name_length(heard, words, at, offset, asked)
            if taken:
                end = offset + len(" ".join(words[at : at + taken]))
                originals = heard.originals(offset, end)
                return " ".join(o[:1].upper() + o[1:] for o in originals), offset, end
        offset += len(word) + 1
    return None


def _name_length(heard: Heard, words: list[str], at: int, offset: int, asked: bool) -> int:
    """How many words from here make a name: up to three that are no everyday English, up to a pause."""
    taken = 0
    while at + taken < len(words) and taken < 3:
        word = words[at + taken]
        end = offset + len(" ".join(words[at : at + taken + 1]))
        original = heard.originals(end - len(word), end)[0]
        if everyday(word) or word[0].isdigit() or not (asked or original[0].isupper()):
            break
        taken += 1
        if heard.pause_after(end):
            break
    return taken


def merged(known: str, new: str) -> str:
    """A later place corrects an earlier one; a bare city only adds to a locality of that city."""
    locality, city = spelt([known.lower()], everyday_too=False), spelt([new.lower()], everyday_too=False)
    if locality and city and city.is_city and not locality.is_city and locality.city == city.name:
        return f"{known}, {new}"
    if city and city.is_city and known.endswith(f", {new}"):
        return known
    return new
