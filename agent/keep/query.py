"""Which calls are asked for, and where a page of them goes on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Literal, NamedTuple, get_args

import msgspec

from agent.keep.record import CallRecord

Sort = Literal["newest", "oldest", "score", "longest", "cost"]
SORTS: tuple[Sort, ...] = get_args(Sort)


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
    sort: Sort = "newest"
    """The order: by time; or the greatest score, length or cost first, those of the same one by time, newest first, and
    calls without one last."""


GOES_ON = "goes_on"
"""The ending of a call that has not ended."""


FIGURES: Mapping[Sort, Callable[[CallRecord], float | None]] = {
    "score": lambda record: None if record.lead is None else record.lead.score,
    "longest": lambda record: record.duration_ms,
    "cost": lambda record: record.cost_usd,
}
"""What calls are in order of, where that is not time."""


class Place(NamedTuple):
    """Where the next page begins: behind this call, in that order."""

    started_at: str
    call_sid: str
    sort: Sort = "newest"
    figure: float | None = None
    """The call's, by which they are in order; None where it has none, or that is time."""


def place_of(record: CallRecord, sort: Sort = "newest") -> Place:
    return Place(record.started_at, record.call_sid, sort, FIGURES[sort](record) if sort in FIGURES else None)


def order(place: Place) -> tuple[bool, float, str, str]:
    """Calls come by this, the greatest first; of "oldest" the least."""
    return place.figure is not None, place.figure or 0, place.started_at, place.call_sid


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
    least, most = rank(query.since), rank(query.until) if query.until else 10**14 - 1
    if after is not None and query.sort == "newest":
        most = min(most, rank(after.started_at))  # behind a call of no time there are others like it, or none
    if after is not None and query.sort == "oldest":
        least = max(least, rank(after.started_at))
    return least, most


def page(found: Iterable[tuple[object, CallRecord]], query: Query, limit: int, after: Place | None) -> list[CallRecord]:
    """The first of them that are asked for and come behind `after`, in order. They are given in that order but for
    those of one second, which come together: each with what it shares with those, its rank or its figure and its rank.
    No more of them are taken than are needed."""
    taken: list[CallRecord] = []
    upwards = query.sort == "oldest"
    start = None if after is None else order(after)
    for _, same in groupby(found if limit > 0 else (), itemgetter(0)):
        asked = {order(place_of(r, query.sort)): r for _, r in same if fulfils(r, query)}
        keys = sorted(asked, reverse=not upwards)
        taken += [asked[key] for key in keys if start is None or (key > start if upwards else key < start)]
        if len(taken) >= limit:
            break
    return taken[:limit]
