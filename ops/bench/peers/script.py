"""What a peer's providers say and how long they take: our own scripted ones', in numbers, without any of our code: an
environment of a peer has none of what that needs."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

HEAR_S = 0.3
FIRST_TOKEN_S = 0.3
TOKEN_GAP_S = 0.02
FIRST_CHUNK_S = 0.2
REALTIME_FACTOR = 0.1
CHUNK_S = 0.1
S_PER_CHARACTER = 0.06
"""tests/ops/test_peers.py holds these to agent/providers/scripted.py."""

GREETING = "Hello, this is Priya from Premier Realty Group. How may I help you today?"
REPLY = "You said: I have spoken for 2000 milliseconds."

_TONE = struct.pack("<800h", *(int(6000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(800)))


def chunks(text: str) -> Iterator[tuple[bytes, float]]:
    """A text's sound, 16 bits at 8 kHz in tenths of a second; and how long each takes to come."""
    for _ in range(max(1, round(len(text) * S_PER_CHARACTER / CHUNK_S))):
        yield _TONE, CHUNK_S * REALTIME_FACTOR
