"""What really happened in a rehearsed call: plain facts on one time line, gathered while it runs, judged afterwards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from agent.model import BYTES_PER_MS
from agent.rehearsal.playback import Cleared, Played, Returned
from agent.rehearsal.script import Spoken
from agent.rehearsal.sound import SILENCE
from agent.rehearsal.strict import Violation

CALLER_HUNG_UP = "the caller hung up"
SERVER_CLOSED = "the server closed the stream"
SERVER_DEAF = "the server stopped reading"
STREAM_CRASHED = "the stream died"
REDIRECTED = "the call was redirected over REST"
COMPLETED = "the call was ended over REST"


@dataclass(frozen=True, slots=True)
class Pressed:
    digit: str
    at_ms: float
    lost: bool = False
    """No stream carried it."""


@dataclass(slots=True)
class Leg:
    """One media stream of the call."""

    stream_sid: str
    began_ms: float
    hears_from_ms: float
    """The first of the caller's sound that it carries."""
    hears_until_ms: float
    """The end of what it has carried so far."""
    sound_ms: float | None = None
    """When the first of the agent's sound arrived."""
    ended_ms: float | None = None
    ended: str = ""
    """One of the ends above."""
    unplayed_ms: float = 0
    """The agent's sound that was still waiting when it ended."""


@dataclass(frozen=True, slots=True)
class Update:
    """The call was changed over REST."""

    what: str
    at_ms: float | None
    """None: before the first stream."""
    cut: bool
    """A stream carried the call, and was ended by this."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A media message as it came in."""

    at_ms: float
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Transferred:
    """The server passed the call on."""

    to: str
    status: str
    """Twilio's DialCallStatus."""


@dataclass(slots=True)
class CallLog:
    """One call. Times are milliseconds since the first stream's start; audio is mu-law."""

    call_sid: str = ""
    began_s: float = 0
    """By the clock of whoever placed it: when the first stream began; before that, when it was placed."""
    stream_sid: str = ""
    """Of the newest stream."""
    legs: list[Leg] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    """What the server's instructions made the carrier do, in words."""
    transfers: list[Transferred] = field(default_factory=list)
    played: list[Played] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    caller: bytearray = field(default_factory=bytearray)
    """All that the caller said, silence and what no stream carried included."""
    caller_start_ms: float = 0
    spoken: list[Spoken] = field(default_factory=list)
    pressed: list[Pressed] = field(default_factory=list)
    marks: list[Returned] = field(default_factory=list)
    clears: list[Cleared] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What went wrong and was made good."""
    messages: Counter[str] = field(default_factory=Counter)
    """Of the server's, by event."""
    unreachable: str = ""
    """Why no media stream could be opened at all, where that was so."""
    ended: str = ""
    """One of the ends above; empty where there was no stream."""
    duration_ms: float = 0
    unplayed_ms: float = 0
    """The agent's sound that was still waiting when streams ended."""
    late_ms: float = 0
    """By how much the caller's own frames ran late at worst: a busy machine, not the server's fault."""

    @property
    def agent(self) -> bytes:
        """The agent as it was heard, from the stream's start to its end: silence where nothing was played."""
        channel = bytearray([SILENCE]) * self._length()
        for piece in self.played:
            at = round(piece.at_ms * BYTES_PER_MS)
            channel[at : at + len(piece.mulaw)] = piece.mulaw
        return bytes(channel)

    @property
    def both(self) -> tuple[bytes, bytes]:
        """Caller and agent on the same time line, equally long."""
        agent = self.agent
        before = bytes([SILENCE]) * round(self.caller_start_ms * BYTES_PER_MS)
        return (before + bytes(self.caller)).ljust(len(agent), bytes([SILENCE]))[: len(agent)], agent

    def _length(self) -> int:
        ends = [self.duration_ms, self.caller_start_ms + len(self.caller) / BYTES_PER_MS]
        return round(max(ends + [piece.end_ms for piece in self.played[-1:]]) * BYTES_PER_MS)
