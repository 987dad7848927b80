"""What the caller does with an utterance, beside telling facts: their words in; the name of one move out.

A move is an ask ("please repeat"), an objection ("too expensive") or a leave-taking ("thank you, bye"). The words for
each are in `moves.txt`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from agent.think.heard.consent import find_do_not_call, find_own_call
from agent.think.heard.words import Heard, pattern

_NOISE = frozenset(
    {"um", "uh", "hm", "hmm", "mm", "mhm", "ah", "oh", "eh", "er", "huh", "you", "the", "a", "and", "so"}
)
_SORRY = pattern(r"sorry|story")
_QUESTION = re.compile(
    r"^(?:(?:and|but|so|ok|okay|hello|actually|well|yes|no|also|then) )*"
    r"(?:what|which|who|whom|whose|when|where|why|how|is|are|am|do|does|did|can|could|will|would"
    r"|shall|should|may|have|has)\b"
)


_OPEN_END = re.compile(
    r"(?:\bu[mh]+|\b(?:er+|h+m+|eh)|\b(?:my|our|the|an?|for|in|at|near|around|about|with|and|or|but|because|is|are|of|to"
    r"|say|like|maybe|i|we|want|looking|something|somewhere|some)) ?$"
)


@cache
def _moves() -> dict[str, re.Pattern[str]]:
    blocks: dict[str, list[str]] = {}
    name = ""
    for line in (Path(__file__).parent / "moves.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
            blocks[name] = []
        elif line and not line.startswith("#"):
            blocks[name].append(line)
    return {name: pattern(*lines) for name, lines in blocks.items()}


def find_move(heard: Heard) -> str:
    """The name of the move, or "" for words that are none."""
    if find_do_not_call(heard):
        return "stop_calling"
    if find_own_call(heard):
        return "will_call"
    for name, move in _moves().items():
        if move.search(heard.text):
            return name
    return "repeat" if _SORRY.fullmatch(heard.text) else ""


def is_noise(heard: Heard) -> bool:
    """Nothing to go by: no words, or only the small ones that recognisers make of a breath."""
    return all(word in _NOISE or len(word) == 1 for word in heard.text.split())


def is_unfinished(heard: Heard) -> bool:
    """The caller has stopped in the middle: "My budget is, um"."""
    return " " in heard.text and bool(_OPEN_END.search(heard.text)) and not is_question(heard)


def is_question(heard: Heard) -> bool:
    """The caller wants to know something."""
    return heard.said.rstrip().endswith("?") or bool(_QUESTION.match(heard.text))
