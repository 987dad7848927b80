"""Did a voice that makes up its own words say the ones it was asked to? Its words and its sound in, sound that may be
played out; what is left to say where it did not.

Pure. Words and sound of such a voice come side by side and are not aligned, the words usually first. Sound is let
through as far as the words that were told agree with those asked for, by the voice's pace, and `SLACK_MS` beyond: so
a voice that rewords is stopped before it is heard to.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from agent.model import BYTES_PER_MS

MS_PER_CHARACTER = 1000 / 15
"""The usual pace of the voices in use here, until this one's is known."""

SLACK_MS = 300.0
"""Sound may be as far ahead of its words: models tell them first, most of the time."""

UNTOLD_MS = 1500.0
"""So much sound without a word, and the voice is one that tells none: it can be listened to, but not be checked."""

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS = {name: n for n, name in enumerate(_UNITS)} | {name: 10 * n for n, name in enumerate(_TENS, 2)}


class Verbatim:
    """One text, said once."""

    def __init__(self, asked: str, ms_per_character: float = MS_PER_CHARACTER, *, strict: bool = True) -> None:
        """`asked` is speakable. Not strict: what does not agree is measured, and heard all the same."""
        self._asked = asked
        self._pace = ms_per_character
        self._strict = strict
        self._ends: list[int] = []
        """Where in the text each of its words ends."""
        self._words: list[str] = []
        self._read()
        self._row = list(range(len(self._words) + 1))
        """Of the table of Levenshtein's distance between words: the last one, for all words told so far."""
        self._told = ""
        self._known = 0
        self._sound = bytearray()
        self._taken = 0
        self._finished = False

    def told(self, piece: str) -> None:
        """More of the words that the voice says of itself to say; cut anywhere."""
        self._told += piece
        self._compare()

    def hear(self, sound: bytes) -> None:
        """More of its sound, mu-law."""
        self._sound += sound

    def finish(self) -> None:
        """Neither will come any more."""
        self._finished = True
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
    def reworded(self) -> bool:
        """The words differ by more than a recogniser would; only where it is strict."""
        return self._strict and self._comparable and self.different > 1 + len(self._words) // 6

    @property
    def complete(self) -> bool:
        """All was said, and has been taken."""
        return self._finished and not self.reworded and self._taken == len(self._sound) > 0

    @property
    def different(self) -> int:
        """Words left out, put in or replaced so far."""
        if not self._told.strip():
            return 0
        return self._row[-1] if self._finished else min(self._row)

    @property
    def pace(self) -> float:
        """Milliseconds a character, of a text that was said whole."""
        return len(self._sound) / BYTES_PER_MS / max(len(self._asked), 1)

    @property
    def rest(self) -> str:
        """What has not been said, from the word on in which the sound that was taken ends."""
        if not self._taken:
            return self._asked
        said = self._taken / BYTES_PER_MS / self._pace
        if self.reworded:
            said = min(said, self._agreed)
        begun = max((end for end in self._ends if end <= said), default=0)
        return self._asked[begun:].strip()

    @property
    def _free(self) -> bool:
        """There is nothing to wait for."""
        untold = not self._told.strip() and len(self._sound) >= UNTOLD_MS * BYTES_PER_MS
        return self._finished or untold or not self._strict or not self._comparable

    @property
    def _comparable(self) -> bool:
        """Both are written in letters of one kind: a model may write Hindi in either."""
        return _mostly_latin(self._told) == _mostly_latin(self._asked) or not self._told.strip()

    @property
    def _agreed(self) -> int:
        """Characters of the text that the words told so far come to."""
        if not self._told.strip():
            return 0
        words = self._row.index(min(self._row))
        return self._ends[words - 1] if words else 0

    def _read(self) -> None:
        for word, end in _canonical(self._asked):
            self._words.append(word)
            self._ends.append(end)

    def _compare(self) -> None:
        text = self._told
        if not self._finished:  # the last word may not be whole, nor the last number
            text = text[: max(text.rfind(" "), 0)]
        told = [word for word, _ in _canonical(text)]
        if not self._finished and told and told[-1].isdecimal():
            told.pop()
        for word in told[self._known :]:
            self._row = list(_next_row(self._row, self._words, word))
        self._known = len(told)


def _next_row(row: list[int], words: Iterable[str], told: str) -> Iterator[int]:
    left = row[0] + 1
    yield left
    for n, word in enumerate(words):
        left = min(left + 1, row[n + 1] + 1, row[n] + (word != told))
        yield left


def _canonical(text: str) -> Iterator[tuple[str, int]]:
    """Each word as it sounds, and where it ends: without case, accents and signs, numbers in digits."""
    number, end = "", 0
    tens = False
    for match in re.finditer(r"[^\s\-\u2013\u2014/]+", text):
        word = "".join(c for c in unicodedata.normalize("NFKC", match[0]).casefold() if _sounds(c))
        value = _NUMBERS.get(word)
        if value is not None or word.isdecimal():
            unit = value is not None and 0 < value < 10
            number = number[:-1] + str(value) if tens and unit else number + (word if value is None else str(value))
            tens, end = value is not None and value >= 20, match.end()
            continue
        if number:
            yield number, end
        number, tens = "", False
        if word:
            yield word, match.end()
    if number:
        yield number, end


def _sounds(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def _mostly_latin(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return 2 * sum(c < "\u0250" for c in letters) >= len(letters)
