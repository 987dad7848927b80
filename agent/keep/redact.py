"""A record without card-like numbers, as it may be written down. Pure.

What is found (see `card_numbers`) is replaced, its last four digits aside: in what either side said, also where a
number is spread over entries; in keys, tools' arguments and results, facts and what they rest on, and in the summary.
What is changed stays JSON where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agent.keep.card_numbers import Stretch, stretches
from agent.keep.record import CallRecord, Entry, Lead

Redact = Callable[[str], str]


def redacted(record: CallRecord) -> CallRecord:
    """The record itself where nothing is found."""
    found = {
        "entries": _entries(record.entries),
        "facts": {name: text(value) for name, value in record.facts.items()},
        "summary": text(record.summary),
        "lead": _lead(record.lead),
    }
    changed = {name: value for name, value in found.items() if value != getattr(record, name)}
    return msgspec.structs.replace(record, **changed) if changed else record


def text(one: str) -> str:
    """A text of its own."""
    return texts([one])[0]


def texts(several: list[str]) -> list[str]:
    """Texts of one side, in order; the list itself where nothing is found."""
    found = stretches(several)
    if not found:
        return several
    left = list(several)
    for stretch in reversed(found):
        at = left[stretch.text]
        left[stretch.text] = at[: stretch.start] + _instead(stretch) + at[stretch.end :]
    return left


def json(one: str) -> str:
    """A tool's arguments: numbers in them become strings."""
    if text(one) == one:
        return one
    try:
        return msgspec.json.encode(_walk(msgspec.json.decode(one))).decode()
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return text(one)


def _instead(stretch: Stretch) -> str:
    return f"[card ending {stretch.last}]" if stretch.last else "[card]"


def _entries(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Looked at again and again while a call goes on: what is not there costs next to nothing."""
    left = list(entries)
    for role in ("caller", "agent"):
        own = [n for n, entry in enumerate(entries) if entry.role == role]
        _replace(left, own, "text")
        _replace(left, [n for n in own if entries[n].keys], "keys")
    for n, entry in enumerate(entries):
        if entry.meant:
            _replace(left, [n], "meant")
        if entry.role == "tool":
            found = {"arguments": json(entry.arguments), "text": json(entry.text)}
            left[n] = msgspec.structs.replace(left[n], **found)
    return tuple(left)


def _replace(entries: list[Entry], which: list[int], name: str) -> None:
    before = [getattr(entries[n], name) for n in which]
    after = texts(before)
    if after is not before:
        for n, told in zip(which, after, strict=True):
            entries[n] = msgspec.structs.replace(entries[n], **{name: told})


def _lead(lead: Lead | None) -> Lead | None:
    if lead is None:
        return None

    def of(each: Any) -> Any:
        names = ("value", "evidence", "utterance")
        found = {name: after for name in names if (after := text(getattr(each, name))) != getattr(each, name)}
        return msgspec.structs.replace(each, **found) if found else each

    return msgspec.structs.replace(lead, points=tuple(map(of, lead.points)), facts=tuple(map(of, lead.facts)))


def _walk(value: Any) -> Any:
    match value:
        case str():
            return text(value)
        case bool():
            return value
        case int() | float():
            told = str(value)
            return value if text(told) == told else text(told)
        case dict():
            return {text(key): _walk(each) for key, each in value.items()}
        case list():
            return [_walk(each) for each in value]
    return value
