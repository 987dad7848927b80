"""What is written down of calls while they go on: a record's changes in, lines for a file out; lines in, records out.

Pure. A line is a checksum (CRC-32, eight hex digits) and a JSON object, so that what a crash tore, or a disk spoilt, is
known by itself and costs no other line. An event says how a record's entries go on from its n-th, and, where it has
changed, everything else of the record: replaying any number of them, some of them twice, gives the newest record.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec

from agent.keep.record import CallRecord, Entry


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of one record."""

    call: str
    """The CallSid."""
    since: int = 0
    """Entries before this one stay as they are; those from it on are `entries`."""
    entries: tuple[Entry, ...] = ()
    head: CallRecord | None = None
    """The record without its entries, where that has changed."""
    done: bool = False
    """The record is complete, and kept elsewhere: nothing is to be remembered of it."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


def line(event: Event) -> bytes:
    """As it is appended to the file."""
    body = _encode(event)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def read(data: bytes) -> tuple[list[Event], int]:
    """The events in a file, and how many lines are damaged: the last one by a crash, any by a disk."""
    events, damaged = [], 0
    for each in data.split(b"\n"):
        if not each:
            continue
        if each[:9] != b"%08x " % zlib.crc32(each[9:]):
            damaged += 1
            continue
        try:
            events.append(_decode(each[9:]))
        except msgspec.DecodeError:
            damaged += 1  # of another version
    return events, damaged


def change(before: CallRecord | None, now: CallRecord) -> Event | None:
    """What turns the record as it was written last into the one that it is now; None where it is the same."""
    head, old = _head(now), before.entries if before is not None else ()
    new_head = None if before is not None and _head(before) == head else head
    same = next((n for n, (a, b) in enumerate(zip(old, now.entries, strict=False)) if a != b), None)
    since = min(len(old), len(now.entries)) if same is None else same
    if new_head is None and since == len(old) == len(now.entries):
        return None
    return Event(now.call_sid, since, now.entries[since:], new_head)


def replay(events: Iterable[Event]) -> dict[str, CallRecord]:
    """The records of the calls that were not done, as they were last. One without a head cannot be told, and is not:
    its beginning is in the file before, or was damaged."""
    open_: dict[str, CallRecord] = {}
    for event in events:
        known = open_.get(event.call)
        head = event.head if event.head is not None else known
        if event.done:
            open_.pop(event.call, None)
        elif head is not None:
            entries = known.entries[: event.since] if known is not None else ()
            open_[event.call] = msgspec.structs.replace(head, entries=(*entries, *event.entries))
    return open_


def _head(record: CallRecord) -> CallRecord:
    return msgspec.structs.replace(record, entries=())
