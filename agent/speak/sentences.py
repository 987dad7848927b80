"""A streamed text cut into sentences: pieces of any size in; whole sentences out, each as soon as it is sure to be one.

Decided character by character, so how the text is cut into pieces changes nothing. The sentences hold all of the
text's characters but the white space between them; they are not yet made speakable.
"""

from __future__ import annotations

import re
import unicodedata

FIRST_CLAUSE = 40
"""Characters from which the first sentence is let go at a comma, so that its sound leaves early."""

LONGEST = 220
"""Characters of a sentence, some 15 seconds: a longer one is cut at a clause, else between words, else anywhere."""

SHORTEST_CLAUSE = 40

_TERMINATORS = ".?!…।॥。！？"  # noqa: RUF001  the full-width ones are meant
_UNSPACED = "।॥。！？"  # noqa: RUF001  these end a sentence without white space behind them
_CLOSERS = "\"')]}*_`»”\u2019"
_OPENERS = "\"'([{*_`“«\u2018"
_VIRAMA = 9
"""The canonical combining class of the sign that joins two letters into one."""
_JOINERS = "\u200c\u200d"
_ACRONYM = re.compile(r"(?:[A-Z]\.)+[A-Z]|[A-HJ-Z]")
_NUMBERING = re.compile(r"\s*\d{1,2}")
_TITLES_AND_SUCH = "mr mrs ms dr smt shri sri prof st rs approx e.g i.e vs sq opp viz capt col maj lt gen hon rev"
_HINDI_TITLES = "डॉ डा श्री प्रो पं कु सुश्री रु रू"
_ALWAYS_FOLLOWED = frozenset(f"{_TITLES_AND_SUCH} {_HINDI_TITLES}".split())
"""Abbreviations with a word always behind them."""
_MAY_BE_LAST = (
    "no nos etc ft sq.ft rd ltd pvt co cr jr sr a.m p.m extn apt govt dept est ave min max avg yrs hrs mins "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun"
)
_SOMETIMES_LAST = frozenset(_MAY_BE_LAST.split())
"""Abbreviations, and words that look like one: a digit or small letter behind them shows that the sentence goes on."""
_CLAUSE_END = re.compile(
    r"[,;:\u2013\u2014]\s|\s(?=(?:and|but|or|so|because|which|while|और|लेकिन|मगर|या|क्योंकि|जो|तो)\s)"
)


class Sentences:
    """One reply's text on its way to the voice."""

    def __init__(self, first_clause: int = FIRST_CLAUSE, longest: int = LONGEST) -> None:
        self._first_clause = first_clause
        self._longest = longest
        self._text = ""
        self._first = True
        self._fences = True
        """Whether ``` still means a block of code."""
        self._fenced = False

    def feed(self, piece: str) -> list[str]:
        """Take the next piece of the text; the sentences that it completes, often none."""
        done: list[str] = []
        for char in piece:
            if not self._text and char.isspace():
                continue
            self._text += char
            if char == "`" and self._fences and self._text.endswith("```"):
                self._fenced = not self._fenced
            if cut := self._cut():
                sentence, self._text = self._text[:cut].strip(), self._text[cut:].lstrip()
                self._first = False
                done.append(sentence)
        return done

    def finish(self) -> list[str]:
        """The text has ended: what is left of it, if anything. Another text may be fed after that."""
        done: list[str] = []
        if self._fenced:  # never closed, so no block of code after all
            text, self._text, self._fenced, self._fences = self._text, "", False, False
            done = self.feed(text)
        if left := self._text.strip():
            done.append(left)
        self._text, self._first, self._fences = "", True, True
        return done

    def _cut(self) -> int:
        """Where to cut the text now that its last character is known; 0 for not yet."""
        text = self._text
        if self._fenced:  # a block of code stays in one piece, to be left out as one
            return 0
        if text[-1] == "\n":
            return len(text)
        if text[-1].isspace():
            if _how_it_ends(text[:-1]) == "sentence":
                return len(text)
            if self._first and len(text) > self._first_clause and text[-2] in ",;:\u2013\u2014":
                return len(text)
        elif text[-1] not in _TERMINATORS and text[-1] not in _CLOSERS:
            before = text[:-1].rstrip()
            ends = _how_it_ends(before)
            spaced = len(before) < len(text) - 1
            if ends == "unspaced" or (spaced and ends == "unsure" and not _goes_on(text[-1])):
                return len(text) - 1
        return self._cut_long() if len(text) > self._longest else 0

    def _cut_long(self) -> int:
        text = self._text
        clauses = [m.end() for m in _CLAUSE_END.finditer(text) if m.end() >= SHORTEST_CLAUSE]
        if clauses:
            return clauses[-1]
        space = text.rstrip().rfind(" ")
        if space > 0:
            return space + 1
        cut = len(text) - 1
        while cut > 1 and _belong_together(text[cut - 1], text[cut]):
            cut -= 1
        return cut


def _belong_together(before: str, after: str) -> bool:
    """A letter and its marks, or the letters of a conjunct."""
    joined = before in _JOINERS or unicodedata.combining(before) == _VIRAMA
    return joined or after in _JOINERS or unicodedata.category(after)[0] == "M"


def _goes_on(first: str) -> bool:
    """Whether a word that begins so may go on with a sentence: in a script without capitals, any may."""
    return first.isdecimal() or (first.isalpha() and first == first.lower())


def _how_it_ends(text: str) -> str:
    """ "sentence", "unspaced" for a sentence that needs no space behind it, "unsure" where the next word must tell, or
    "" for a text that goes on."""
    marked = text.rstrip(_CLOSERS)
    words = marked.rstrip(_TERMINATORS)
    marks = marked[len(words) :]
    if not marks:
        return ""
    if marks[-1] in _UNSPACED:
        return "unspaced"
    if marks != ".":
        return "sentence" if set(marks) - {".", "…"} else "unsure"
    token = words[words.rfind(" ") + 1 :].lstrip(_OPENERS)
    if token.lower() in _ALWAYS_FOLLOWED or _ACRONYM.fullmatch(token) or _NUMBERING.fullmatch(words):
        return ""
    return "unsure" if token.lower() in _SOMETIMES_LAST else "sentence"
