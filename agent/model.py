"""What flows through a call: sound in, turns, text, sound out, and how it ended.

Times are media milliseconds since the first sample of the call unless a name says otherwise; audio is mono mu-law at
8 kHz (8 bytes per millisecond) unless a name says otherwise.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

Emit = Callable[[T], Awaitable[None]]
"""Where a provider puts what it makes, one piece at a time; it blocks while nobody has room for more."""

BYTES_PER_MS = 8


@dataclass(frozen=True, slots=True)
class Frame:
    """A piece of the caller's sound, usually 20 ms."""

    mulaw: bytes
    at_ms: float
    """Media time of its first sample, counted in samples, not taken from the carrier's timestamps."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the caller said between two silences, with a little of the silence before it."""

    mulaw: bytes
    start_ms: float
    """When the speech in it began; the sound begins a little earlier."""
    end_ms: float
    """When the speech in it ended; the sound goes on a little longer."""

    @property
    def duration_ms(self) -> float:
        return len(self.mulaw) / BYTES_PER_MS


class Ending(enum.Enum):
    """How a call ended. An ending is a value that travels to the record, never an exception."""

    CALLER_HUNG_UP = "caller hung up"
    CONNECTION_LOST = "connection lost"
    AGENT_SAID_GOODBYE = "agent said goodbye"
    CALLER_SILENT = "caller silent"
    TRANSFERRED = "transferred"
    TIME_LIMIT = "time limit"
    BUDGET = "budget"
    """What the call, its day or its campaign may cost is spent."""
    HUNG_UP = "hung up"
    """Somebody who watched it has ended it."""
    MACHINE = "machine"
    """Not a person has answered the call we placed."""
    SHUTDOWN = "shutdown"
    MOVED = "moved"
    """Of a leg, never of a call: another process goes on."""
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The process or its machine was gone; whoever came next finished the record."""


@dataclass(frozen=True, slots=True)
class CallInfo:
    """Who is talking to us, as the voice webhook and the stream's start told it."""

    call_sid: str
    account_sid: str
    stream_sid: str
    caller: str = ""
    called: str = ""
    direction: str = "inbound"
    line: str = ""
    """The line's name, where the voice webhook told one."""
    language: str = ""
    voice: str = ""
    """What the voice webhook told of this very call; empty: the line's own."""
    order: str = ""
    """Of a call that we placed: its order's id."""
    campaign: str = ""
    """Of such a call: for whom or what it was placed."""
    leg: int = 1
    """Which of the call's media streams this is."""
    softphone: bool = False
    """The console's: it may send words that were typed."""

    @property
    def outbound(self) -> bool:
        """We have called them."""
        return self.direction.startswith("outbound")

    @property
    def person(self) -> str:
        """The number of whom we speak to, whoever has called whom."""
        return self.called if self.outbound else self.caller

    @property
    def ours(self) -> str:
        """The other one."""
        return self.caller if self.outbound else self.called
