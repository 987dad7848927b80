"""Which calls are asked for, and where a page of them goes on. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import msgspec

from agent.keep.record import CallRecord


class Query(msgspec.Struct, frozen=True, omit_defaults=True):
    """Calls that fulfil all of it. An empty field asks for nothing."""

    since: str = ""
    """Begun at or after: ISO 8601, UTC, as in `CallRecord.started_at`, to which it is compared as text."""
    until: str = ""
    """Begun before."""
    number: str = ""
    """Of either side, in full, whatever its case: `caller` or `called`."""
    ending: str = ""
    """One of `Ending`'s values, or GOES_ON."""
    least_score: int | None = None
    most_score: int | None = None
    text: str = ""
    """Words that all occur in what was said, or in the summary, in any order and whatever their case. A text without
    any word asks for nothing."""


GOES_ON = "goes_on"
"""The ending of a call that has not ended."""


class Place(NamedTuple):
    """Where the next page begins: behind this call, newest first."""

    started_at: str
    call_sid: str


def place_of(record: CallRecord) -> Place:
    return Place(record.started_at, record.call_sid)


def fulfils(record: CallRecord, query: Query) -> bool:
    """Whether it is asked for, its words aside."""
    score = None if record.lead is None else record.lead.score
    return (
        (not query.since or record.started_at >= query.since)
        and (not query.until or record.started_at < query.until)
        and (not query.number or query.number.lower() in (record.caller.lower(), record.called.lower()))
        and (not query.ending or query.ending == (record.ending or GOES_ON))
        and (query.least_score is None or (score is not None and score >= query.least_score))
        and (query.most_score is None or (score is not None and score <= query.most_score))
    )


_FORM = "0000-00-00T00:00:00"


def rank(started_at: str) -> int:
    """The second of a time, as 14 digits. Any text has one, and none less than a text that sorts before it: what is not
    of the form counts as the nearest that is."""
    digits = ""
    for form, given in zip(_FORM, started_at, strict=False):
        low, high = ("0", "9") if form == "0" else (form, form)
        if not low <= given <= high:
            return int(digits.ljust(14, "0" if given < low else "9"))
        digits += given if form == "0" else ""
    return int(digits.ljust(14, "0"))


def span(query: Query, after: Place | None) -> tuple[int, int]:
    """The least and the greatest rank that a call may have."""
    ends = [query.until] if query.until else []
    ends += [] if after is None else [after.started_at]  # behind a call of no time there are others like it, or none
    return rank(query.since), min(map(rank, ends), default=10**14 - 1)


def page(found: Iterable[tuple[int, CallRecord]], query: Query, limit: int, after: Place | None) -> list[CallRecord]:
    """The first of them that are asked for and come behind `after`, in order. They are given with their ranks, greatest
    first, and no more of them are taken than are needed."""
    taken: list[CallRecord] = []
    for _, same in groupby(found if limit > 0 else (), itemgetter(0)):
        asked = {(r.started_at, r.call_sid): r for _, r in same if fulfils(r, query)}
        taken += [asked[key] for key in sorted(asked, reverse=True) if after is None or key < after]
        if len(taken) >= limit:
            break
    return taken[:limit]
