"""Hears and speaks itself: the realtime model's side of a call. A turn of the agent in, lines of sound and words out.

A tenant of its session. The server keeps a conversation of its own; it is held to what really happened: it is told what
was said without it, a line that the caller cut is cut there to what was heard, a sound that was no turn is taken out,
and a new socket is told all of it again, as text.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Protocol

import structlog
import trio

from agent.errors import Fault, ProviderError
from agent.keep.estimate import SPEECH_TOKENS_A_SECOND
from agent.keep.usage import Charge, charged
from agent.model import BYTES_PER_MS, Emit
from agent.providers import realtime_events as events
from agent.providers import realtime_requests as requests
from agent.providers.openai_client import NAME
from agent.providers.openai_llm import system_of, takes_leave
from agent.speak.verbatim import MS_PER_CHARACTER
from agent.think.ports import Message, Prompt, Reply, ToolCall
from nurseries.live.ahead import Ahead
from nurseries.live.reply import LiveReply, ReplyEvent
from nurseries.live.session import Session
from nurseries.live.voiced import Voiced

log = structlog.get_logger(__name__)

GAP_S = 1.5
"""Between two events within a reply: these models make speech several times as fast as it is heard."""

LATE = 2
"""So many sockets in a row on which a reply did not come in time, and the language model has the rest of the call."""

_GIVEN = ("tokens_in", "tokens_cached", "audio_in", "audio_cached")
"""Amounts of a conversation, which the next reply is given as well."""

TRIES = 2
"""Of a reply of which nothing was heard: a socket that was lost is there again at once, most of the time."""


class CallersSound(Protocol):
    """What the server has of the caller, between two moments of the call. Not checkpoints."""

    def holds(self, start_ms: float, end_ms: float) -> bool: ...
    def take_out(self, start_ms: float, end_ms: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _Spoken:
    """Where a line is in the server's conversation."""

    asked: str
    item: str


class LiveMind:
    """One call's model that needs neither recogniser nor voice."""

    def __init__(self, session: Session, *, model: str, first_s: float, sound: CallersSound) -> None:
        """`first_s`: to the first event of a reply, and behind a line that may be its last."""
        self.session = session
        self.history: Callable[[], Sequence[Message]] = tuple
        """The conversation, bounded; what a new socket is told."""
        self.unheard: Callable[[], Sequence[str]] = tuple
        """What the caller is about to hear of the agent, that the model has not said itself."""
        self._model = model
        self._first_s = first_s
        self._sound = sound
        self._spoken: dict[Voiced, _Spoken] = {}
        """Lines that may still be played."""
        self._replies: dict[str, LiveReply] = {}
        """Under way at the server, by what they were asked as; the server takes one at a time."""
        self._charges: dict[str, Charge] = {}
        """Of the same."""
        self._heard_before: dict[str, float] = {}
        """What the server was given with the last reply whose usage it told."""
        self._calls: dict[str, str] = {}
        """Tool calls in the server's conversation that have no result there: their items by their ids."""
        self._ahead = Ahead(session.send)
        self._numbers = itertools.count(1)
        self._pace = MS_PER_CHARACTER
        self._late = 0
        """Sockets in a row on which a reply did not come in time."""
        self._late_on = -1
        session.admit(self, first=True)  # a new socket is told of the past before it hears what is being said

    @property
    def name(self) -> str:
        return f"{NAME} {self._model}"

    @property
    def quiet(self) -> bool:
        return not self._replies and not self._calls

    async def reply(self, prompt: Prompt, emit: Emit[Voiced]) -> Reply:
        """Answer what the caller has said last, or go on behind a tool's result; perhaps without a word. Each line is
        emitted when it begins, and again whenever more of it has come.

        Raises ProviderError, also after some lines, which are then at their end. Cancelled, the response is stopped
        once its lines are settled.
        """
        if self._late >= LATE:
            await trio.lowlevel.checkpoint()
            raise ProviderError(NAME, "reply", Fault.TIMEOUT, "too late before")
        for attempt in range(1, TRIES + 1):
            asked = f"reply-{next(self._numbers)}"
            reply = LiveReply(partial(self._line, asked))
            with trio.CancelScope(deadline=trio.current_time() + self._first_s) as patience:
                await self._ask(asked, prompt, reply, emit, patience)
            if patience.cancelled_caught and not reply.answered:
                self._blame()
            if reply.answered:
                self.session.of_use()
                self._late = 0
                self._pace = next((line.pace for line in reply.lines.values() if line.text), self._pace)
                text = " ".join(line.text for line in reply.lines.values())
                return Reply(says_goodbye=takes_leave(text), calls=tuple(reply.calls) if prompt.tools else ())
            fault = reply.fault or Fault.TIMEOUT
            if reply.begun or fault not in {Fault.UNREACHABLE, Fault.BROKEN} or attempt == TRIES:
                raise ProviderError(NAME, "reply", fault, reply.detail)
        raise AssertionError

    async def _ask(
        self, asked: str, prompt: Prompt, reply: LiveReply, emit: Emit[Voiced], patience: trio.CancelScope
    ) -> None:
        await trio.lowlevel.checkpoint()
        while not self.session.ready or self._replies:  # the one before may still be ending
            if self.session.away:
                reply.end(*self._why(), self._pace)
                return
            await self.session.news.park()
        self._drop_calls()
        self._ahead.tell(self.unheard())
        self._replies[asked] = reply
        given: set[Voiced] = set()
        self.session.send(requests.answer(asked, system_of(prompt), prompt.tools))
        self._charges[asked] = charged("llm", self._model)
        self._charges[asked].guess(**self._heard_before)
        seen = 0
        try:
            while not reply.over or reply.events > seen:
                if reply.events > seen:
                    seen = reply.events
                    patience.deadline = trio.current_time() + (self._first_s if reply.whole else GAP_S)
                    for line in list(reply.lines.values()):
                        if line.sound:
                            given.add(line)
                            await emit(line)
                else:
                    await reply.news.park()
        finally:
            if not reply.over:
                reply.end(Fault.TIMEOUT, "no reply in time", self._pace)
                self._stop(asked)
            for line in reply.lines.values():
                if line not in given:  # else the turn settles it
                    line.settle()

    def _blame(self) -> None:
        if self._late_on != self.session.connections:
            self._late_on = self.session.connections
            self._late += 1
            if self._late == LATE:
                log.warning("the model is late again and again; the language model has the rest of the call")
        self.session.drop("no reply in time")

    def _stop(self, asked: str) -> None:
        reply = self._replies.get(asked)
        if reply is not None and reply.wanted:
            reply.give_up()
            if reply.id:
                self.session.send(requests.cancel(reply.id))

    def _drop_calls(self) -> None:
        """Take calls out that nobody will answer: the turn that they were made in is over."""
        for item in self._calls.values():
            self.session.send(requests.forget(item))
        self._calls.clear()

    def _settled(self, line: Voiced) -> None:
        """No more of the line will be heard: the server is to know of none."""
        spoken = self._spoken.pop(line, None)
        if spoken is None or (line.over and not line.broken and line.sound):
            return
        self._stop(spoken.asked)
        if line.unheard:
            self.session.send(requests.forget(spoken.item))
        else:
            self.session.send(requests.truncate(spoken.item, int(line.heard_ms)))

    # What really happened, as the memory keeps it. Not checkpoints.

    def caller_said(self, text: str, start_ms: float, end_ms: float) -> None:
        """Words of the caller, or keys: the server is told those of which it has not got all the sound, instead of
        the sound."""
        self._ahead.take_back()
        spoken = start_ms < end_ms
        if spoken and self._sound.holds(start_ms, end_ms):
            return
        if spoken:
            self._sound.take_out(start_ms, end_ms)
        self.session.send(requests.user(text))

    def not_a_turn(self, start_ms: float, end_ms: float) -> None:
        """A sound that asks for no answer."""
        self._sound.take_out(start_ms, end_ms)

    def agent_heard(self, text: str, interrupted: bool) -> None:
        """The caller has heard a line that the model did not speak."""
        self._ahead.heard(text, interrupted=interrupted)

    def tool_ran(self, call: ToolCall, result: str) -> None:
        """A tool's result, and the call where it was not the model's own."""
        self._ahead.tell(self.unheard())
        if self._calls.pop(call.id, None) is None:
            self.session.send(requests.called(call))
        self.session.send(requests.result(call.id, result))

    # As the session's tenant.

    def opened(self) -> None:
        for n, message in enumerate(self.history()):
            if message.call is not None:
                call = ToolCall(f"seed-{n}", message.call.name, message.call.arguments)
                self.session.send(requests.called(call))
                self.session.send(requests.result(call.id, message.text))
            elif message.role == "caller":
                self.session.send(requests.user(message.text))
            else:
                self.session.send(requests.assistant(message.text))

    def lost(self) -> None:
        for asked, reply in self._replies.items():
            made = sum(len(line.sound) for line in reply.lines.values()) / BYTES_PER_MS / 1000
            self._charges[asked].guess(**self._heard_before, audio_out=ceil(made * SPEECH_TOKENS_A_SECOND))
            reply.end(*self._why(), self._pace)
        self._charges.clear()
        for line in self._spoken:
            line.known = False
        self._spoken.clear()
        self._replies.clear()
        self._calls.clear()
        self._ahead.lost()

    def received(self, event: events.RealtimeEvent) -> None:
        match event:
            case events.ResponseCreated(response, asked) if asked in self._replies:
                self._replies[asked].id = response
                if not self._replies[asked].wanted:
                    self.session.send(requests.cancel(response))
            case _ if isinstance(event, ReplyEvent):
                self._more(event)
            case events.ResponseDone(asked=asked) if asked in self._replies:
                if event.usage:
                    self._charges[asked].told(**event.usage)
                    self._heard_before = {name: event.usage[name] for name in _GIVEN if name in event.usage}
                tokens = {"tokens_in": event.input_tokens, "tokens_out": event.output_tokens}
                log.info("reply made", status=event.status, **tokens)
                for item in event.cut:
                    self._more(events.ItemDone(event.response, item, whole=False))
                said = event.status == "completed"
                self._over(asked, None if said else event.fault or Fault.BROKEN, event.detail or event.status)
            case events.Trouble(of=of) if of in self._replies:
                self._charges[of].free()
                self._over(of, event.fault, event.detail)

    def _more(self, event: ReplyEvent) -> None:
        reply = next((reply for reply in self._replies.values() if reply.id == event.response), None)
        if reply is not None:
            reply.take(event)
            if reply.wanted and isinstance(event, events.Called):
                self._calls[event.call.id] = event.item

    def _over(self, asked: str, fault: Fault | None, detail: str) -> None:
        reply = self._replies.pop(asked)
        self._charges.pop(asked, None)
        for item in reply.strays:
            self.session.send(requests.forget(item))
        reply.end(fault, detail, self._pace)

    def _why(self) -> tuple[Fault, str]:
        ended = self.session.ended
        return (ended.fault, ended.detail) if ended else (Fault.UNREACHABLE, "the socket ended")

    def _line(self, asked: str, item: str) -> Voiced:
        line = Voiced(self._settled)
        self._spoken[line] = _Spoken(asked, item)
        return line
