"""WAV files of calls: 8 kHz, 16 bits, the caller left and the agent right. Pure.

A file says itself which call it is of, in its LIST INFO chunk, so that one that was left behind can be told apart by
whoever finds it. Its sizes are written last: until then they are zero, and a file's own length counts.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

import numpy as np

from agent.wire import mulaw

BYTES_PER_SAMPLE = 4
RATE = 8000
MOST_BYTES = 2**32 - 4096
"""A WAV file tells its length in 32 bits: 37 hours."""
LONGEST_HEADER = 4096

_LEG = re.compile(r"leg ([0-9]{1,9}), from ([0-9]{1,12}) ms")
_RIFF, _DATA = struct.Struct("<4sI4s"), struct.Struct("<4sI")
_FORMAT = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, RATE, RATE * BYTES_PER_SAMPLE, BYTES_PER_SAMPLE, 16)


@dataclass(frozen=True, slots=True)
class Label:
    """Which call it is."""

    call_sid: str
    started_at: str
    """Of the call: ISO 8601, UTC."""
    leg: int = 1
    began_ms: int = 0
    """When the leg did, on the call's clock."""


def header(label: Label) -> bytes:
    """What comes before the sound, sizes still zero."""
    told = b"INFO" + _info(b"INAM", label.call_sid) + _info(b"ICRD", label.started_at)
    if label.leg > 1 or label.began_ms:
        told += _info(b"ICMT", f"leg {label.leg}, from {label.began_ms} ms")
    listed = _DATA.pack(b"LIST", len(told)) + told
    return _RIFF.pack(b"RIFF", 0, b"WAVE") + _FORMAT + listed + _DATA.pack(b"data", 0)


def read(start: bytes) -> tuple[Label, int]:
    """The label, and the length of the header, of a file that begins like this. Raises ValueError where it is none of
    ours."""
    told: dict[bytes, str] = {}
    at = _RIFF.size
    if start[:4] != b"RIFF" or start[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    while at + _DATA.size <= len(start):
        name, size = _DATA.unpack_from(start, at)
        at += _DATA.size
        if name == b"data":
            leg = _LEG.fullmatch(told.get(b"ICMT", ""))
            return Label(told.get(b"INAM", ""), told.get(b"ICRD", ""), *(map(int, leg.groups()) if leg else ())), at
        if name == b"LIST":
            told = _told(start[at + 4 : at + size])
        at += size + size % 2
    raise ValueError("a WAV file without sound")


def sizes(header_bytes: int, file_bytes: int) -> tuple[int, list[tuple[int, bytes]]]:
    """How long a file of that length should be (a sample may be torn), and what belongs where in its header."""
    sound = max(file_bytes - header_bytes, 0) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
    whole = header_bytes + sound
    return whole, [(4, struct.pack("<I", whole - 8)), (header_bytes - 4, struct.pack("<I", sound))]


def frames(caller: bytes, agent: bytes) -> bytes:
    """Two stretches of mu-law, equally long, as they are in the file."""
    return np.column_stack((mulaw.decode(caller), mulaw.decode(agent))).astype("<i2").tobytes()


def _info(name: bytes, text: str) -> bytes:
    data = text.encode("utf-8", "replace")[:1000] + b"\0"
    return _DATA.pack(name, len(data)) + data + b"\0" * (len(data) % 2)


def _told(chunk: bytes) -> dict[bytes, str]:
    told, at = {}, 0
    while at + _DATA.size <= len(chunk):
        name, size = _DATA.unpack_from(chunk, at)
        at += _DATA.size
        told[name] = chunk[at : at + size].rstrip(b"\0").decode("utf-8", "replace")
        at += size + size % 2
    return told
