"""A record without card-like numbers, as it may be written down. Pure.

What is found (see `card_numbers`) is replaced, its last four digits aside: in what either side said, also where a
number is spread over entries; in keys, tools' arguments and results, facts and what they rest on, and in the summary.
What is changed stays JSON where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agent.keep.card_numbers import Stretch, parts, stretches
from agent.keep.record import CallRecord, Entry, Lead
from agent.keep.thread import Thread, Told

Redact = Callable[[str], str]


class Redactor:
    """One call's, whose record is looked at again and again while it grows: what is done already stays done."""

    def __init__(self) -> None:
        self._raw: CallRecord | None = None
        self._done: CallRecord | None = None
        self.revealed = False
        """By what was said later, something of the record before has turned out to be of a number."""

    def redacted(self, record: CallRecord) -> CallRecord:
        """As `redacted`, at the cost of what is new."""
        raw, done = self._raw, self._done
        self.revealed = False
        if done is not None and record == raw:
            return done
        before, kept = (raw.entries, done.entries) if raw is not None and done is not None else ((), ())
        same = next((n for n, (a, b) in enumerate(zip(before, record.entries, strict=False)) if a != b), None)
        same = min(len(before), len(record.entries)) if same is None else same
        since = _free(record.entries, same)
        entries, unsaid = _entries(record.entries[since:], _unsaid(record))
        entries = (*kept[:since], *entries)
        self.revealed = entries[:same] != kept[:same]
        self._raw, self._done = record, _rest(record, entries, unsaid)
        return self._done


def redacted(record: CallRecord) -> CallRecord:
    """The record itself where nothing is found."""
    return _rest(record, *_entries(record.entries, _unsaid(record)))


def _unsaid(record: CallRecord) -> tuple[str, ...]:
    return record.thread.unsaid if record.thread is not None else ()


def _rest(record: CallRecord, entries: tuple[Entry, ...], unsaid: tuple[str, ...]) -> CallRecord:
    told = {a.text: b.text for a, b in zip(record.entries, entries, strict=True) if a.text != b.text}
    found = {
        "entries": entries,
        "facts": {name: text(value) for name, value in record.facts.items()},
        "summary": text(record.summary),
        "purpose": text(record.purpose),
        "variables": {name: text(value) for name, value in record.variables.items()},
        "lead": _lead(record.lead, told),
        "thread": _thread(record.thread, unsaid, told),
    }
    changed = {name: value for name, value in found.items() if value != getattr(record, name)}
    return msgspec.structs.replace(record, **changed) if changed else record


def _free(entries: tuple[Entry, ...], most: int) -> int:
    """The last entry up to `most` before which every number has ended: the ones from there on are by themselves."""
    since, before = most, -1
    while since != before:  # where one side's number begins earlier, the other's may have one there
        before = since
        for role in ("caller", "agent"):
            for n in range(before - 1, -1, -1):
                if entries[n].role == role:
                    if parts(entries[n].text) and not entries[n].keys:
                        break
                    since = min(since, n)
        if any(entry.keys for entry in entries[:since]):  # keys are a row of their own
            since = min(since, next(n for n, entry in enumerate(entries) if entry.keys))
    return since


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


def _entries(entries: tuple[Entry, ...], unsaid: tuple[str, ...]) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """And what the agent is about to say behind them. Looked at again and again while a call goes on: what is not there
    costs next to nothing."""
    left = list(entries)
    for role in ("caller", "agent"):
        own = [n for n, entry in enumerate(entries) if entry.role == role]
        rest = _replace(left, own, "text", unsaid if role == "agent" else ())
        unsaid = rest if role == "agent" else unsaid
        _replace(left, [n for n in own if entries[n].keys], "keys")
    for n, entry in enumerate(entries):
        if entry.meant:
            _replace(left, [n], "meant")
            if left[n].meant != entry.meant and entry.meant.startswith(entry.text):
                left[n] = msgspec.structs.replace(left[n], text=beginning(entry.meant, len(entry.text)))
        if entry.role == "tool":
            found = {"arguments": json(entry.arguments), "text": json(entry.text)}
            left[n] = msgspec.structs.replace(left[n], **found)
    return tuple(left), unsaid


def _replace(entries: list[Entry], which: list[int], name: str, behind: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Returns what becomes of the texts `behind` those of the entries."""
    before = [*(getattr(entries[n], name) for n in which), *behind]
    after = texts(before)
    if after is before:
        return behind
    for n, told in zip(which, after, strict=False):
        entries[n] = msgspec.structs.replace(entries[n], **{name: told})
    return tuple(after[len(which) :])


def beginning(whole: str, length: int) -> str:
    """So much of a text, of which a number may be cut in the middle."""
    left = whole[:length]
    for stretch in reversed(stretches([whole])):
        if stretch.start < length:
            left = (
                left[: stretch.start] + ("[card]" if stretch.end > length else _instead(stretch)) + left[stretch.end :]
            )
    return left


def _lead(lead: Lead | None, told: dict[str, str]) -> Lead | None:
    if lead is None:
        return None
    points = tuple(_proof(each, told) for each in lead.points)
    return msgspec.structs.replace(lead, points=points, facts=tuple(_proof(each, told) for each in lead.facts))


def _thread(thread: Thread | None, unsaid: tuple[str, ...], told: dict[str, str]) -> Thread | None:
    if thread is None:
        return None

    def of(fact: Told) -> Told:
        fact = _proof(fact, told)
        return msgspec.structs.replace(fact, earlier=tuple(map(of, fact.earlier))) if fact.earlier else fact

    return msgspec.structs.replace(thread, unsaid=unsaid, facts=tuple(map(of, thread.facts)))


def _proof(each: Any, told: dict[str, str]) -> Any:
    """`told`: what became of texts of which numbers were found only together with others."""
    utterance = told.get(each.utterance) or text(each.utterance)
    evidence = text(each.evidence)
    if utterance != each.utterance and evidence not in utterance:
        evidence = utterance
    found = {"value": text(each.value), "evidence": evidence, "utterance": utterance}
    found = {name: after for name, after in found.items() if after != getattr(each, name)}
    return msgspec.structs.replace(each, **found) if found else each


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
