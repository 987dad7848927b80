"""Number words to digits: a list of words in, the same list with each spoken number as one word of digits out.

English as spoken in India: "eighty five", "one point two five", "one and a half", "a hundred and twenty", "one twenty".
Units of money (thousand, lakh, crore) are not touched: they belong to the amount, not to the number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ZERO_TO_NINETEEN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TWENTY_TO_NINETY = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES = {word: n for n, word in enumerate(_ZERO_TO_NINETEEN.split())}
_TENS = {word: 10 * n for n, word in enumerate(_TWENTY_TO_NINETY.split(), start=2)}
_TENS |= {"fourty": 40, "ninty": 90, "eightie": 80, "eighties": 80, "nineties": 90}
_DIGITS = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Word:
    """One word and where in the original text it was heard."""

    text: str
    start: int
    end: int


def with_digits(words: list[Word]) -> list[Word]:
    """Replace every spoken number by its digits."""
    out: list[Word] = []
    at = 0
    while at < len(words):
        value, used = _number(words, at)
        if value is None:
            out.append(words[at])
            at += 1
        else:
            out.append(Word(f"{round(value, 4):.12g}", words[at].start, words[at + used - 1].end))
            at += used
    return out


def _number(words: list[Word], at: int) -> tuple[float | None, int]:
    """The number that begins at a word and how many words it takes; (None, 0) where none begins."""
    value, used = _whole(words, at)
    if value is None:
        fraction, taken = _fraction(words, at)  # "point five"
        return fraction, taken
    fraction, taken = _fraction(words, at + used)
    if fraction is None:
        fraction, taken = _half(words, at + used)
    return value + (fraction or 0.0), used + taken


def _whole(words: list[Word], at: int) -> tuple[float | None, int]:
    text = _text(words, at)
    if _DIGITS.fullmatch(text):
        return float(text), 1
    if text == "a" and _text(words, at + 1) == "hundred":
        value, used = 1, 1
    elif text in _TENS:
        value, used = _below_hundred(words, at)
    elif text in _ONES:
        value, used = _ONES[text], 1
        if 1 <= value <= 9 and _text(words, at + 1) in _TENS:  # "one twenty" is 120
            rest, taken = _below_hundred(words, at + 1)
            return float(100 * value + rest), 1 + taken
    else:
        return None, 0
    if _text(words, at + used) == "hundred":
        value, used = value * 100, used + 1
        skip = 1 if _text(words, at + used) == "and" else 0
        rest, taken = _below_hundred(words, at + used + skip)
        if taken:
            value, used = value + rest, used + skip + taken
    return float(value), used


def _below_hundred(words: list[Word], at: int) -> tuple[int, int]:
    text = _text(words, at)
    if text in _TENS:
        one = _ONES.get(_text(words, at + 1), 0)
        return (_TENS[text] + one, 2) if 1 <= one <= 9 else (_TENS[text], 1)
    return (_ONES[text], 1) if text in _ONES else (0, 0)


def _fraction(words: list[Word], at: int) -> tuple[float | None, int]:
    """ "point two five" """
    if _text(words, at) != "point":
        return None, 0
    digits, used = "", 1
    while (text := _text(words, at + used)) in _ONES or text in _TENS or text.isdecimal():
        digits += text if text.isdecimal() else str(_ONES.get(text, _TENS.get(text)))
        used += 1
    return (float(f"0.{digits}"), used) if digits else (None, 0)


def _half(words: list[Word], at: int) -> tuple[float | None, int]:
    """ "and a half", "and half" """
    if _text(words, at) != "and":
        return None, 0
    skip = 2 if _text(words, at + 1) == "a" else 1
    return (0.5, skip + 1) if _text(words, at + skip) == "half" else (None, 0)


def _text(words: list[Word], at: int) -> str:
    return words[at].text if at < len(words) else ""
