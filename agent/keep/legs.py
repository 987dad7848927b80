"""What lies between two legs of a call. Pure."""

from __future__ import annotations

from typing import NamedTuple

from agent.keep.record import CallRecord

WORDS = {
    "hand-off": "handed off",
    "connection lost": "the connection was lost",
    "process gone": "its process was gone",
}
"""Why another leg follows (see `Leg.why`), in words for whoever reads what was said."""


class Gap(NamedTuple):
    """Between two legs: nobody can have heard or said anything. Times are the call's, in milliseconds."""

    start_ms: int
    end_ms: int
    words: str


def gaps(record: CallRecord) -> list[Gap]:
    """Of all its legs but the last, in order. Where nobody could write down when a leg ended, its last entry did."""
    found = []
    for leg, after in zip(record.legs, record.legs[1:], strict=False):
        ended = leg.ended_ms
        if ended is None:
            ends = [entry.end_ms for entry in record.entries if leg.began_ms <= entry.end_ms <= after.began_ms]
            ended = max(ends, default=leg.began_ms)
        why = leg.why or "process gone"
        found.append(Gap(min(ended, after.began_ms), after.began_ms, WORDS.get(why, why)))
    return found
