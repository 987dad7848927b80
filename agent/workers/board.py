"""What the workers of one server know of each other: one piece of memory that all of them have, a row for each.

Only its worker writes a row, whole words at a time, so that a reader sees an old number or a new one. Its calls are
there by a digest each: one that was promised a line by one worker and has its stream in another counts once.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import IntFlag
from functools import lru_cache
from hashlib import blake2b

WORD = 8
"""Bytes."""

LINES = 4096
"""Calls that a row has room for: four times what a process may take, for those that are resumed need no line."""

_STANCE, _BEAT, _STREAMS, _TAKEN, _COUNT, _FIRST = range(6)
_ROW = _FIRST + LINES
_LEAVING = 0

_STREAM = 1
"""The bit of a digest that tells a call that has its stream from one that is promised."""


class Stance(IntFlag):
    """Of a worker, towards new connections."""

    OPEN = 1
    """It takes connections."""
    ACCEPTING = 2
    """It takes new calls."""
    LEAVING = 4
    """It was told to leave: what it has goes on."""


def size(rows: int) -> int:
    """Bytes of a board with so many rows."""
    return (1 + rows * _ROW) * WORD


class Board:
    """The memory, as its words."""

    def __init__(self, memory: memoryview, rows: int) -> None:
        """`memory` has `size(rows)` bytes, and is zero at first."""
        self._words = memory.cast("B").cast("Q")
        self.rows = rows

    @property
    def leaving(self) -> bool:
        """The server as a whole was told to leave. For the parent to write."""
        return bool(self._words[_LEAVING])

    @leaving.setter
    def leaving(self, leaving: bool) -> None:
        self._words[_LEAVING] = leaving

    def row(self, index: int) -> Row:
        """Raises IndexError."""
        if not 0 <= index < self.rows:
            raise IndexError(index)
        return Row(self._words[1 + index * _ROW : 1 + (index + 1) * _ROW])

    def accepting(self) -> int:
        """How many workers take new calls."""
        return sum(bool(self.row(index).stance & Stance.ACCEPTING) for index in range(self.rows))

    def lines(self) -> set[int]:
        """All calls that have a line, or are promised one."""
        return {line & ~_STREAM for index in range(self.rows) for line in self.row(index).lines}

    def streams(self) -> set[int]:
        """Those that have their stream."""
        return {line & ~_STREAM for index in range(self.rows) for line in self.row(index).lines if line & _STREAM}

    def release(self) -> None:
        """Let go of the memory."""
        self._words.release()


class Row:
    """One worker's."""

    def __init__(self, words: memoryview) -> None:
        self._words = words

    @property
    def stance(self) -> Stance:
        return Stance(self._words[_STANCE])

    @property
    def beat(self) -> float:
        """When its loop last ran, in seconds of the machine's monotonic clock."""
        return self._words[_BEAT] / 1000

    @property
    def streams(self) -> int:
        """Connections that carry a call's sound, or have not said what they are."""
        return int(self._words[_STREAMS])

    @property
    def taken(self) -> int:
        """Connections that it has taken since its start, which `streams` knows."""
        return int(self._words[_TAKEN])

    @property
    def lines(self) -> list[int]:
        """Its calls, by their digests."""
        count = min(self._words[_COUNT], LINES)
        return self._words[_FIRST : _FIRST + count].tolist()

    def tell(self, stance: Stance, beat: float, streams: int, taken: int) -> None:
        """How it stands."""
        self._words[_TAKEN], self._words[_STREAMS] = taken, streams
        self._words[_STANCE], self._words[_BEAT] = stance, round(beat * 1000)

    def hold(self, streams: Collection[str], promised: Collection[str]) -> None:
        """Its calls, by their CallSids: those that have their stream, and those that were told to connect."""
        found = [digest(sid) | _STREAM for sid in streams] + [digest(sid) for sid in promised]
        del found[LINES:]
        for at, line in enumerate(found, _FIRST):
            self._words[at] = line
        self._words[_COUNT] = len(found)

    def clear(self) -> None:
        """Nobody's."""
        self._words[_COUNT] = 0
        self.tell(Stance(0), 0, 0, 0)


@lru_cache(maxsize=4 * LINES)
def digest(call_sid: str) -> int:
    """Of 63 bits, the last one is free. Two calls in a hundred million pairs of boards would be taken for one."""
    return int.from_bytes(blake2b(call_sid.encode("utf-8", "replace"), digest_size=WORD).digest()) & ~_STREAM
