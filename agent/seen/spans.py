"""A call as a trace: its identity and moments in, spans out. Pure.

One trace a call, over all its legs and processes: whoever holds a call can work out its ids from the CallSid. One span
a leg, those behind the first below it; one a turn, below its leg; one a stage or tool, below its turn. Nothing of
anybody's is in them: no number, no word, no CallSid, which is only hashed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from agent.seen.turns import Turn

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Event:
    """A moment in a span."""

    name: str
    at_ns: int
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, in nanoseconds since 1970."""

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    began_ns: int
    ended_ns: int
    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    fault: str = ""
    """Why what it tells of failed; empty: it did not."""


Tell = Callable[[Sequence[Span]], None]
"""Takes spans that are over. Not a checkpoint, and never raises."""


@dataclass(frozen=True, slots=True)
class ToolRun:
    """A tool, on the clock of the turns."""

    name: str
    began: float
    ended: float
    fault: str = ""


def trace_id(call_sid: str) -> int:
    """The call's; never 0, which means none."""
    return _number(call_sid, "trace", 16)


def leg_id(call_sid: str, leg: int) -> int:
    """Of a leg's span: known to the legs that follow, on whatever process."""
    return _number(call_sid, f"leg {leg}", 8)


def turn_spans(
    call_sid: str, leg: int, number: int, turn: Turn, tools: Sequence[ToolRun], at_ns: Callable[[float], int]
) -> list[Span]:
    """One turn, its stages and its tools; `at_ns` makes a moment of the turn's clock one since 1970."""
    of = f"leg {leg} turn {number}"
    trace, own = trace_id(call_sid), _number(call_sid, of, 8)
    stages = turn.stages()
    parts = [(_STAGES[name], began, ended, "") for name, began, ended in stages]
    if turn.heard is not None and turn.thought is not None:
        parts.append(("think", turn.heard, turn.thought, ""))
    if turn.first_audio is not None:
        parts.append(("speak", turn.first_audio, turn.over, ""))
    parts += [(f"tool {tool.name}", tool.began, tool.ended, tool.fault) for tool in tools]
    told = [
        Span("turn", trace, own, leg_id(call_sid, leg), at_ns(turn.spoken), at_ns(turn.over), _about(number, turn)),
    ]
    for n, (name, began, ended, fault) in enumerate(parts):
        span_id = _number(call_sid, f"{of} part {n}", 8)
        told.append(Span(name, trace, span_id, own, at_ns(began), at_ns(max(ended, began)), fault=fault))
    return told


_STAGES = {"endpoint": "endpoint", "hear": "hear", "first-token": "first token", "first-audio": "first audio"}


def _about(number: int, turn: Turn) -> dict[str, Value]:
    about: dict[str, Value] = {"turn.number": number, "turn.outcome": turn.outcome}
    if turn.keyed:
        about["turn.keyed"] = True
    if turn.delayed:
        about["turn.delayed"] = True
    if turn.first_audio is not None:
        about["turn.wait_ms"] = round((turn.first_audio - turn.spoken) * 1000)
    return about


def _number(call_sid: str, of: str, size: int) -> int:
    digest = blake2b(f"{of} of {call_sid}".encode(), digest_size=size, person=b"calling-agent").digest()
    return int.from_bytes(digest, "big") or 1
