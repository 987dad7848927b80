"""What a process knows of a call that others have held before, as it goes on with it. Pure: a record in.

The record is as of the last look at the call, up to a second before its process died, or as of its hand-off. A sentence
that a hand-off has cut goes on from its next word. One that broke off with the line is said again from its beginning:
what the caller had heard of it is known only roughly, and the rest of a sentence makes no sense behind an apology.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import msgspec

from agent.keep.record import CallRecord
from agent.keep.thread import Leg, Thread
from agent.model import Ending
from agent.speak.sentences import Sentences
from agent.think.conversation import Line
from agent.think.errand import Errand, errand_of
from agent.think.facts import Fact
from nurseries.talk.written import facts_of, lines_of

HAND_OFF = "hand-off"
LOST = "connection lost"
GONE = "process gone"
"""Why a leg was not the last, as a record tells it."""

LONGEST_GAP_MS = 180_000
"""Nobody comes back to a call that was without a stream for longer than that: the clocks of two machines differ."""

_ENDS = ('."', '?"', '!"', ".", "?", "!", "।", "…")


@dataclass(frozen=True)
class TakenOver:
    """One call's past."""

    record: CallRecord

    @cached_property
    def thread(self) -> Thread:
        return self.record.thread or Thread()

    @cached_property
    def lines(self) -> list[Line]:
        return lines_of(self.record)

    @cached_property
    def facts(self) -> dict[str, Fact]:
        return facts_of(self.thread.facts, self.record.facts)

    @cached_property
    def legs(self) -> tuple[Leg, ...]:
        """Those before, each with why it was not the last; those that are not known are not there."""
        return tuple(leg if leg.why else msgspec.structs.replace(leg, why=GONE) for leg in self.record.legs)

    def gap(self, began_ms: float) -> tuple[str, float | None]:
        """Why there is a leg that begins then, and how many seconds before it the last one ended; None: nobody could
        write that down."""
        last = self.legs[-1] if self.legs else None
        ended_ms = last.ended_ms if last is not None else None
        gap_s = None if ended_ms is None else max(began_ms - ended_ms, 0.0) / 1000
        return last.why if last is not None else GONE, gap_s

    @property
    def errand(self) -> Errand | None:
        """What a call is about that was placed, where its order is not to be had."""
        record = self.record
        return errand_of(record.purpose, record.variables) if record.purpose or record.variables else None

    @property
    def waited_since_ms(self) -> float | None:
        """Since when the caller waits for an answer that a hand-off was to be no longer than; on the call's clock."""
        if self.lost or self.unsaid or not self.lines or self.lines[-1].role == "agent":
            return None
        return self.legs[-1].ended_ms

    @property
    def lost(self) -> bool:
        """The caller has noticed: the line broke off."""
        return not self.legs or self.legs[-1].why != HAND_OFF

    @property
    def thinks(self) -> bool:
        """The agent was in a turn of which not all was there."""
        return not self.thread.complete

    @property
    def parts_as(self) -> Ending | None:
        """How it was about to end, where that is told, and known to this version."""
        return next((ending for ending in Ending if ending.value == self.thread.ending), None)

    @property
    def took_leave(self) -> bool:
        """The agent's goodbye was heard to its end: what the caller had still to say kept the call."""
        thread, said = self.thread, [line for line in self.lines if line.role == "agent"]
        heard = bool(said) and said[-1].turn == thread.turn and not said[-1].interrupted
        return thread.parting == "goodbye" and thread.complete and not thread.unsaid and heard

    @property
    def unsaid(self) -> tuple[str, ...]:
        """What was about to be said, as it is to be said now. Nothing of a reply that was not complete: a model goes on
        with that; and nothing to a caller who was speaking, for that may have changed everything."""
        rest, thread = self.thread.unsaid, self.thread
        if not self.lost:
            return rest
        if not rest or not thread.complete or (thread.speaking and not thread.parting):
            return ()
        begun = self._begun
        return (f"{begun} {rest[0]}", *rest[1:]) if begun else rest

    @property
    def _begun(self) -> str:
        """Of the first sentence unsaid, the words that were heard."""
        last = next((line for line in reversed(self.lines) if line.role != "tool" and not line.aside), None)
        if last is None or last.role != "agent" or not last.interrupted or last.text.rstrip().endswith(_ENDS):
            return ""
        cutter = Sentences()
        return [*cutter.feed(last.text), *cutter.finish()][-1]

    def now_ms(self, now: datetime) -> float:
        """Where the call's clock stands: on from its start, and not before the end of what has happened."""
        latest = max((entry.end_ms for entry in self.record.entries), default=0)
        latest = max([latest, *(leg.ended_ms or leg.began_ms for leg in self.record.legs)])
        try:
            since = (now - datetime.fromisoformat(self.record.started_at)).total_seconds() * 1000
        except (ValueError, TypeError):  # of no known time
            return float(latest)
        return min(max(since, float(latest)), latest + LONGEST_GAP_MS)

    def started_at(self, now: datetime) -> datetime:
        """As the record tells it."""
        try:
            return datetime.fromisoformat(self.record.started_at)
        except ValueError:
            return now
