"""Which calls are asked for, and where a page of them goes on. Pure."""

from __future__ import annotations

import msgspec

from agent.keep.record import CallRecord


class Query(msgspec.Struct, frozen=True, omit_defaults=True):
    """Calls that fulfil all of it. An empty field asks for nothing."""

    since: str = ""
    """Begun at or after: ISO 8601, UTC, as in `CallRecord.started_at`, to which it is compared as text."""
    until: str = ""
    """Begun before."""
    number: str = ""
    """Of either side, in full: `caller` or `called`."""
    ending: str = ""
    """One of `Ending`'s values, or GOES_ON."""
    least_score: int | None = None
    most_score: int | None = None
    text: str = ""
    """Words that all occur in what was said, or in the summary, in any order and whatever their case."""


GOES_ON = "goes_on"
"""The ending of a call that has not ended."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where the next page begins: behind this call, newest first."""

    started_at: str
    call_sid: str


def place_of(record: CallRecord) -> Place:
    return Place(record.started_at, record.call_sid)
