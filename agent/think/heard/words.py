"""A recogniser's text made easy to match: text in; lower-case words with digits out, each knowing where it came from.

Numbers become digits ("one and a half" is 1.5, "80,00,000" is 8000000), contractions are written out, hyphens and
punctuation go. Patterns are matched on `text`; `evidence` gives back what was really heard.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from agent.think.heard.numerals import Word, with_digits

_WORD = re.compile(
    r"₹|\d{1,3}(?:,\d{2,3})+(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u0900-\u0d7f])*(?:['\u2019][^\W\d_]+)?"
)

LONGEST = 1000
"""Characters of an utterance that are looked at, the newest: a minute of fast speech. A recogniser that loops may write
far more, and every finder reads all of it, on the loop that carries the sound of every call."""

_WRITTEN_OUT = {
    "₹": "rupees",
    "rs": "rupees",
    "inr": "rupees",
    "rupee": "rupees",
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
    "let's": "let us",
    "im": "i am",
    "ive": "i have",
    "dont": "do not",
    "doesnt": "does not",
    "didnt": "did not",
    "cant": "can not",
    "thats": "that is",
    "whats": "what is",
}
_TAILS = {
    "n't": "not",
    "'m": "am",
    "'s": "is",
    "'re": "are",
    "'d": "would",
    "'ve": "have",
    "'ll": "will",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """One utterance, ready for matching."""

    said: str
    """As the recogniser gave it; of a very long text the end."""
    text: str
    """Its words, lower case, joined by single spaces."""
    spans: tuple[tuple[int, int], ...]
    """For each word of `text`, where in `said` it was heard."""

    @classmethod
    def of(cls, said: str) -> Heard:
        said = newest(unicodedata.normalize("NFKC", said))
        words: list[Word] = []
        for found in _WORD.finditer(said):
            texts = _write_out(found.group().lower().replace("\u2019", "'"))
            words.extend(Word(text, *found.span()) for text in texts)
        words = with_digits(words)
        return cls(said, " ".join(w.text for w in words), tuple((w.start, w.end) for w in words))

    def evidence(self, start: int, end: int) -> str:
        """What was heard for `text[start:end]`, a stretch of whole words."""
        first, last = self._word_at(start), self._word_at(end - 1)
        return self.said[self.spans[first][0] : self.spans[last][1]]

    def originals(self, start: int, end: int) -> list[str]:
        """The words behind `text[start:end]` in the case they were heard in."""
        first, last = self._word_at(start), self._word_at(end - 1)
        return [self.said[a:b] for a, b in self.spans[first : last + 1]]

    def pause_after(self, end: int) -> bool:
        """Whether the recogniser put punctuation behind the word that ends at `text[end]`."""
        word = self._word_at(end - 1)
        if word + 1 >= len(self.spans):
            return True
        between = self.said[self.spans[word][1] : self.spans[word + 1][0]]
        return any(mark in between for mark in ",.;:!?।")

    def _word_at(self, offset: int) -> int:
        return self.text.count(" ", 0, offset)


def newest(said: str) -> str:
    """The last `LONGEST` characters, from the first whole word on."""
    if len(said) <= LONGEST:
        return said
    end = said[-LONGEST:]
    if said[-LONGEST - 1].isspace() or end[0].isspace():
        return end.lstrip()
    _, *rest = end.split(maxsplit=1)
    return rest[0] if rest else end


def pattern(*parts: str) -> re.Pattern[str]:
    """Matches any of the parts as whole words."""
    return re.compile(rf"\b(?:{'|'.join(parts)})\b")


def repeated_once(heard: Heard) -> Heard:
    """The utterance without its echo: small recognisers stutter on a lone word ("Rent, rent.")."""
    words = heard.text.split()
    if len(words) > 1 and all(a == b for a, b in pairwise(words)) and not words[0][0].isdigit():
        return Heard(heard.said, words[0], heard.spans[:1])
    return heard


def _write_out(word: str) -> list[str]:
    if word in _WRITTEN_OUT:
        return _WRITTEN_OUT[word].split()
    if word[0].isdigit():
        return [word.replace(",", "")]
    for tail, full in _TAILS.items():
        if word.endswith(tail) and len(word) > len(tail):
            return [word.removesuffix(tail), full]
    return [word.replace("'", "")]
