"""What Twilio sends on a media socket: the messages in their order, with their types, counters and timestamps.

Numbers that Twilio writes as strings are strings here. `Rudeness` holds the ways in which a real carrier, or a real
network, is less tidy than its documentation.
"""

from __future__ import annotations

import base64
import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.model import BYTES_PER_MS
from agent.rehearsal.carrier import Identity

FRAME = 160


@dataclass(frozen=True, slots=True)
class Hold:
    """A network that stalls: nothing is sent from `at_ms` for `for_ms`, then all of it at once."""

    at_ms: float
    for_ms: float


@dataclass(frozen=True, slots=True)
class Rudeness:
    """Untidy, but legal. The default is a carrier on its best behaviour."""

    payload_sizes: tuple[int, ...] = (FRAME,)
    """Bytes of the media messages, in turn."""
    unknown_fields: bool = False
    """Every message carries one more field than documented."""
    unknown_event_every: int = 0
    """An event nobody has heard of before every so many media messages; 0: none."""
    jump_at_ms: float = 0
    jump_by_ms: float = 0
    """From the first on, timestamps are off by the second, as after lost audio."""
    holds: tuple[Hold, ...] = ()

    def held_until(self, at_ms: float) -> float:
        """When something due at `at_ms` really goes out."""
        for hold in self.holds:
            if hold.at_ms <= at_ms < hold.at_ms + hold.for_ms:
                return hold.at_ms + hold.for_ms
        return at_ms


class Stream:
    """One stream's messages. `first_ms` is when the caller's sound begins: 100 to 170 ms after the stream does."""

    def __init__(
        self, identity: Identity, parameters: Mapping[str, str], dice: random.Random, rudeness: Rudeness
    ) -> None:
        self.first_ms = dice.randint(101, 169)
        self._identity = identity
        self._parameters = dict(parameters)
        self._dice = dice
        self._rudeness = rudeness
        self._sequence = itertools.count(1)
        self._chunk = itertools.count(1)
        self._samples = 0
        self._hush = bytes(dice.choices((0x7F, 0xFF), k=4001))

    @property
    def at_ms(self) -> float:
        """When the next media message's sound begins."""
        return self.first_ms + self._samples / BYTES_PER_MS

    def connected(self) -> str:
        return self._text({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self) -> str:
        return self._numbered(
            "start",
            {
                "accountSid": self._identity.account_sid,
                "streamSid": self._identity.stream_sid,
                "callSid": self._identity.call_sid,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": self._parameters,
            },
        )

    def media(self, mulaw: bytes) -> list[str]:
        """The next piece of the caller's sound, of any length; at times with a message nobody knows before it."""
        at = self.at_ms
        if self._rudeness.jump_by_ms and at >= self._rudeness.jump_at_ms:
            at += self._rudeness.jump_by_ms
        chunk = next(self._chunk)
        wobble = self._dice.choice((-1, 0, 0, 1)) if self._samples else 0
        self._samples += len(mulaw)
        every = self._rudeness.unknown_event_every
        odd = [self._numbered("weather", {"sky": "blue"})] if every and chunk % every == 0 else []
        body = {
            "track": "inbound",
            "chunk": str(chunk),
            "timestamp": str(round(at) + wobble),
            "payload": base64.b64encode(mulaw).decode(),
        }
        return [*odd, self._numbered("media", body)]

    def silence(self, size: int) -> bytes:
        """What a quiet line sounds like: both mu-law zeros mixed, never one byte repeated."""
        start = self._samples % len(self._hush)
        return (self._hush * (size // len(self._hush) + 2))[start : start + size]

    def dtmf(self, digit: str) -> str:
        return self._numbered("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        return self._numbered("mark", {"name": name})

    def stop(self) -> str:
        return self._numbered("stop", {"accountSid": self._identity.account_sid, "callSid": self._identity.call_sid})

    def _numbered(self, event: str, body: dict[str, Any]) -> str:
        if self._rudeness.unknown_fields:
            body = body | {"tint": "unknown"}
        return self._text(
            {
                "event": event,
                "sequenceNumber": str(next(self._sequence)),
                event: body,
                "streamSid": self._identity.stream_sid,
            }
        )

    def _text(self, message: dict[str, Any]) -> str:
        if self._rudeness.unknown_fields:
            message = message | {"shade": {"of": ["unknown"]}}
        return msgspec.json.encode(message).decode()
