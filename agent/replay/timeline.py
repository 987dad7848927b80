"""A recording as a line of time: who spoke, what was asked of whom and how long it took, what was decided, and when.

Times are milliseconds of the leg, as its clock stood: to the millisecond what they were.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.model import BYTES_PER_MS
from agent.replay.events import Asked, Command, Event, Fed, Over, Pass, Sent, Told, Value

SPEECH = 0.5
"""Probability from which a window counts as speech here; what the call made of it, its decisions tell."""

HANGS_MS = 200.0
"""Silence up to which two stretches of the caller's speech are told as one."""

PORTS = {"hear": "hear", "think": "think", "speak": "speak", "tool": "tool", "afford": "budget", "verdict": "carrier"}


PIECES = frozenset({"AudioPart", "SpokenPart", "HeardPart", "Working"})
"""Of a Realtime server's events: too many to be told, and whole ones follow."""

UNTOLD = frozenset({"usage", "input_tokens", "output_tokens"})

ASKED_LIVE = frozenset(
    {"response.create", "response.cancel", "conversation.item.truncate", "conversation.item.create"}
    | {"input_audio_buffer.commit", "input_audio_buffer.clear"}
)
"""Messages to a Realtime server that are told: by which it is asked, and told what was heard."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of it."""

    at_ms: float
    lane: str
    """caller, agent, hear, think, speak, tool, live, decision, socket, outside."""
    text: str
    until_ms: float | None = None


@dataclass(slots=True)
class _Stretch:
    """Something that goes on for a while: speech, or sound."""

    lane: str
    begins: float | None = None
    ends: float = 0.0

    def goes_on(self, begins: float, ends: float, gap: float) -> list[Entry]:
        """What has ended with that."""
        done = self.over() if self.begins is not None and begins > self.ends + gap else []
        if self.begins is None:
            self.begins, self.ends = begins, ends
        self.ends = max(self.ends, ends)
        return done

    def over(self) -> list[Entry]:
        if self.begins is None:
            return []
        made = [Entry(self.begins, self.lane, "speaks", self.ends)]
        self.begins = None
        return made


@dataclass(slots=True)
class _Line:
    began: float
    now: float = 0.0
    made: list[Entry] = field(default_factory=list)
    caller: _Stretch = field(default_factory=lambda: _Stretch("caller"))
    agent: _Stretch = field(default_factory=lambda: _Stretch("agent"))
    asks: list[tuple[Asked, float, list[float]]] = field(default_factory=list)
    texts: dict[int, list[str]] = field(default_factory=dict)
    heard_ms: float = 0.0
    """How much of the caller's sound has come."""

    def add(self, event: Event) -> None:
        match event:
            case Pass(at):
                self.now = (at - self.began) * 1000
            case Told(name, fields):
                told = ", ".join(f"{key} {value}" for key, value in fields.items())
                self.put("decision", f"{name}: {told}" if told else name)
            case Command(name, arguments):
                self._done(name, *arguments)
            case Value("vad", probability) if probability >= SPEECH:
                self.made += self.caller.goes_on(self.now - 32, self.now, HANGS_MS)
            case Over():
                self.put("socket", "the leg is over")
            case _:
                self._passes(event)

    def _passes(self, event: Event) -> None:
        match event:
            case Sent("media", size):
                # Its sound, in base64 within an envelope of some 100 characters, plays behind what was sent before.
                length = max(size - 100, 0) * 3 / 4 / BYTES_PER_MS
                begins = max(self.agent.ends, self.now)
                self.made += self.agent.goes_on(begins, begins + length, 20.0)
            case Sent(kind) if kind in ASKED_LIVE:
                self.put("live", f"asks: {kind}")
            case Sent("clear"):
                self.agent.ends = min(self.agent.ends, self.now)
                self.made += self.agent.over()
                self.put("socket", "clear")
            case Asked():
                self.asks.append((event, self.now, []))
            case Fed(ask):
                self._fed(ask, event)

    def _done(self, name: str, *arguments: Any) -> None:
        if name != "used":  # the record tells
            self.put("outside", " ".join((name, *map(str, arguments))))

    def _fed(self, ask: int, fed: Fed) -> None:
        asked, since, pieces = self.asks[ask]
        if asked.port == "receive":
            self._received(fed.value)
            return
        if asked.port == "live":
            self._live(asked.what, fed)
            return
        if fed.how == "piece":
            pieces.append(self.now)
            if isinstance(fed.value, str) and asked.port == "think":
                self.texts.setdefault(ask, []).append(fed.value)
            return
        if fed.how == "told":
            self._done(*fed.value)
            return
        if (lane := PORTS.get(asked.port)) is None:
            return
        said = "".join(self.texts.pop(ask, [])) if lane == "think" else asked.what if lane in {"speak", "tool"} else ""
        first = f", first after {pieces[0] - since:.0f} ms" if pieces else ""
        how = "" if fed.how == "done" else f" ({fed.how})"
        answer = f": {fed.value!r}" if lane == "hear" and fed.how == "done" else f": {said.strip()!r}" if said else ""
        self.made.append(Entry(since, lane, f"{self.now - since:.0f} ms{first}{how}{answer}", self.now))

    def _live(self, session: str, fed: Fed) -> None:
        """What a Realtime server told; its pieces of sound and of words, with the whole of them."""
        match fed.how, fed.value:
            case "piece", None:
                self.put("live", f"{session}: connected")
            case "piece", [str(kind), dict(fields), *_] if kind not in PIECES:
                told = ", ".join(f"{name} {value}" for name, value in fields.items() if value and name not in UNTOLD)
                self.put("live", f"{session}: {kind}{': ' * bool(told)}{told}")
            case "piece", _:
                pass
            case how, value:
                self.put("live", f"{session}: over ({how}): {value}")

    def _received(self, message: Any) -> None:
        if not isinstance(message, str):
            self.put("socket", "closed" if message is None else "a binary message")
            return
        try:
            body = msgspec.json.decode(message)
        except msgspec.MsgspecError:
            self.put("socket", "a malformed message")
            return
        match body:
            case {"event": "media", "media": {"payload": str(payload)}}:
                try:
                    self.heard_ms += len(base64.b64decode(payload)) / BYTES_PER_MS
                except ValueError:
                    self.put("socket", "a malformed message")
            case {"event": "mark", "mark": {"name": str(name)}}:
                self.put("socket", f"mark {name} is back")
            case {"event": "dtmf"}:
                self.put("caller", "presses a key")
            case {"event": str(event)}:
                self.put("socket", event)

    def put(self, lane: str, text: str) -> None:
        self.made.append(Entry(self.now, lane, text))


def timeline(began: float, events: Iterable[Event]) -> list[Entry]:
    """In order. `began`: the leg's beginning on its loop's clock."""
    line = _Line(began)
    for event in events:
        line.add(event)
    line.made += [*line.caller.over(), *line.agent.over()]
    return sorted(line.made, key=lambda entry: entry.at_ms)


def in_words(entries: Iterable[Entry]) -> list[str]:
    """A line each."""
    return [
        f"{entry.at_ms / 1000:9.3f} {'' if entry.until_ms is None else f'- {entry.until_ms / 1000:.3f}':>10}"
        f"  {entry.lane:<9} {entry.text}"
        for entry in entries
    ]
