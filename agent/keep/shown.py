"""A record as whoever may read it gets it. Pure."""

from __future__ import annotations

import msgspec

from agent.keep.record import CallRecord

OWN = "thread"
"""What is between processes: where a call stands that goes on."""


def shown(record: CallRecord) -> CallRecord:
    """To be written as JSON: the field is not in it then."""
    return msgspec.structs.replace(record, **{OWN: msgspec.UNSET})
