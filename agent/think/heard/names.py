"""Who is calling: an utterance in; the caller's name out, where they really give it.

"I am looking" is no name and "I am Priya" is one: what follows must not be everyday English, nor a place, and where it
is only claimed in passing ("this is ...", "I am ...") the recogniser must have heard a name too, with a capital.
"""

from __future__ import annotations

import re

from agent.think.heard.english import everyday
from agent.think.heard.places import mentions
from agent.think.heard.words import Heard

_TITLES = frozenset({"mr", "mister", "mrs", "miss", "ms", "dr", "doctor"})
_GIVEN = re.compile(
    r"\b(?:(?:my|the) (?:good |full )?name(?: is)?|myself|(?:you )?can call me|call me|name is)(?: only)? "
)
_IN_PASSING = re.compile(r"\b(?:this is|i am|it is|that is|here is|speaking with) ")
_BEHIND = re.compile(r"\b(?P<name>[^\W\d]+(?: [^\W\d]+)?) (?:here|speaking|this side)\b")
_ANSWER = re.compile(
    r"(?:(?:um|uh|yes|yeah|ya|sure|ok|okay|oh|well|so|sir|madam|ma am|i am|it is|this is|that is|my name is|just"
    r"|is)\b ?)*"
)
_NO_NAMES = frozenset("hello sir madam yeah ya haan ji sorry story pardon bye actually".split())  # noqa: SIM905
_SPELT = re.compile(r"(?:[a-z] ){2,}[a-z]\b")

LONGEST = 3
"""Words of a name, without a title."""


def find_name(heard: Heard, asked: bool) -> tuple[str, int, int] | None:
    """(value, start, end) of the caller's name; `asked`: the agent has just asked for it: a bare name counts."""
    text = heard.text
    for found in _GIVEN.finditer(text):
        if taken := _name_at(heard, found.end(), capital=False):
            return taken
    for found in _IN_PASSING.finditer(text):
        if taken := _name_at(heard, found.end(), capital=not asked):
            return taken
    for found in _BEHIND.finditer(text):
        if taken := _name_at(heard, found.start("name"), capital=True):
            return taken
    if asked and len(text.split()) <= 6 and (lead := _ANSWER.match(text)):
        return _name_at(heard, lead.end(), capital=False)
    return None


def _name_at(heard: Heard, start: int, capital: bool) -> tuple[str, int, int] | None:
    """The name that begins at `text[start]`: the words up to an everyday one or a pause."""
    if spelt := _SPELT.match(heard.text, start):
        return spelt.group().replace(" ", "").capitalize(), start, spelt.end()
    words: list[str] = []
    end = start
    for word in heard.text[start:].split():
        word_end = end + len(word)
        original = heard.originals(end, word_end)[0]
        title = word in _TITLES and not words
        if not title and (word in _NO_NAMES or everyday(word) or not word.isalpha()):
            break
        if capital and not title and not original[:1].isupper():
            break
        words.append(word)
        end = word_end + 1
        if len(words) - (words[0] in _TITLES) == LONGEST or (
            heard.pause_after(word_end) and len(word) > 1 and not title
        ):
            break
    if not words or (len(words) == 1 and (len(words[0]) == 1 or words[0] in _TITLES)):
        return None
    end = max(end - 1, start)
    if capital and any(m.start < end and m.end > start for m in mentions(heard, asked=False)):
        return None
    return " ".join(w.capitalize() for w in words), start, end
