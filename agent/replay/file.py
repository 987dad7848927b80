"""Recordings as files: one line of JSON an event, compressed, one file a leg.

A file is written in members of gzip, each of them whole, so that what a crash leaves is read as far as it goes.
Synchronous: nurseries run it in a thread.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
_NUMBER = re.compile(r"[0-9]+")
_EVENT = msgspec.json.Decoder(Event)
_HEADER = msgspec.json.Decoder(Header)


class NotARecording(ValueError):  # noqa: N818  it tells of the file
    """This is no recording of a call, or of a version that cannot be read."""


@contextmanager
def of_file(path: Path) -> Iterator[None]:
    """What is not as it should be within is of this file."""
    try:
        yield
    except NotARecording as error:
        raise NotARecording(f"{path}: {error}") from None


def path_of(folder: Path, call_sid: str, leg: int) -> Path:
    """Where a leg's recording is."""
    return folder / f"{_SAFE.sub('_', call_sid)}-{leg}{SUFFIX}"


def of_call(folder: Path, call_sid: str) -> list[Path]:
    """A call's recordings, by leg; of one leg in the order in which they were begun."""
    found = folder.glob(f"{_SAFE.sub('_', call_sid)}-*{SUFFIX}")
    return sorted(found, key=lambda path: [int(n) for n in _NUMBER.findall(path.name.rpartition("-")[2])])


def append(path: Path, lines: Iterable[Header | Event], mode: str = "ab") -> None:
    """Write these behind what is there; raises OSError."""
    text = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    if not text:
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open(mode) as file:
        file.write(gzip.compress(text, 3))


class Sheet:
    """Where one leg is written down. A file that is there is another's: the same leg's, which two processes had while
    the store was away, or another process's on the same folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        """Once something is written: the file that has it."""
        self._begun = False

    def append(self, lines: Iterable[Header | Event]) -> None:
        """Write these behind what it has. Raises OSError; where that was the first of it, no file is left."""
        if self._begun:
            append(self.path, lines)
        else:
            self._begin(list(lines))

    def _begin(self, lines: list[Header | Event]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        own, nth = self.path, 1
        while True:
            try:
                append(self.path, lines, "xb")
            except FileExistsError:
                nth += 1
                self.path = own.with_name(f"{own.name.removesuffix(SUFFIX)}.{nth}{SUFFIX}")
            except OSError:
                self.path.unlink(missing_ok=True)
                raise
            else:
                self._begun = bool(lines)
                return


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
