"""Whose records a person may have erased, and what is told about it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import msgspec

from agent.keep.record import CallRecord

SURELY_OVER = timedelta(minutes=30)
"""Beyond the longest call: a record without an ending is then one that its process has left behind."""


class Erased(msgspec.Struct):
    """What became of one number's records."""

    number: str
    records: int = 0
    """Erased from the store."""
    recordings: int = 0
    """Sounds erased."""
    leftovers: int = 0
    """Records erased from files that processes keep or have left under DATA_DIR."""
    goes_on: int = 0
    """Records of calls that go on: not erased. Ask again when they are over."""
    elsewhere: int = 0
    """Journals and spooled recordings under DATA_DIR that are still of them and that processes hold, until they write
    them anew, are done with them, or stop: what they tell is not kept by the store any more."""
    failed: list[str] = []
    """What could not be erased, in words. Asking again goes on with it."""
    orders: int = 0
    """Of calls to them: erased."""


def person_of(record: CallRecord) -> str:
    """The number of the one who was spoken to."""
    return record.called if record.direction.startswith("outbound") else record.caller


def of_person(record: CallRecord, number: str) -> bool:
    """Whether the person behind this number is the one who was spoken to: our own lines have no records erased."""
    return number.lower() == person_of(record).lower()  # a SIP address has no case of its own


def goes_on(record: CallRecord, now: datetime, longest_s: float) -> bool:
    """Whether the call may still be going on; `longest_s` is as long as one may last."""
    if record.ending:
        return False
    try:
        began = datetime.fromisoformat(record.started_at).astimezone(UTC)
    except (ValueError, OverflowError):  # of no call that we hold
        return False
    return now - began < timedelta(seconds=longest_s) + SURELY_OVER


def asked_line(number: str, *, who: str, at: datetime) -> bytes:
    """The audit log's line of JSON before anything is erased."""
    return _line("asked to erase a caller's records", number, who, at)


def audit_line(erased: Erased, *, who: str, at: datetime) -> bytes:
    """Its line of what became of that. An entry on the do-not-call list is kept, for it is what they have asked for."""
    counts: dict[str, int | str] = {
        "records": erased.records,
        "recordings": erased.recordings,
        "leftovers": erased.leftovers,
        "goes_on": erased.goes_on,
        "elsewhere": erased.elsewhere,
        "failed": len(erased.failed),
        "orders": erased.orders,
        "do_not_call": "kept",
    }
    return _line("erased a caller's records", erased.number, who, at, counts)


def _line(
    what: str, number: str, who: str, at: datetime, counts: Mapping[str, int | str] = MappingProxyType({})
) -> bytes:
    """The number is told by its last two digits: a log of who was erased must not be a list of them, and a hash of a
    telephone number is one that anybody can try out."""
    told = {"at": at.isoformat(timespec="milliseconds"), "what": what, "who": who, "number": f"***{number[-2:]}"}
    return msgspec.json.encode({**told, **counts}) + b"\n"
