"""What a call knows and what is kept of it: lines and facts as they are written down, and back again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agent.keep.record import CallRecord, Entry
from agent.keep.thread import Told
from agent.think.conversation import Line
from agent.think.facts import Fact
from agent.think.ports import ToolCall


def entry_of(line: Line) -> Entry:
    """A line of the conversation, as it is kept."""
    return Entry(
        line.role,
        line.text,
        round(line.start_ms),
        round(line.end_ms),
        line.interrupted,
        line.aside,
        line.keys,
        line.call.name if line.call else "",
        line.call.arguments if line.call else "",
        line.meant,
    )


def line_of(entry: Entry, turn: int = 0, call_id: str = "") -> Line:
    """The same back again; which turn it was of is not kept with it, nor what a model called a tool's call."""
    call = ToolCall(call_id, entry.tool, entry.arguments) if entry.role == "tool" else None
    return Line(
        *(entry.role, entry.text, entry.start_ms, entry.end_ms, turn, entry.interrupted, entry.aside, entry.keys, call),
        meant=entry.meant,
    )


def lines_of(record: CallRecord) -> list[Line]:
    """A record's lines, to go on with: with their turns, as far as its thread tells them."""
    turns: Sequence[int] = record.thread.turns if record.thread is not None else ()
    if len(turns) != len(record.entries):
        turns = [-n if entry.role == "agent" else 0 for n, entry in enumerate(record.entries, 1)]
    pairs = zip(record.entries, turns, strict=True)
    return [line_of(entry, turn, f"before-{n}") for n, (entry, turn) in enumerate(pairs, 1)]


def told_of(facts: Iterable[Fact]) -> tuple[Told, ...]:
    """Facts, as they are kept while a call goes on."""
    return tuple(
        Told(
            *(fact.name, fact.value, fact.evidence, fact.utterance),
            None if fact.said_ms is None else round(fact.said_ms),
            told_of(fact.earlier),
        )
        for fact in facts
    )


def facts_of(told: Iterable[Told], values: Mapping[str, str]) -> dict[str, Fact]:
    """The same back again; of those of which only the values are known, that."""
    return {name: Fact(name, value) for name, value in values.items()} | {one.name: _fact(one) for one in told}


def _fact(told: Told) -> Fact:
    earlier = tuple(map(_fact, told.earlier))
    return Fact(told.name, told.value, told.evidence, told.utterance, told.said_ms, earlier)
