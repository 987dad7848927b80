"""How long to wait: the caller's words so far in; out, how much silence ends the turn. The port, and a rule on words.

A pause after "my budget is" is for thinking, one after "eighty lakhs" is for us. Recognisers punctuate what they were
given as if it were whole, so only the words count, never their full stop.
"""

from __future__ import annotations

import re
from typing import Protocol

from agent.model import Utterance


class EndOfTurn(Protocol):
    """Decides how much silence ends a turn. Called at each pause; must be quick."""

    def hold_ms(self, text: str, question: str, utterance: Utterance) -> float:
        """Milliseconds of silence, from the end of speech, after which the turn is the agent's: for the words so far
        ("" where there were none), what the agent last asked, and the sound."""
        ...


_DIGIT = r"(?:\d+|zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)"
_TRAILING = re.compile(
    r"(?:^|\s)(?:and|but|or|so|because|cause|if|when|then|which|who|whose|with|without|for|from|to|in|at|on|of|near|by"
    r"|(?<!looking )(?<!look )around|about|between|under|over|up to|like|than|the|a|an|my|our|your|his|her|their|some"
    r"|any|is|are|am|was|were|be|will|would|can|could|should|i|i'm|i am|we|we're|he|she|they|it's|there's|let's"
    r"|want|need|wants|looking|look|say|says|maybe|perhaps|actually|basically|plus|not"
    r"|u+h+m*|u+m+|e+r+m*|hmm+|aur|ya|lekin|par|toh|to|matlab|ki|ka|ke|mein|और|लेकिन|मगर|तो|मतलब|कि|का|की|के|में|या)$"
)
_NUMBERED = re.compile(rf"(?:^|\s){_DIGIT}$")
_ADDRESS = re.compile(
    r"\b(?:(?:flat|house|door|plot|shop|street|road|cross|main|block|sector|phase|floor|tower|wing|stage) (?:number|no)"
    r"|(?:flat|house|door|plot|shop|block|sector|phase|tower|wing|stage|number|no) (?:number )?(?:\d+\w*|[a-z])"
    r"|(?:first|second|third|fourth|fifth|\d+\w*) (?:cross|main|street|floor|stage|phase))$"
)
_DICTATED = re.compile(r"\b(?:phone|mobile|contact|whatsapp|number|address|email|e-mail|pin ?code|spell)\b")
_UNIT = re.compile(r"\b(?:lakhs?|lacs?|crores?|thousand|rupees|k|percent|months?|years?|days?|weeks?|bedrooms?|bhk)\b")
_MONEY = re.compile(r"\b(?:budget|price|amount|rent|how much|spend|invest)\b")

PHONE_DIGITS = 10
"""Of an Indian mobile number."""

_VALUES = dict(zip("zero oh one two three four five six seven eight nine".split(), "00123456789", strict=True))  # noqa: SIM905


def digits_in(text: str) -> int:
    """How many digits a dictated number has so far; "double five" has two."""
    count, times = 0, 1
    for word in re.findall(r"[a-z]+|\d+", text.lower()):
        if word in {"double", "triple"}:
            times = 2 if word == "double" else 3
            continue
        count += times * (len(word) if word.isdigit() else word in _VALUES)
        times = 1
    return count


class LexicalEndOfTurn:
    """Three levels: complete words end a turn after `short_ms`, open ones after `long_ms`; in the middle lies what may
    be either, such as a bare number where a unit is to be expected."""

    def __init__(self, short_ms: float, long_ms: float) -> None:
        self._short_ms = short_ms
        self._long_ms = max(long_ms, short_ms)

    def hold_ms(self, text: str, question: str, utterance: Utterance) -> float:  # noqa: ARG002  for those who listen
        """See the port."""
        words = re.sub(r"[^\w\s'-]+", " ", text.lower()).strip()
        words = re.sub(r"\s+", " ", words)
        asked = question.lower()
        middle = (self._short_ms + self._long_ms) / 2
        if _NUMBERED.search(words):
            return self._number(words, asked, middle)
        if _TRAILING.search(words) or _ADDRESS.search(words) or text.rstrip().endswith(("...", "…", "-")):
            return self._long_ms
        dictating = _DICTATED.search(asked) and " " in words and not _UNIT.search(words)
        return middle if dictating else self._short_ms

    def _number(self, words: str, asked: str, middle: float) -> float:
        digits = digits_in(words)
        if _DICTATED.search(asked) or _DICTATED.search(words) or digits >= 3:
            return self._short_ms if digits >= PHONE_DIGITS else self._long_ms
        return middle if _MONEY.search(asked) or digits > 1 else self._short_ms
