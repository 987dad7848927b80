"""A record as whoever may read it gets it. Pure."""

from __future__ import annotations

import msgspec

from agent.keep.record import CallRecord

OWN = ("thread", "missing")
"""What is between processes: where a call stands that goes on, and what of it one of them could not read."""


def shown(record: CallRecord) -> CallRecord:
    """To be written as JSON: the fields are not in it then."""
    return msgspec.structs.replace(record, **dict.fromkeys(OWN, msgspec.UNSET))
