"""Recordings as files: one line of JSON an event, compressed, one file a leg.

A file is written in members of gzip, each of them whole, so that what a crash leaves is read as far as it goes.
Synchronous: nurseries run it in a thread.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import BinaryIO

import msgspec

from agent.replay.events import VERSION, Asked, Event, Fed, Header, Pass

SUFFIX = ".session.gz"

PIECE = 1 << 16
"""Bytes that are read at a time."""

LONGEST = 1 << 26
"""Characters of a line: no event is so long."""

_SAFE = re.compile(r"[^A-Za-z0-9_-]")
_EVENT = msgspec.json.Decoder(Event)
_HEADER = msgspec.json.Decoder(Header)


class NotARecording(ValueError):  # noqa: N818  it tells of the file
    """This is no recording of a call, or of a version that cannot be read."""


def path_of(folder: Path, call_sid: str, leg: int) -> Path:
    """Where a leg's recording is."""
    return folder / f"{_SAFE.sub('_', call_sid)}-{leg}{SUFFIX}"


def of_call(folder: Path, call_sid: str) -> list[Path]:
    """A call's recordings, by leg."""
    found = folder.glob(f"{_SAFE.sub('_', call_sid)}-*{SUFFIX}")
    return sorted(
        found, key=lambda path: [int(n) for n in path.name.removesuffix(SUFFIX).rpartition("-")[2].split(".")]
    )


def begin(path: Path, lines: Iterable[Header | Event]) -> Path:
    """Write these to a file of their own, and return which: where there is one already, for a leg may begin twice when
    nobody can tell that it has, "-1.2" in the place of "-1". Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = path.name.removesuffix(SUFFIX)
    for n in count(2):
        try:
            with path.open("xb") as file:
                file.write(_member(lines))
        except FileExistsError:
            path = path.with_name(f"{stem}.{n}{SUFFIX}")
        else:
            break
    return path


def append(path: Path, lines: Iterable[Header | Event]) -> None:
    """Write these behind what is there; raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(_member(lines))


def _member(lines: Iterable[Header | Event]) -> bytes:
    return gzip.compress(b"".join(msgspec.json.encode(line) + b"\n" for line in lines), 3)


def read(path: Path) -> tuple[Header, list[Event]]:
    """A whole recording. Raises OSError and NotARecording, which say what is wrong with which file."""
    with path.open("rb") as file:
        lines = _lines(file)
        try:
            header = _HEADER.decode(next(lines))
        except StopIteration:
            raise NotARecording(f"{path} is no recording of a call: record one with RECORD_SESSIONS=always.") from None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise NotARecording(f"{path} is no recording of a call: {error}.") from None
        if header.version != VERSION:
            raise NotARecording(f"{path} is of version {header.version}, and this product reads {VERSION}.")
        events: list[Event] = []
        asked = 0
        for line in lines:
            try:
                event = _EVENT.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise NotARecording(f"{path}, line {len(events) + 2}: {error}.") from None
            if (not events and not isinstance(event, Pass)) or (isinstance(event, Fed) and not 0 <= event.ask < asked):
                raise NotARecording(f"{path}, line {len(events) + 2}: it belongs to nothing before it.")
            asked += isinstance(event, Asked)
            events.append(event)
    return header, events


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines, as far as they can be read; a piece at a time, as there are many members."""
    member, rest = zlib.decompressobj(31), b""
    while data := file.read(PIECE):
        while data:
            try:
                text = member.decompress(data)
            except zlib.error:
                return
            *lines, rest = (rest + text).split(b"\n")
            if len(rest) > LONGEST:
                return
            yield from lines
            data = member.unused_data
            if member.eof:
                member = zlib.decompressobj(31)
