"""How alike do two spellings sound? Latin spellings in; which of some known phrases they are nearest to out.

Rough on purpose, for what a recogniser writes of words that it does not know: it keeps the consonants, if not always
their voice or their place, and picks the vowels that make an English word. So all vowels are one sound here: "the kai"
is near "theek hai", and "rico" is "ruko". Very short words are beyond it: "no" and "now" are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_READINGS = tuple(
    (re.compile(written), sound)
    for written, sound in (
        (r"[^a-z]", ""),
        (r"c(?=[eiy])", "s"),
        (r"(?<=[aeiouy][^aeiou])e$", ""),  # silent
        (r"(?:ei|au|ou|i)gh", "a"),
        (r"c?ch|tch", "C"),
        (r"sh", "S"),
        (r"th", "t"),
        (r"ph", "f"),
        (r"dg|j", "J"),
        (r"ng(?![aeiou])", "n"),
        (r"ck|[cq]", "k"),
        (r"x", "ks"),
        (r"z", "s"),
        (r"(?<=[aeiou])[wy](?![aeiou])|(?<![aeiou])y(?![aeiou])", "a"),
        (r"(?<=[aeiou])r(?![aeiou])", ""),  # "car" is said without it
        (r"[aeiou]+", "a"),
    )
)
"""Of one word, in their order."""
_TWICE = re.compile(r"(.)\1+")

_ALIKE = ("bpdtgk", "kgCJtdS", "mn", "fv", "vwb", "lr", "CS", "CJs", "sS", "fh")
"""Sounds that are taken for each other."""
_SOFT = frozenset("haln")
"""Sounds that are missed, or heard where there are none: breath, any vowel, and the nasals and liquids behind one."""
NEAR, SOFT = 0.4, 0.5
"""What it costs to take a sound for one that is alike, and to miss or add a soft one; any other change costs 1."""


@lru_cache(maxsize=2048)
def sounds(text: str) -> str:
    """One letter for each sound; "a" for any vowel."""
    words = []
    for word in text.lower().replace("-", " ").split():
        read = word
        for written, sound in _READINGS:
            read = written.sub(sound, read)
        words.append(read)
    return _TWICE.sub(r"\1", "".join(words))


def distance(one: str, two: str) -> float:
    """Between two results of `sounds`, as a share of the longer one's length: 0 the same, 1 nothing in common."""
    row = [0.0]
    for sound in two:
        row.append(row[-1] + _missed(sound))
    for mine in one:
        before, row = row, [row[0] + _missed(mine)]
        for at, other in enumerate(two):
            row.append(
                min(before[at] + _changed(mine, other), before[at + 1] + _missed(mine), row[at] + _missed(other))
            )
    return row[-1] / max(len(one), len(two), 1)


def nearest(text: str, phrases: Iterable[str]) -> float:
    """The distance to the nearest of the phrases; 1 where there are none."""
    heard = sounds(text)
    return min((distance(heard, sounds(phrase)) for phrase in phrases), default=1.0)


def _missed(sound: str) -> float:
    return SOFT if sound in _SOFT else 1.0


def _changed(one: str, two: str) -> float:
    if one == two:
        return 0.0
    return NEAR if any(one in alike and two in alike for alike in _ALIKE) else 1.0
