"""Did a voice that makes up its own words say the ones it was asked to? Its words and its sound in, sound that may be
played out; what is left to say where it did not.

Pure. Words and sound of such a voice come side by side and are not aligned, the words usually first. Sound is let
through as far as the words that were told agree with those asked for, by the voice's pace, and `SLACK_MS` beyond: so
a voice that rewords is stopped before it is heard to.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from agent.model import BYTES_PER_MS

MS_PER_CHARACTER = 1000 / 15
"""The usual pace of the voices in use here, until this one's is known."""

SLACK_MS = 300.0
"""Sound may be as far ahead of its words: models tell them first, most of the time."""

UNTOLD_MS = 1500.0
"""So much sound without a word, and the voice is one that tells none: it can be listened to, but not be checked."""

LATIN_BELOW = "\u0250"
"""Letters before this one are Latin, with whatever accents."""

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS = {name: str(n) for n, name in enumerate(_UNITS)} | {name: f"{n}0" for n, name in enumerate(_TENS, 2)}
_WORD = re.compile(r"\d[\d.,]*|[^\s\d/\-\u2013\u2014]+")
_SPACE_BEHIND = re.compile(r".*\s", re.DOTALL)


class _Word(NamedTuple):
    """As it sounds, and where it stands."""

    sounds: str
    begin: int
    end: int
    latin: bool


class Verbatim:
    """One text, said once."""

    def __init__(self, asked: str, ms_per_character: float = MS_PER_CHARACTER, *, strict: bool = True) -> None:
        """`asked` is speakable. Not strict: what does not agree is measured, and heard all the same."""
        self._asked = asked
        self._pace = ms_per_character
        self._strict = strict
        self._words = [*_canonical(asked)]
        self._row: list[int] = [*range(len(self._words) + 1)]
        """Of the table of Levenshtein's distance between words: the last one, for all words told so far."""
        self._agreed = self._exact = 0
        """Characters of the text that the words told so far come to; and until there was a difference."""
        self._known = 0
        """Characters told that were compared."""
        self._telling = ""
        """What was told and may be the beginning of a longer word."""
        self._letters = self._latin = 0
        """Of what was told."""
        self._asked_latin = _mostly(sum(c < LATIN_BELOW for c in asked if c.isalpha()), sum(map(str.isalpha, asked)))
        self._told = False
        self._sound = bytearray()
        self._taken = 0
        self._ended = self._whole = False

    def told(self, piece: str) -> None:
        """More of the words that the voice says of itself to say; cut anywhere."""
        letters = [c for c in piece if c.isalpha()]
        self._letters += len(letters)
        self._latin += sum(c < LATIN_BELOW for c in letters)
        self._told = self._told or bool(piece.strip())
        self._telling += piece
        self._compare()

    def hear(self, sound: bytes) -> None:
        """More of its sound, mu-law."""
        self._sound += sound

    def finish(self, *, whole: bool = True) -> None:
        """Neither will come any more. Not whole: it broke off."""
        self._ended, self._whole = True, whole
        self._compare()

    def take(self) -> bytes:
        """Sound that may be played now, and has not been taken; b"" if none may."""
        end = len(self._sound)
        if self.reworded:
            end = 0
        elif not self._free:
            end = min(end, int((self._agreed * self._pace + SLACK_MS) * BYTES_PER_MS))
        sound = bytes(self._sound[self._taken : end])
        self._taken = max(self._taken, end)
        return sound

    @property
    def differs(self) -> bool:
        """The words differ by more than a recogniser would."""
        return self._comparable and self.different > 1 + len(self._words) // 6

    @property
    def reworded(self) -> bool:
        """They differ, and it is strict: no more of it is heard."""
        return self._strict and self.differs

    @property
    def complete(self) -> bool:
        """All was said, and has been taken."""
        return self._whole and not self.reworded and self._taken == len(self._sound) > 0

    @property
    def different(self) -> int:
        """Words left out, put in or replaced so far."""
        if not self._told:
            return 0
        return self._row[-1] if self._whole else min(self._row)

    @property
    def pace(self) -> float:
        """Milliseconds a character, of a text that was said whole."""
        return len(self._sound) / BYTES_PER_MS / max(len(self._asked), 1)

    @property
    def rest(self) -> str:
        """What has not been said, from the word on in which the sound that was taken ends; where it was reworded, from
        the first word that differs."""
        said = self._taken / BYTES_PER_MS / self._pace
        if self.reworded:
            said = min(said, self._exact)
        elif self.different and self._comparable:
            said -= max(0, self._known - self._agreed)  # that was said, and not asked for
        begin = next((word.begin for word in self._words if word.end > said), None)
        if begin is None:
            return ""
        return self._asked if begin == self._words[0].begin else self._asked[begin:]

    @property
    def _free(self) -> bool:
        """There is nothing to wait for."""
        untold = not self._told and len(self._sound) >= UNTOLD_MS * BYTES_PER_MS
        return self._whole or untold or not self._strict or not self._comparable

    @property
    def _comparable(self) -> bool:
        """Both are written in letters of one kind: a model may write Hindi in either."""
        return not self._letters or _mostly(self._latin, self._letters) == self._asked_latin

    def _compare(self) -> None:
        text = self._telling
        if not self._ended:  # the last word may not be whole
            behind = _SPACE_BEHIND.match(text)
            text = behind[0] if behind else ""
        known, words = len(text), [*_canonical(text)]
        if not self._ended and words and _may_go_on(words[-1], text):
            known = words.pop().begin
        self._telling = self._telling[known:]
        broken = self._ended and not self._whole
        for word in words:
            row = [*_next_row(self._row, self._words, word)]
            least = min(row)
            if broken and least > min(self._row):
                return  # half a word
            self._row = row
            agreed = self._row.index(least)
            self._agreed = self._words[agreed - 1].end if agreed else 0
            if not least:
                self._exact = self._agreed
        self._known += known


def _next_row(row: list[int], words: list[_Word], told: _Word) -> Iterator[int]:
    left = row[0] + 1
    yield left
    for n, word in enumerate(words):
        # A word in other letters may well be the same one.
        replaced = word.sounds != told.sounds and word.latin == told.latin
        left = min(left + 1, row[n + 1] + 1, row[n] + replaced)
        yield left


def _canonical(text: str) -> Iterator[_Word]:
    """Its words without case, accents and signs; numbers in digits, and what is spelt ("B H K") as one word."""
    run: _Word | None = None
    tens = False
    for match in _WORD.finditer(text):
        sounds = "".join(filter(_sounds, unicodedata.normalize("NFKC", match[0]).casefold()))
        if not sounds or (sounds == "point" and run is not None and run.sounds.isdecimal()):  # "1.2" has none either
            continue
        number = _NUMBERS.get(sounds) or ("".join(map(_digit, sounds)) if sounds.isdecimal() else "")
        spelt = len(sounds) == 1 and not number and sounds != "a"
        word = _Word(number or sounds, match.start(), match.end(), sounds[0] < LATIN_BELOW)
        if run is not None and run.sounds.isdecimal() == bool(number) and (number or spelt):
            known = run.sounds[:-1] if tens and len(number) == 1 and number != "0" else run.sounds
            run = _Word(known + word.sounds, run.begin, word.end, run.latin)
        else:
            if run is not None:
                yield run
            run = word
            if not (number or spelt):
                yield run
                run = None
        tens = sounds in _TENS
    if run is not None:
        yield run


def _may_go_on(word: _Word, text: str) -> bool:
    """A number or something spelt, of which more may follow."""
    return word.sounds.isdecimal() or len(word.sounds) == 1 or " " in text[word.begin : word.end]


def _digit(character: str) -> str:
    return str(unicodedata.decimal(character))


def _sounds(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def _mostly(some: int, of: int) -> bool:
    return 2 * some >= of
