"""What a call has decided, and when: read from a recording, or from a replay, which is one as well.

Times are seconds from the leg's beginning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.replay.events import DECIDED, Event, Header, Pass, Sent, Told


@dataclass(frozen=True, slots=True)
class Decision:
    """One of them."""

    at_s: float
    kind: str
    """turn, no words, not understood, held, barge-in, more is said, going on, backchannel, speaks, filler, clear,
    silence, tool, keys, ending."""
    what: str = ""
    """The words of a turn, the name of a tool, how a call ended."""
    latency_s: float | None = None
    """Of "speaks": since the caller's last word, where the agent answers."""
    since_s: float | None = None
    """Of "turn": when its sound began. Then `at_s` is when it ended."""
    turn: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}" if self.what else self.kind


@dataclass(slots=True)
class _Reader:
    began: float
    now: float = 0.0
    made: list[Decision] = field(default_factory=list)
    spoken: set[int] = field(default_factory=set)
    asked: float | None = None
    """When the caller's turn ended that is not answered yet."""

    def told(self, fields: dict[str, object]) -> None:
        match fields:
            case {"what": "turn", "words": words, "begun_ms_ago": float(begun), "ended_ms_ago": float(ended)}:
                self.asked = self.now - ended / 1000
                self.made.append(Decision(self.asked, "turn", str(words), since_s=self.now - begun / 1000))
            case {"what": "speaks", "turn": int(turn)}:
                if turn in self.spoken:
                    self.put("speaks on")
                    return
                self.spoken.add(turn)
                latency = None if self.asked is None else self.now - self.asked
                self.asked = None
                self.made.append(Decision(self.now, "speaks", latency_s=latency, turn=turn))
            case {"what": "ending", "ending": ending, "reason": reason}:
                self.put("ending", f"{ending}: {reason}")
            case {"what": what, **rest}:
                self.put(str(what), " ".join(str(value) for value in rest.values()))

    def put(self, kind: str, what: str = "") -> None:
        self.made.append(Decision(self.now, kind, what))


def decisions(header: Header, events: Iterable[Event]) -> list[Decision]:
    """In the order of their times."""
    reader = _Reader(header.began)
    for event in events:
        match event:
            case Pass(at):
                reader.now = at - reader.began
            case Told(event=name, fields=fields) if name == DECIDED:
                reader.told(fields)
            case Sent(kind="clear"):
                reader.put("clear")
    return sorted(reader.made, key=lambda each: each.at_s)


def in_lines(made: Iterable[Decision]) -> str:
    """To be kept: time, kind and words of each, by tabs; to be read and edited by hand as well."""
    return "".join(f"{each.at_s:.3f}\t{each.kind}\t{' '.join(each.what.split())}\n" for each in made)


def of_lines(text: str) -> list[Decision]:
    """The same again. Raises ValueError with the number of a line that is none."""
    made = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            at, kind, what = line.split("\t")
            made.append(Decision(float(at), kind, what))
        except ValueError:
            raise ValueError(f"line {number}: seconds, a kind and words, by tabs") from None
    return made


def known(events: Iterable[Event]) -> bool:
    """Whether the recording is of a version that tells its decisions."""
    return any(isinstance(event, Told) and event.event == DECIDED for event in events)
