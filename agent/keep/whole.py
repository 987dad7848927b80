"""A call's sound out of the pieces that its legs have left: from where the bytes of one WAV file are to be taken. Pure.

The file lies on the call's time line, as its transcript does: between two legs, and where a piece is missing, it is
silent. A stream's end is noticed late, and at once that another follows it: where two pieces overlap, the later counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from agent.keep import wav
from agent.keep.record import CallRecord

PER_MS = wav.RATE // 1000


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some bytes of the file, one after the other."""

    length: int
    key: str = ""
    """Of the object that they are in; empty: they are `data`, and zero where that is empty, too."""
    start: int = 0
    data: bytes = b""


class Whole:
    """One call's."""

    def __init__(self, record: CallRecord, sizes: Mapping[str, int]) -> None:
        """`sizes`, in bytes, of those of its pieces that are there, by key."""
        there = [p for p in record.pieces if sizes.get(p.key, -1) >= p.samples * wav.BYTES_PER_SAMPLE]
        known = {piece.leg for piece in there}
        last = max([len(record.legs), *(piece.leg for piece in record.pieces)])
        self.missing = [leg for leg in range(1, last + 1) if leg not in known]
        """Legs, from 1, of which there is no sound: not stored yet, or not recorded."""
        sound: list[Stretch] = []
        at = 0
        for piece, after in zip_longest(there, there[1:]):
            begins = max(piece.began_ms * PER_MS, at)
            length = piece.samples if after is None else min(piece.samples, after.began_ms * PER_MS - begins)
            length = max(length, 0)
            sound.append(Stretch((begins - at) * wav.BYTES_PER_SAMPLE))
            start = sizes[piece.key] - piece.samples * wav.BYTES_PER_SAMPLE
            sound.append(Stretch(length * wav.BYTES_PER_SAMPLE, piece.key, start))
            at = begins + length
        rest = record.duration_ms * PER_MS - at if record.ending else 0
        sound.append(Stretch(max(rest, 0) * wav.BYTES_PER_SAMPLE))
        head = _head(record, sum(each.length for each in sound))
        self._stretches = [Stretch(len(head), data=head), *(each for each in sound if each.length)]
        self.size = sum(each.length for each in self._stretches)
        """Of the file, in bytes."""

    def part(self, start: int, end: int) -> Iterator[Stretch]:
        """From where its bytes from `start` up to `end` come, in order."""
        at = 0
        for each in self._stretches:
            begins, ends = max(start - at, 0), min(end - at, each.length)
            if begins < ends:
                yield Stretch(ends - begins, each.key, each.start + begins, each.data[begins:ends])
            at += each.length


def in_pieces(record: CallRecord) -> bool:
    """Whether its sound is to be put together; else it is what its first piece is."""
    return bool(record.pieces) and (len(record.legs) > 1 or len(record.pieces) > 1 or record.pieces[0].began_ms > 0)


def _head(record: CallRecord, sound_bytes: int) -> bytes:
    head = bytearray(wav.header(wav.Label(record.call_sid, record.started_at)))
    for at, data in wav.sizes(len(head), len(head) + sound_bytes)[1]:
        head[at : at + len(data)] = data
    return bytes(head)
