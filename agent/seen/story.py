"""One leg of a call as it is seen from outside: moments in, counters up, spans out.

Told by the call and its dialogue, in one line each, as it happens. Nothing here is a checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from agent.legs_metrics import resumed
from agent.metrics import Count, Times
from agent.model import CallInfo
from agent.seen import turns
from agent.seen.feed import seen
from agent.seen.spans import Event, Span, Tell, ToolRun, Value, leg_id, trace_id, turn_spans
from agent.seen.turns import Turn

BEGUN = Count("calls_begun", "Calls whose first stream has begun.", "direction")
TOOLS = Times(
    "tool_seconds",
    "How long tools ran.",
    "tool",
    "result",
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0),
)
for _direction in ("inbound", "outbound"):
    BEGUN.begin(direction=_direction)

MOST_EVENTS = 50
"""Of one leg; those beyond it are left out of the trace."""


class Story:
    """One leg's. Times are on one clock of the caller's choice, in seconds."""

    def __init__(self, info: CallInfo, began: float, tell: Tell | None = None) -> None:
        """`tell`: where spans go; without it, nothing is made of them."""
        self._info = info
        self._began = began
        self._began_ns = time.time_ns()
        self._tell = tell
        self._turns = 0
        self._tools: list[ToolRun] = []
        self._events: list[Event] = []

    def begin(self, why: str = "", gap_s: float | None = None) -> None:
        """The stream has begun, and the call is ours. `why`: it goes on with what another leg had begun, and so long
        before it the caller had nobody."""
        if self._info.leg == 1:
            BEGUN.add(direction="outbound" if self._info.outbound else "inbound")
        if why:
            resumed(why, gap_s)
            gap = {} if gap_s is None else {"gap_ms": round(gap_s * 1000)}
            self.event("resumed", self._began, why=why, **gap)

    def answered(self, turn: Turn) -> None:
        """A turn is over."""
        turns.tell(turn)
        if self._tell is None:
            return
        self._turns += 1
        tools = [tool for tool in self._tools if tool.began >= turn.decided]
        self._tell(turn_spans(self._info.call_sid, self._info.leg, self._turns, turn, tools, self._at_ns))
        self._tools = [tool for tool in self._tools if tool.began < turn.decided]

    def tool(self, name: str, began: float, ended: float, fault: str = "") -> None:
        """A tool of ours ran, under its own name; `fault` is one of few words."""
        TOOLS.took(ended - began, tool=name, result=fault or "done")
        seen("tool", name=name, ms=round((ended - began) * 1000), **({"fault": fault} if fault else {}))
        if self._tell is not None:
            self._tools.append(ToolRun(name, began, ended, fault))

    def event(self, name: str, at: float, **attributes: Value) -> None:
        """Something else that a trace should show: no words, no numbers of anybody's."""
        if self._tell is not None and len(self._events) < MOST_EVENTS:
            self._events.append(Event(name, self._at_ns(at), attributes))

    def over(self, ending: str, ended: float, failed: bool = False, about: Mapping[str, Value] | None = None) -> None:
        """The stream is closed."""
        if self._tell is None:
            return
        sid, leg = self._info.call_sid, self._info.leg
        own = leg_id(sid, leg)
        attributes: dict[str, Value] = {
            "call.direction": "outbound" if self._info.outbound else "inbound",
            "call.leg": leg,
            "call.ending": ending,
            "call.turns": self._turns,
            **(about or {}),
        }
        whole = Span(
            "call" if leg == 1 else "leg",
            trace_id(sid),
            own,
            None if leg == 1 else leg_id(sid, 1),
            self._began_ns,
            self._at_ns(ended),
            attributes,
            tuple(self._events),
            ending if failed else "",
        )
        rest = [
            Span(
                f"tool {tool.name}",
                whole.trace_id,
                leg_id(f"{sid} tool {n}", leg),
                own,
                self._at_ns(tool.began),
                self._at_ns(tool.ended),
                fault=tool.fault,
            )
            for n, tool in enumerate(self._tools)
        ]
        self._tell([*rest, whole])

    def _at_ns(self, moment: float) -> int:
        return self._began_ns + round((moment - self._began) * 1e9)
