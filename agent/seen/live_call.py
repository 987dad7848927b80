"""A call that goes on, as lists of such calls show it: its record so far in, a few fields out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from agent.keep.prices import Prices, cost
from agent.keep.record import CallRecord
from agent.seen.feed import State
from agent.think.facts import Fact
from agent.think.score import score

BROWSER = "client:"
"""As Twilio names callers who use a browser."""


Shown = State | Literal["elsewhere", "lost"]


class Said(msgspec.Struct, frozen=True):
    """Words of a call."""

    role: Literal["caller", "agent"]
    text: str


class LiveCall(msgspec.Struct, frozen=True):
    """One call."""

    call_sid: str
    caller: str
    called: str
    direction: str
    line: str
    """The line's name; empty where there is but one."""
    language: str
    started_at: str
    """ISO 8601, UTC."""
    state: Shown
    """listening: nobody speaks; hearing: the caller does; elsewhere: another process holds it; lost: its process or its
    line is gone, and nobody has gone on with it yet."""
    score: int | None
    """Of the lead so far; null: nothing is known."""
    cost_usd: float | None
    """Of what was used so far; null: nothing was, or its price is not known."""
    turns: int
    """Answers so far."""
    barge_ins: int
    last: Said | None
    """What was said last, as the caller has heard it."""
    here: bool
    """This process holds it."""
    softphone: bool
    """The caller uses a browser."""


def live_call(record: CallRecord, state: Shown, facts: Mapping[str, Fact], prices: Prices) -> LiveCall:
    """By its record so far, and what is known of the caller."""
    last = next((entry for entry in reversed(record.entries) if entry.role != "tool" and entry.text), None)
    return LiveCall(
        record.call_sid,
        record.caller,
        record.called,
        record.direction,
        record.thread.line if record.thread is not None else "",
        record.language,
        record.started_at,
        state,
        score(facts).total if facts else None,
        cost(record.usage, prices),
        len(record.turns),
        record.barge_ins,
        None if last is None or last.role == "tool" else Said(last.role, last.text),
        state not in {"elsewhere", "lost"},
        record.caller.startswith(BROWSER),
    )
