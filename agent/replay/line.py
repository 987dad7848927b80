"""The carrier's side of a recorded leg: what it sent and when, how it let us send, and how long its marks took.

Marks are left out of what it sent: which come back, and when, depends on what the call sends. What a mark took beyond
its sound is told by a model of the carrier's playback, run over what was sent then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

import msgspec

from agent.model import BYTES_PER_MS
from agent.rehearsal.playback import Clear, Mark, Media, Message, Playback, Returned
from agent.replay.events import Asked, Event, Fed, Header, Pass, Sent
from agent.wire.media_stream import Encoder

FRAME_BYTES = 160
"""The call fills sentences up to whole frames of 20 ms."""

STALL_S = 0.02
"""A send that took longer was held up by the carrier, and not by our own loop."""

CLOSES = frozenset({"close", "abort"})

LOST_S = 2.0
"""A mark that was not back for so long behind its time was lost."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message, None at the socket's end, or an error."""

    at: float
    value: Any
    error: bool = False


@dataclass(frozen=True, slots=True)
class Stall:
    """From then on nothing could be sent, until then; or for good, with an error."""

    begins: float
    ends: float
    error: Any = None


@dataclass(slots=True)
class Line:
    """Times on the recording's clock."""

    incoming: list[Incoming] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)
    ends: float = 0.0
    """The recording's."""
    lags: dict[str, float | None] = field(default_factory=dict)
    """Seconds that a mark took beyond its sound; None: it never came back."""
    lag: float = 0.0
    """That one usually took."""

    @property
    def over(self) -> bool:
        """The carrier has ended it, not the call."""
        last = self.incoming[-1] if self.incoming else None
        return last is not None and (last.error or last.value is None or _event(last.value) == "stop")


@dataclass(slots=True)
class _Reading:
    line: Line
    playback: Playback
    empty: int
    """Characters of a media message without sound."""
    began: float
    now: float = 0.0
    asks: list[tuple[str, float]] = field(default_factory=list)
    due: dict[str, float] = field(default_factory=dict)
    closed: bool = False
    """By the call."""

    def add(self, event: Event) -> None:
        match event:
            case Pass(at):
                self.now = self.line.ends = at
            case Asked(port):
                self.asks.append((port, self.now))
                self.closed = self.closed or port in CLOSES
            case Fed(ask) if self.asks[ask][0] == "receive":
                self._received(event)
            case Fed(ask) if self.asks[ask][0] == "send":
                since = self.asks[ask][1]
                if event.how == "error" or self.now - since > STALL_S:
                    error = event.value if event.how == "error" else None
                    self.line.stalls.append(Stall(since, self.now, error))
            case Sent():
                self._returned(self.playback.receive(self._message(event), self._ms))

    @property
    def _ms(self) -> float:
        return (self.now - self.began) * 1000

    def _received(self, fed: Fed) -> None:
        if fed.how not in {"done", "error"}:
            return
        if fed.how == "done" and _event(fed.value) == "mark":
            self._returned(self.playback.advance(self._ms))
            name = msgspec.json.decode(fed.value)["mark"]["name"]
            self.line.lags[name] = max(self.now - self.due.get(name, self.now), 0.0)
            return
        if self.closed and (fed.how == "error" or fed.value is None):
            return  # it was our doing
        self.line.incoming.append(Incoming(self.now, fed.value, fed.how == "error"))

    def _returned(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, Returned):
                self.due[event.name] = self.began + event.at_ms / 1000
                if event.name not in self.line.lags:
                    self.line.lags[event.name] = None

    def _message(self, sent: Sent) -> Message:
        if sent.kind == "media":
            size = (sent.size - self.empty) * 3 / 4
            return Media(bytes(round(size / FRAME_BYTES) * FRAME_BYTES))
        if sent.kind == "mark":
            return Mark(msgspec.json.decode(sent.text)["mark"]["name"])
        return Clear()

    def finish(self) -> Line:
        self._returned(self.playback.advance(self._ms))
        line = self.line
        known = [lag for lag in line.lags.values() if lag is not None]
        line.lag = median(known) if known else 0.0
        for name in [name for name, lag in line.lags.items() if lag is None and self.due[name] + LOST_S > line.ends]:
            del line.lags[name]  # the leg was over before it could be back
        return line


def line_of(header: Header, events: list[Event]) -> Line:
    """The carrier's side of this leg."""
    sid = str(header.info.get("stream_sid", ""))
    reading = _Reading(Line(), Playback(), len(Encoder(sid).media(b"")), header.began)
    for event in events:
        reading.add(event)
    return reading.finish()


def _event(message: Any) -> str:
    """A message's kind; empty where it is none."""
    if not isinstance(message, str):
        return ""
    try:
        return str(msgspec.json.decode(message)["event"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        return ""


def silence(stream_sid: str) -> str:
    """20 ms without a sound, as the carrier sends it."""
    return (
        Encoder(stream_sid).media(b"\xff" * int(20 * BYTES_PER_MS)).replace('"payload"', '"track":"inbound","payload"')
    )
