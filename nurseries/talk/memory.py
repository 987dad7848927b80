"""What one call remembers, at the moment it is known: words heard on both sides, tools run, facts learnt, times.

A tool without a will of its own: the dialogue and the floor write to it, the record is made of it. Nothing here is a
checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import structlog
import trio

from agent.keep.record import TurnTimes
from agent.keep.usage import Meter
from agent.seen.feed import Feed
from agent.seen.turns import Turn
from agent.speak.ledger import Heard
from agent.think.conversation import Conversation, Line
from agent.think.facts import Fact, attributed, extract, merge
from agent.think.ports import ToolCall
from agent.think.tools.ports import Result
from nurseries.line.outbox import INTERJECTION, Outbox
from nurseries.live.voiced import Voiced
from nurseries.talk.speech import Speech
from nurseries.talk.taken_over import TakenOver

log = structlog.get_logger(__name__)


NOT_KNOWN = "It is not known whether this was done: the line broke off meanwhile. Do not just do it again; ask first."
"""A tool's result, where the process that ran it was gone before it could tell."""


class Asked(Protocol):
    """What a model was asked for."""

    first_token_at: float | None


@dataclass(slots=True)
class Timing:
    """One answer's times, on trio's clock, as far as they are known."""

    decided: float
    heard: float
    speech: Speech
    spoken: float | None = None
    """The caller's last word; None where there was none, or it is not known."""
    asked: Asked | None = None
    thought: float | None = None
    """The model had said all, or was given up."""

    @property
    def first_token(self) -> float | None:
        return None if self.asked is None else self.asked.first_token_at

    def turn(self, spoken: float, began: float, *, keyed: bool) -> Turn:
        """The answer as it is told when it is over: now. `spoken`: the caller's last word; `began`: the call."""
        first_ms = self.speech.first_sent_ms
        first = None if first_ms is None else began + first_ms / 1000
        over, delayed = trio.current_time(), self.speech.delayed
        return Turn(
            spoken, self.decided, self.heard, self.first_token, first, over, self.thought, delayed=delayed, keyed=keyed
        )


class Witness(Protocol):
    """Who is to know what was really said. Not checkpoints."""

    def caller_said(self, text: str, start_ms: float, end_ms: float) -> None: ...
    def not_a_turn(self, start_ms: float, end_ms: float) -> None: ...
    def agent_heard(self, text: str, interrupted: bool) -> None: ...
    def tool_ran(self, call: ToolCall, result: str) -> None: ...


@dataclass(slots=True)
class Memory:
    """One call's."""

    outbox: Outbox
    conversation: Conversation
    facts: dict[str, Fact] = field(default_factory=dict)
    timings: list[Timing] = field(default_factory=list)
    running: ToolCall | None = None
    """A tool that was begun, and has no result yet."""
    witness: Witness | None = None
    """A model that keeps a conversation of its own."""
    feed: Feed | None = None
    """Told of what the caller cuts short."""

    def commit(self) -> tuple[Heard, ...]:
        """Move what the caller has heard by now into the conversation; returns what was cut off and is to be said."""
        cut = []
        self.outbox.ledger.settle(self.outbox.now_ms)
        news = self.outbox.ledger.take()
        for heard in news:
            _tell(self.conversation, heard)
            line = heard.source if isinstance(heard.source, Voiced) else None
            if line is not None:
                line.heard(heard.text, heard.played_ms)
            told = line is None or not line.known
            if self.witness is not None and told and heard.text and self.conversation.counts(heard.text):
                self.witness.agent_heard(heard.text, heard.interrupted)
            left = bool(heard.rest) if line is None else heard.interrupted and not line.over
            if left and heard.source is not INTERJECTION:
                cut.append(heard)
        if self.feed is not None and news and news[-1].interrupted:
            self.feed.cut(news[-1].turn, *self.conversation.cut(news[-1].turn))
        return tuple(cut)

    def so_far(self) -> list[Line]:
        """The conversation with what the caller is hearing at this moment, as far as they have heard it; nothing is
        committed."""
        conversation = self.conversation.copy()
        for heard in self.outbox.ledger.so_far(self.outbox.now_ms):
            _tell(conversation, heard)
        if self.running is not None:
            conversation.tool_ran(self.running, NOT_KNOWN, max(self.outbox.now_ms, 0.0))
        return conversation.lines

    def resume(self, before: TakenOver) -> None:
        """The call went on elsewhere until now."""
        self.conversation.resume(before.lines)
        self.facts = dict(before.facts)

    def caller_said(self, text: str, start_ms: float, end_ms: float, keys: str = "") -> None:
        """Words, and the facts in them."""
        self.commit()
        found = extract(text, self.conversation.question, self.facts)
        self.facts = merge(self.facts, attributed(found, text, start_ms))
        self.conversation.caller_said(text, start_ms, end_ms, keys=keys)
        if self.witness is not None:
            self.witness.caller_said(text, start_ms, end_ms)
        log.debug("heard", text=text)

    def tool_begun(self, call: ToolCall) -> None:
        """It may have been done from here on, whatever becomes of this process."""
        self.running = call

    def tool_known(self, call: ToolCall, text: str) -> None:
        """A tool that was asked for and not run: this is what the model is told."""
        if self.witness is not None:
            self.witness.tool_ran(call, text)

    def aside(self, text: str, start_ms: float, end_ms: float) -> None:
        """Words of the caller that ask for no answer; "" for a sound without any."""
        self.commit()
        if text:
            self.conversation.caller_said(text, start_ms, end_ms, aside=True)
        if self.witness is not None:
            self.witness.not_a_turn(start_ms, end_ms)

    def tool_ran(self, call: ToolCall, result: Result) -> None:
        """A tool with its result, and the facts it gave: they rest on what the caller said last."""
        self.commit()
        self.running = None
        self.conversation.tool_ran(call, result.text, self.outbox.now_ms)
        if self.witness is not None:
            self.witness.tool_ran(call, result.text)
        said = next((line for line in reversed(self.conversation.lines) if line.role == "caller"), None)
        facts = attributed(result.facts, said.text, said.start_ms) if said is not None else result.facts
        self.facts = merge(self.facts, facts)

    def times(self, began: float, meter: Meter | None = None) -> tuple[TurnTimes, ...]:
        """Where each answered turn's time went, and what it used."""
        done = []
        for n, t in enumerate(self.timings):
            if t.speech.first_sent_ms is None:
                continue
            spoken = began + t.speech.first_sent_ms / 1000
            token = spoken if t.first_token is None else t.first_token
            used = meter.of_turn(n) if meter is not None else ()
            heard, first, spoke = (round((at - t.decided) * 1000) for at in (t.heard, token, spoken))
            said = None if t.spoken is None else round((t.spoken - began) * 1000)
            silent = None if t.spoken is None else max(round((t.decided - t.spoken) * 1000), 0)
            done.append(TurnTimes(heard, first, spoke, used, said_ms=said, endpoint_ms=silent))
        return tuple(done)


def _tell(conversation: Conversation, heard: Heard) -> None:
    conversation.agent_heard(heard.turn, heard.text, heard.start_ms, heard.end_ms, heard.interrupted, heard.rest)
