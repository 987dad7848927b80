"""One reply of a realtime model: what has come of it for the turn that asked, and what of it is left at the server.

Filled by the mind, which is told of the server's events. Nothing here is a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from trio.lowlevel import ParkingLot

from agent.errors import Fault
from agent.providers import realtime_events as events
from agent.think.ports import ToolCall
from nurseries.live.voiced import Voiced

ReplyEvent = (
    events.ItemBegun
    | events.Working
    | events.AudioPart
    | events.SpokenPart
    | events.AudioWhole
    | events.SpokenWhole
    | events.ItemDone
    | events.Called
)


@dataclass
class LiveReply:
    """From its request on."""

    new_line: Callable[[str], Voiced]
    """For an item."""
    id: str = ""
    """The response's; empty until it is created."""
    wanted: bool = True
    """A turn waits for it."""
    lines: dict[str, Voiced] = field(default_factory=dict)
    """By item."""
    calls: list[ToolCall] = field(default_factory=list)
    calling: set[str] = field(default_factory=set)
    """Items of calls that have begun, and are not complete."""
    unwanted: list[str] = field(default_factory=list)
    over: bool = False
    fault: Fault | None = None
    detail: str = ""
    events: int = 0
    news: ParkingLot = field(default_factory=ParkingLot)

    @property
    def begun(self) -> bool:
        """Something of it can be heard already."""
        return any(line.sound for line in self.lines.values())

    @property
    def whole(self) -> bool:
        """Nothing that has begun is incomplete: it may be all that was to come."""
        some = self.begun or bool(self.calls)
        return some and not self.calling and all(line.whole for line in self.lines.values())

    @property
    def strays(self) -> tuple[str, ...]:
        """Items that nobody will hear of."""
        return (*self.unwanted, *self.calling)

    @property
    def answered(self) -> bool:
        return self.over and self.fault is None

    def take(self, event: ReplyEvent) -> None:
        """More of it."""
        if not self.wanted:
            if isinstance(event, events.ItemBegun):
                self.unwanted.append(event.item)
            return
        match event:
            case events.ItemBegun(_, item, "function_call"):
                self.calling.add(item)
            case events.Called(_, item, call):
                self.calling.discard(item)
                self.calls.append(call)
            case events.ItemDone(_, item) if item not in self.lines:
                pass
            case events.Working():
                pass
            case _:
                _tell(self._line(event.item), event)
        self.events += 1
        self.news.unpark_all()

    def end(self, fault: Fault | None, detail: str, ms_per_character: float) -> None:
        """No more of it will come. A fault behind its last word, or its last call, is none."""
        if self.wanted and not self.over:
            self.over, self.detail = True, detail
            self.fault = None if self.whole else fault
            for line in self.lines.values():
                line.end() if fault is None or line.whole else line.break_off(ms_per_character)
        self.news.unpark_all()

    def give_up(self) -> None:
        """The turn waits no longer."""
        self.wanted = False

    def _line(self, item: str) -> Voiced:
        if item not in self.lines:
            self.lines[item] = self.new_line(item)
        return self.lines[item]


def _tell(line: Voiced, event: ReplyEvent) -> None:
    match event:
        case events.AudioPart(sound=sound):
            line.hear(sound)
        case events.SpokenPart(text=text):
            line.told(text)
        case events.AudioWhole():
            line.all_sound()
        case events.SpokenWhole(text=text):
            line.all_words(text)
        case events.ItemDone(whole=True):
            line.end()
        case events.ItemDone():
            line.cut_short()
