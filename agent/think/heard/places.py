"""Where in India: an utterance in; the locality and city it names out, in their usual spelling.

Known names come from `places.txt`. A recogniser that has never heard of Koramangala writes "Coram and Gala": behind a
preposition, or when the agent has just asked for the place, a stretch of words that sounds like a known name is taken
for it (see `sound`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

from agent.think.heard.english import everyday
from agent.think.heard.words import Heard

_CLASSES = str.maketrans({"b": "p", "v": "p", "f": "p", "d": "t", "g": "k", "q": "k", "z": "s", "j": "s", "m": "n"})
LONGEST = 4
"""Words that a known name may have been heard as."""
SHORTEST_SOUND = 3
"""Consonants a sound needs to be recognised by: fewer are shared with too many English words."""
_PREPOSITION = re.compile(
    r"\b(?:in|at|near|around|of|from|to|towards|beside|and|or|on|off|opposite|called|not|an|into|flatten|flattened|mean|meant|it)$"
)
_NAGAR = dict.fromkeys(("nagger", "naggar", "nager", "knagger", "knacker", "magger"), "nagar")
_PLACE_WORDS = frozenset({"road", "city", "town", "layout", "park", "west", "east", "north", "south", "phase"})
_FILLER = re.compile(
    r"(?:(?:um|uh|oh|well|so|yes|yeah|sure|ok|okay|i|am|we|are|is|it|the|looking|want|prefer|like|would|think|maybe"
    r"|somewhere|in|at|near|around|area|of|preferably|mostly|only|thinking|planning|for|to|be|live|stay)\b ?)*"
)
_LOCATIVE = re.compile(r"\b(?:in|at|near|around|towards|beside|opposite)$")


@dataclass(frozen=True, slots=True)
class Place:
    """A known place. A city's own `city` is itself."""

    name: str
    city: str

    @property
    def is_city(self) -> bool:
        return self.name == self.city


@dataclass(frozen=True, slots=True)
class Mention:
    """A place and where in the utterance it was heard."""

    place: Place
    start: int
    end: int


def sound(words: str) -> str:
    """The consonants of some words in classes that recognisers confuse; the first letter stays, a vowel as "a".

    Soundex with Indian names in mind: aspirates lose their h, b/p/v/f, d/t, g/k, j/z/s/ch and m/n are one, doubled
    consonants are single, w and y count only where they begin the words.
    """
    text = re.sub(r"[^a-z]", "", words)
    for pattern, by in _SPELLINGS:
        text = pattern.sub(by, text)
    if not text:
        return ""
    first = "a" if text[0] in "aeiou" else text[0].translate(_CLASSES)
    rest = re.sub(r"[aeiouhwy]", " ", text[1:]).translate(_CLASSES)
    return re.sub(r"(.)\1+", r"\1", re.sub(r"(\S)(?=\1)", "", first + rest)).replace(" ", "")


_SPELLINGS = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"^w(?=h)", "v"),
        (r"^kn", "n"),
        (r"qu(?=[aeiou])", "k"),
        (r"tch|ch|sh|dzh|dz|zh|dj", "s"),
        (r"ph", "f"),
        (r"c(?=[eiy])", "s"),
        (r"g(?=[ei])", "j"),
        (r"ck|c", "k"),
        (r"x", "ks"),
        (r"(?<=[aeiou])w(?![aeiou])", ""),
        (r"w(?=[aeiou])", "v"),
    )
)


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """The known places."""

    spelt: dict[str, Place]
    """By lower-case spelling; with a "~" in front where that is everyday English too."""
    sounds: tuple[tuple[str, str, Place], ...]
    """Letters, sound and place of each name whose sound is long enough to go by."""


@cache
def _known() -> Gazetteer:
    spelt: dict[str, Place] = {}
    sounds: list[tuple[str, str, Place]] = []
    city = ""
    for line in (Path(__file__).parent / "places.txt").read_text(encoding="utf-8").splitlines():
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        name, _, others = entry.strip("[]").partition("|")
        name = name.strip()
        if entry.startswith("["):
            city = name
        place = Place(name, city)
        spelt |= {spelling: place for o in others.split(",") if (spelling := o.strip())}
        spelt[name.lower()] = place
        letters = name.lower().replace(" ", "")
        if len(sound(letters)) >= SHORTEST_SOUND:
            sounds.append((letters, sound(letters), place))
    return Gazetteer(spelt, tuple(sounds))


def mentions(heard: Heard, asked: bool) -> list[Mention]:
    """Every known place named, in order; a name right after "not" is left out.

    `asked`: the agent has just asked for the place, so that sound-alikes count anywhere.
    """
    words = heard.text.split()
    found = []
    at, offset = 0, 0
    while at < len(words):
        place, used = _place_at(words, at, asked or bool(_PREPOSITION.search(heard.text[:offset].rstrip())))
        used = max(used, 1)
        end = offset + len(" ".join(words[at : at + used]))
        if place is not None and not heard.text[:offset].endswith(("not ", "not in ", "not at ")):
            found.append(Mention(place, offset, end))
        at, offset = at + used, end + 1
    return found


def _place_at(words: list[str], at: int, by_sound: bool) -> tuple[Place | None, int]:
    spelt = _known().spelt
    for used in range(min(LONGEST, len(words) - at), 0, -1):
        window = [_NAGAR.get(w, w) for w in words[at : at + used]]
        spelling = " ".join(window)
        place = spelt.get(spelling) or (spelt.get(f"~{spelling}") if by_sound else None)
        if place is None and by_sound and _may_be_a_name(window):
            place = _sounds_like("".join(window))
        if place is not None:
            return place, used
    return None, 0


def _may_be_a_name(window: list[str]) -> bool:
    if everyday(window[0]) or any(w[0].isdigit() for w in window):
        return False
    return not everyday(window[-1]) or window[-1] in _PLACE_WORDS


def _sounds_like(letters: str) -> Place | None:
    """The known name that sounds the same, or nearly, and of those the one spelt most alike."""
    key = sound(letters)
    best, likeness = None, 0.0
    for name, other, place in _known().sounds:
        if key == other:
            enough = 0.45 if len(key) > 3 else 0.75
        elif len(key) > 4 and len(other) > 4 and _one_apart(key, other):
            enough = 0.55
        else:
            continue
        alike = SequenceMatcher(None, letters, name).ratio()
        if alike >= enough and alike > likeness:
            best, likeness = place, alike
    return best


def _one_apart(a: str, b: str) -> bool:
    """One consonant added, lost or changed; the first one is the same."""
    if abs(len(a) - len(b)) > 1 or a[0] != b[0]:
        return False
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    return a[same + 1 :] == b[same + 1 :] or a[same:] == b[same + 1 :] or a[same + 1 :] == b[same:]


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
        begins = bool(_LOCATIVE.search(heard.text[:offset].rstrip())) or offset == answer
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
    spelt = _known().spelt
    locality, city = spelt.get(known.lower()), spelt.get(new.lower())
    if locality and city and city.is_city and not locality.is_city and locality.city == city.name:
        return f"{known}, {new}"
    if city and city.is_city and known.endswith(f", {new}"):
        return known
    return new
