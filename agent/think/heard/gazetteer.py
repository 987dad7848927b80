"""The known places: words in; the locality or city that is spelt so, or sounds so, out.

Known names come from `places.txt`. A recogniser that has never heard of Koramangala writes "Coram and Gala": names are
compared by their consonants, in classes that recognisers confuse (see `sound`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, lru_cache
from pathlib import Path

_CLASSES = str.maketrans({"b": "p", "v": "p", "f": "p", "d": "t", "g": "k", "q": "k", "z": "s", "j": "s", "m": "n"})
SHORTEST_SOUND = 3
"""Consonants a sound needs to be recognised by: fewer are shared with too many English words."""
_NAGAR = dict.fromkeys(("nagger", "naggar", "nager", "knagger", "knacker", "magger"), "nagar")


@dataclass(frozen=True, slots=True)
class Place:
    """A known place. A city's own `city` is itself."""

    name: str
    city: str

    @property
    def is_city(self) -> bool:
        return self.name == self.city


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


def spelt(words: list[str], everyday_too: bool) -> Place | None:
    """The place spelt so. `everyday_too`: also where the spelling is everyday English ("banner" for Baner)."""
    spelling = " ".join(_NAGAR.get(word, word) for word in words)
    known = _known().spelt
    return known.get(spelling) or (known.get(f"~{spelling}") if everyday_too else None)


def sounds_like(words: list[str]) -> Place | None:
    """The known name that sounds the same, or nearly, and of those the one spelt most alike."""
    return _sounding("".join(_NAGAR.get(word, word) for word in words))


@lru_cache(maxsize=4096)  # the script hears a call's words again at every turn
def _sounding(letters: str) -> Place | None:
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
