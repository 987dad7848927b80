"""A file of numbers into the do-not-call list: bytes in, counts and faults out; flat memory, however long it is."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec

from agent.guard import numbers
from agent.guard.dial_book import DialBook, DoNotCall
from agent.guard.order import Refused

AT_ONCE = 1000
"""Numbers in one write."""

LONGEST = 4096
"""Bytes of a line."""

TOLD = 20
"""Faults that are told in full."""

_NAMES = frozenset({"number", "phone", "mobile", "telephone", "phone number", "phone_number", "msisdn"})


@dataclass
class Taken:
    """What became of a file."""

    added: int = 0
    known: int = 0
    """On the list before, or twice in the file."""
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    """The first TOLD of them, in words."""


def take_in(file: BinaryIO, book: DialBook, template: DoNotCall, country: str | None, home: str) -> Taken:
    """Add every number of the file, as `template` has the rest. Without a `country`, a number that has no country code
    is refused, with what it would be in `home`. Raises StoreError, OSError: what was added by then stays."""
    taken = Taken()
    batch: list[DoNotCall] = []
    for line, text in _cells(file):
        number = numbers.in_full(text, country) if country else ""
        read = number or numbers.listable(text, home)
        if isinstance(read, Refused):
            taken.refused += 1
            if len(taken.faults) < TOLD:
                taken.faults.append(f"line {line}: {read.detail}")
            continue
        batch.append(msgspec.structs.replace(template, number=read))
        if len(batch) >= AT_ONCE:
            _add(book, batch, taken)
    _add(book, batch, taken)
    return taken


def _add(book: DialBook, batch: list[DoNotCall], taken: Taken) -> None:
    if batch:
        added = book.add(batch)
        taken.added += added
        taken.known += len(batch) - added
        batch.clear()


def _cells(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """The cell of each line that has the number, with the line's own number; empty lines and comments are left out."""
    column, headed = 0, False
    for line, raw in enumerate(iter(lambda: file.readline(LONGEST), b""), 1):
        text = raw.decode("utf-8-sig" if line == 1 else "utf-8", "replace").replace("\0", "\ufffd").strip()
        if not text or text.startswith("#"):
            continue
        cells = next(csv.reader([text], delimiter=";" if ";" in text and "," not in text else ","), [])
        heads = [cell.strip().lower() for cell in cells]
        first, headed = not headed, True
        if first and (known := [n for n, head in enumerate(heads) if head in _NAMES]):
            column = known[0]
            continue
        # An apostrophe is a spreadsheet's, and our own export's, for what is no formula.
        yield line, cells[column].strip().removeprefix("'") if column < len(cells) else ""
