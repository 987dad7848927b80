"""Where card-like numbers are in what one side said: texts in, stretches of them out. Pure.

A card-like number has 13 to 19 digits and passes Luhn's check (ISO/IEC 7812-1). Its digits may be written, in any
script, or spoken (English, Hindi in both scripts), in groups, and spread over texts that follow each other. A group is
never cut: so two telephone numbers in a row are no card. Where a number is only a part of a longer row of digits, is
spoken, or its groups are not those of a card, it must also begin as cards do. A telephone number with its "+", a date
and an amount with commas are none; nor are Aadhaar's 12 digits, nor a pin code beside a telephone number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, islice
from typing import NamedTuple
from unicodedata import normalize

LENGTHS = (16, 15, 14, 19, 18, 17, 13)
LONGEST = max(LENGTHS)
"""The most likely first: what follows a number, such as its check digits, is no part of it."""

PIN_AND_PHONE = ([6, 10], [10, 6])
"""Sizes of groups: an Indian pin code and a telephone number."""

PHONE = 15
"""Digits of a telephone number, at most (E.164)."""

_DIGITS = (
    "zero oh nought shunya sunya शून्य|one ek एक|two do दो|three teen tin तीन|four char chaar चार|"
    "five panch paanch पांच पाँच|six che chhe cheh chhah छह छः छे|seven saat sat सात|eight aath ath आठ|nine nau नौ"
)
_AS_HEARD = "ज़ीरो जीरो ओ|वन|टू|थ्री|फोर फ़ोर|फाइव फ़ाइव|सिक्स|सेवन|एट|नाइन"
"""English digits, as a recogniser of Hindi writes them."""
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SPOKEN = {word: str(n) for n, same in enumerate(_DIGITS.split("|")) for word in same.split()}
SPOKEN |= {word: str(n) for n, word in enumerate(_TEENS.split(), 10)}
SPOKEN |= {word: str(10 * n) for n, word in enumerate(_TENS.split(), 2)}
SPOKEN |= {
    normalize(form, word): str(n)
    for n, same in enumerate(_AS_HEARD.split("|"))
    for word in same.split()
    for form in ("NFC", "NFD")
}
TIMES = {"double": 2, "triple": 3, "quadruple": 4, "डबल": 2, "ट्रिपल": 3}
FILLERS = frozenset(
    word
    for line in (
        "uh um er hmm okay ok yes yeah right so then next it s its is dash space",
        "haan ji phir हाँ जी फिर",
    )
    for word in line.split()
)

_ROUND = frozenset(str(10 * n) for n in range(2, 10))

_TOKEN = re.compile(r"(\d+)|([^\W\d_](?:\w|[\u0900-\u097f])*)")
_BETWEEN = re.compile(r"(?:[\s\-\u2010-\u2015_*#/'\u2019]|[,.;](?=\s|$))*")
_DATE = re.compile(r"(?<!\d)(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4})(?!\d)")
_ISSUED = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}"
    r"|(?:6[0-57]|50|5[6-8]|8[12])\d{14}|6[0-57]\d{17}"
)
"""Visa; Mastercard; American Express; Diners Club; JCB; Discover, RuPay, UnionPay, Maestro."""


class Stretch(NamedTuple):
    """A number, or the part of it that is in one text."""

    text: int
    start: int
    end: int
    last: str
    """The number's last four digits, where it ends here."""


class _Group(NamedTuple):
    digits: str
    start: int
    end: int
    follows: bool
    """Nothing but spaces and the like is between it and the group before, or the text's beginning."""
    begins: bool
    """A number may begin here, in the middle of a row."""
    spoken: bool
    plus: bool
    """Of a telephone number, or so it seems."""


class _Row(NamedTuple):
    """What a text is made of: its groups, and whether its last one reaches its end."""

    groups: tuple[_Group, ...]
    open: bool
    empty: bool
    """Without a word of its own: it parts nothing."""
    dull: bool
    """No number is in it, and none begins or ends in it."""


def stretches(texts: Sequence[str]) -> list[Stretch]:
    """Of all the numbers in the texts, in order."""
    found: list[Stretch] = []
    row: list[tuple[int, _Group]] = []
    for n, text in enumerate(texts):
        groups, open_, empty, dull = _read(text)
        if dull:
            if row:
                found += _in_row(row)
                row = []
            continue
        for group in groups:
            if not group.follows:
                found += _in_row(row)
                row = []
            row.append((n, group))
        if not open_ and not empty:
            found += _in_row(row)
            row = []
    return [*found, *_in_row(row)]


def _in_row(row: list[tuple[int, _Group]]) -> Iterator[Stretch]:
    if sum(len(group.digits) for _, group in row) < 13:
        return
    at = 0
    while at < len(row):
        end = _number(row, at)
        if end:
            digits = "".join(group.digits for _, group in row[at:end])
            for text in dict.fromkeys(text for text, _ in row[at:end]):
                own = [group for where, group in row[at:end] if where == text]
                last = digits[-4:] if text == row[end - 1][0] else ""
                yield Stretch(text, own[0].start, own[-1].end, last)
        at = end or at + 1


def _number(row: list[tuple[int, _Group]], at: int) -> int:
    """Behind the last group of the number that begins here; 0 where none does."""
    first = row[at][1]
    if first.digits[0] == "0" or (at and not first.begins):
        return 0
    lengths = accumulate(len(group.digits) for _, group in islice(row, at, at + LONGEST))
    ends = {length: n for n, length in enumerate(lengths, at + 1)}
    for length in LENGTHS:
        if (end := ends.get(length)) is not None and not (first.plus and length <= PHONE):
            groups = [group for _, group in row[at:end]]
            digits = "".join(group.digits for group in groups)
            sizes = [len(group.digits) for group in groups]
            if sizes in PIN_AND_PHONE:
                continue
            if _luhn(digits) and (_ISSUED.fullmatch(digits) or (len(row) == end - at and _regular(groups))):
                return end
    return 0


def _regular(groups: list[_Group]) -> bool:
    """In groups as on a card, or without any; written, for a telephone number and a pin code are spoken in such a row
    as well."""
    sizes = [len(group.digits) for group in groups]
    even = sizes[0] in {1, 2, 3, 4} and set(sizes[:-1]) == {sizes[0]} and sizes[-1] <= sizes[0]
    written = not any(group.spoken for group in groups)
    return written and (even or len(sizes) == 1 or sizes in ([4, 6, 5], [4, 6, 4]))


def _luhn(digits: str) -> bool:
    doubled = (sum(divmod(2 * int(d), 10)) for d in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(doubled)) % 10 == 0


def _between(text: str, start: int, end: int) -> bool:
    """Nothing is there that parts two groups. A comma with a digit behind it does: so an amount is no number."""
    found = _BETWEEN.match(text, start)
    return found is not None and found.end() >= end


def parts(text: str) -> bool:
    """Whether no number goes on from before this text to behind it, nor from within it."""
    read = _read(text)
    return not read.open and not read.empty


@lru_cache(maxsize=8192)
def _read(text: str) -> _Row:
    """What is looked at again and again while a call goes on is read once."""
    groups: list[_Group] = []
    at, linked, times, filled, empty = 0, True, 1, True, True
    first: int | None = None
    """Where "double" is."""
    dates = [match.span() for match in _DATE.finditer(text)]
    for token in _TOKEN.finditer(text):
        number, word = token.groups()
        start, end = token.span()
        linked = linked and _between(text, at, start)
        at, folded = end, (word or "").casefold()
        if folded in FILLERS:
            filled = True
            continue
        empty = False
        if folded in TIMES:
            times, first = TIMES[folded], start
            continue
        digits = SPOKEN.get(folded, "") if word else "".join(str(unicodedata.decimal(c)) for c in number)
        if not digits or any(low <= start < high for low, high in dates):
            linked, times, first = False, 1, None
            continue
        before = groups[-1] if groups and linked else None
        if word and before and before.spoken and before.digits in _ROUND and len(digits) == 1 and digits != "0":
            groups[-1] = before._replace(digits=before.digits[0] + digits, end=end)  # forty one
            continue
        plus = start > 0 and text[start - 1] == "+"
        begins = filled or len(digits) >= 3
        start = start if first is None else first
        groups.append(_Group(digits * times, start, end, linked and not plus, begins, bool(word), plus))
        linked, times, filled, first = True, 1, False, None
    over = linked and _between(text, at, len(text))
    open_ = over and bool(groups or empty)
    count = sum(len(group.digits) for group in groups)
    dull = not open_ and not empty and not (groups and groups[0].follows) and count < min(LENGTHS)
    return _Row(tuple(groups), open_, empty, dull)
