"""What a person asks for, in their own way of writing dates and numbers: texts in, a Query out, or what is wrong.

Pure, and the same for the HTTP face and for the command line. A "+" in an address's query arrives as a space, and is
taken for what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from agent.keep.query import GOES_ON, SORTS, Query, Sort
from agent.keep.terms import words
from agent.model import Ending

ENDINGS = (*(ending.value for ending in Ending), GOES_ON)

LONGEST = 200
"""Characters of any text that is asked for."""

EMPTY = "it is empty: give it a value, or leave it out."
"""What is wrong with a filter that nothing is given for: it must not be taken for everything."""

_FIELDS = {"min_score": "least_score", "max_score": "most_score", "q": "text"}
FILTERS = ("since", "until", "number", "ending", *_FIELDS)
"""By the names that people use."""

_EATEN_PLUS = re.compile(r"(?<=[T ])(\d\d[\d:.,]*) (\d\d(:?\d\d)?)")
_DIGITS = re.compile(r"\+[1-9][0-9]{6,14}")
_AS_GIVEN = re.compile(r"\+?[0-9]{3,15}")
_ADDRESS = re.compile(r"(?i:sips?|client):[^\s<>\"]{1,150}|[A-Za-z][A-Za-z_]{0,30}")


Wrong = tuple[str, str]
"""Which part of what is asked cannot be used, and what is wrong with it and what to write instead: a sentence."""


def asked(given: Mapping[str, str], zone: tzinfo) -> tuple[Query, list[Wrong]]:
    """The query, and all that is wrong with it; `given` by the names in FILTERS, "" for what is not asked. A date is a
    whole day of `zone`."""
    wrong: list[Wrong] = []
    fields: dict[str, str | int] = {}
    readers: dict[str, Callable[[str], str | int]] = {
        "since": lambda text: moment(text, zone),
        "until": lambda text: moment(text, zone, end=True),
        "number": number,
        "ending": ending,
        "min_score": score,
        "max_score": score,
        "q": _text,
    }
    for name, read in readers.items():
        if text := given.get(name, ""):
            try:
                fields[_FIELDS.get(name, name)] = read(text)
            except ValueError as error:
                wrong.append((name, str(error)))
    return msgspec.convert(fields, Query), wrong


def moment(text: str, zone: tzinfo, *, end: bool = False) -> str:
    """A time, as `CallRecord.started_at` has it, up to a whole millisecond. A date alone is the beginning of that day
    in `zone`; with `end`, the beginning of the next. Raises ValueError, in words."""
    told = _EATEN_PLUS.sub(r"\1+\2", text.strip())
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", told):
            day = date.fromisoformat(told)
            at = datetime.combine(day, time(), zone) if not end else _next_day(day, zone)
        else:
            at = datetime.fromisoformat(told)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text[:60]!r} is neither a date such as 2026-11-22 nor a time such as 2026-11-22T10:00:00+05:30."
        ) from None
    if at.tzinfo is None:
        raise ValueError(
            f"{text[:60]!r} has no time zone: end it with Z, or with an offset such as +05:30, or give the date alone."
        )
    try:
        at = at.astimezone(UTC) + timedelta(microseconds=999)
    except OverflowError:  # of the first or last day that there is, seen from far enough away
        at = datetime.min.replace(tzinfo=UTC) if at.year == 1 else datetime.max.replace(tzinfo=UTC)
    return at.isoformat(timespec="milliseconds")


def _next_day(day: date, zone: tzinfo) -> datetime:
    if day == date.max:
        return datetime.max.replace(tzinfo=zone)
    return datetime.combine(day + timedelta(days=1), time(), zone)


def number(text: str) -> str:
    """A number as records have it: "+91 98765-43210", " 919876543210" and "00919876543210" are "+919876543210"; digits
    alone are what some carriers give, such as "1800123456"; also a SIP address, or a word such as anonymous. Raises
    ValueError, in words."""
    bare = re.sub(r"[\s().\-/\u00a0\u2010-\u2015]", "", text)
    if text[:1] == " " and bare[:1].isdigit():
        text = bare = f"+{bare}"
    full = f"+{bare[2:]}" if bare.startswith("00") else bare
    if _DIGITS.fullmatch(full):
        return full
    given = text.strip()
    if _AS_GIVEN.fullmatch(given) or _ADDRESS.fullmatch(given):
        return given
    raise ValueError(
        f"{text[:60]!r} is no number with its country code: write it like +91 98765 43210, or, where records have it"
        " without one, as they have it."
    )


def ending(text: str) -> str:
    """One of ENDINGS, with spaces, - or _ between its words. Raises ValueError, in words."""
    words = re.sub(r"[-_\s]+", " ", text.strip().lower())
    for each in ENDINGS:
        if words == each.replace("_", " "):
            return each
    raise ValueError(f"{text[:60]!r} is no ending; there are: {', '.join(ENDINGS)}.")


def score(text: str) -> int:
    """0 to 100. Raises ValueError, in words."""
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > 100:
        raise ValueError(f"{text[:60]!r} is no score: it is a whole number from 0 to 100.")
    return int(text)


def sort(text: str) -> Sort:
    """One of SORTS. Raises ValueError, in words."""
    for each in SORTS:
        if text.strip().lower() == each:
            return each
    raise ValueError(f"{text[:60]!r} is no order; there are: {', '.join(SORTS)}.")


def _text(text: str) -> str:
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters: search for fewer words.")
    if not words(text):
        raise ValueError(f"{text[:60]!r} has no word to search for.")
    return text
