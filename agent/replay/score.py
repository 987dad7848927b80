"""A recording, sorted for whoever plays it: what happens in each pass, and what each ask, look and message was."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.replay.events import Asked, Blob, Command, Event, Fed, Over, Pass, Sent, Step, Told, Value


@dataclass(slots=True)
class Moment:
    """A pass of the loop."""

    at: float
    order: list[int] = field(default_factory=list)
    """Tasks, as they ran."""
    fed: list[Fed] = field(default_factory=list)
    """What woke them from outside."""
    commands: list[Command] = field(default_factory=list)


@dataclass(slots=True)
class Ask:
    """What was waited for, and what came of it."""

    asked: Asked
    at: float
    fed: deque[Fed] = field(default_factory=deque)
    times: deque[float] = field(default_factory=deque)
    """When each of them came."""


@dataclass(slots=True)
class Score:
    """A leg's. Each queue in the order in which it is played."""

    moments: deque[Moment] = field(default_factory=deque)
    asks: list[Ask] = field(default_factory=list)
    values: deque[Value] = field(default_factory=deque)
    sent: deque[Sent] = field(default_factory=deque)
    told: deque[Told] = field(default_factory=deque)
    blobs: dict[str, bytes] = field(default_factory=dict)
    over: Over | None = None

    def add(self, event: Event) -> None:
        match event:
            case Pass(at):
                self.moments.append(Moment(at))
            case Asked():
                self.asks.append(Ask(event, self.moments[-1].at))
            case Fed(ask):
                self.asks[ask].fed.append(event)
                self.asks[ask].times.append(self.moments[-1].at)
                if not event.at_once:
                    self.moments[-1].fed.append(event)
            case Step() | Command():
                self._happens(event)
            case _:
                self._is(event)

    def _happens(self, event: Step | Command) -> None:
        if isinstance(event, Step):
            self.moments[-1].order.append(event.task)
        else:
            self.moments[-1].commands.append(event)

    def _is(self, event: Event) -> None:
        match event:
            case Value():
                self.values.append(event)
            case Sent():
                self.sent.append(event)
            case Told():
                self.told.append(event)
            case Blob(name, data):
                self.blobs[name] = data
            case Over():
                self.over = event


def score_of(events: Iterable[Event]) -> Score:
    """Sorted."""
    score = Score()
    for event in events:
        score.add(event)
    return score
