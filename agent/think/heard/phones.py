"""The caller's own telephone number: an utterance in; its ten digits out.

Said digit by digit or in groups, with "double" and "triple"; the country's code or a leading zero goes. A personal
datum: it is kept as a fact and never said back.
"""

from __future__ import annotations

from agent.think.heard.words import Heard

DIGITS = 10
"""Of an Indian number without its prefix; mobile numbers begin with 6 to 9, as do most numbers with an area code."""
_ZERO = frozenset({"o", "oh"})
_TIMES = {"double": 2, "triple": 3}


def find_phone(heard: Heard) -> tuple[str, int, int] | None:
    """(value, start, end) of the last number that is long enough for a telephone."""
    found = None
    digits, start, end, offset, times = "", 0, 0, 0, 1
    for word, (a, b) in [*zip(heard.text.split(), heard.spans, strict=True), ("", (0, 0))]:
        said = heard.said[a:b].replace(",", "")
        more = said if said.isdecimal() else word if word.isdecimal() else "0" if word in _ZERO and digits else ""
        if more:
            start = start if digits else offset
            digits += more * times if len(more) == 1 else more
            end = offset + len(word)
        elif word not in _TIMES:
            if number := _national(digits):
                found = number, start, end
            digits = ""
        elif not digits:
            start = offset
        times = _TIMES.get(word, 1)
        offset += len(word) + 1
    return found


def _national(digits: str) -> str:
    """The ten digits, or "" for a number of another kind."""
    for prefix in ("91", "0"):
        if len(digits) == DIGITS + len(prefix):
            digits = digits.removeprefix(prefix)
    return digits if len(digits) == DIGITS and digits.isascii() and digits[0] in "6789" else ""
