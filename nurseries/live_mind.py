"""Hears and speaks itself: the realtime model's side of a call. A turn of the agent in, lines of sound and words out.

A tenant of its session. The server keeps a conversation of its own; it is held to what really happened: it is told what
was said without it, a line that the caller cut is cut there to what was heard, a sound that was no turn is taken out,
and a new socket is told all of it again, as text.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.errors import Fault, ProviderError
from agent.model import Emit
from agent.providers import realtime_events as events
from agent.providers import realtime_requests as requests
from agent.providers.openai_client import NAME
from agent.providers.openai_llm import system_of, takes_leave
from agent.speak.verbatim import MS_PER_CHARACTER
from agent.think.conversation import CUT
from agent.think.ports import Message, Prompt, Reply, ToolCall
from nurseries.session import Session
from nurseries.voiced import Voiced

log = structlog.get_logger(__name__)

GAP_S = 1.5
"""Between two events within a reply: these models make speech several times as fast as it is heard."""

TRIES = 2
"""Of a reply of which nothing was heard: a socket that was lost is there again at once, most of the time."""


class CallersSound(Protocol):
    """What the server has of the caller, between two moments of the call. Not checkpoints."""

    def holds(self, start_ms: float, end_ms: float) -> bool: ...
    def take_out(self, start_ms: float, end_ms: float) -> None: ...


@dataclass
class _Request:
    """Wanted by a turn."""

    lines: dict[str, Voiced] = field(default_factory=dict)
    """By item."""
    given: set[Voiced] = field(default_factory=set)
    """Those that the turn knows of, and settles."""
    calls: list[ToolCall] = field(default_factory=list)
    calling: set[str] = field(default_factory=set)
    """Items of calls that have begun, and are not complete."""
    events: int = 0
    over: bool = False
    fault: Fault | None = None
    detail: str = ""
    news: ParkingLot = field(default_factory=ParkingLot)

    @property
    def begun(self) -> bool:
        """Something of it can be heard already."""
        return any(line.sound for line in self.lines.values())

    @property
    def whole(self) -> bool:
        """Nothing that has begun is incomplete: it may be all that was to come."""
        some = self.begun or bool(self.calls)
        return some and not self.calling and all(line.done for line in self.lines.values())

    def tell(self) -> None:
        self.events += 1
        self.news.unpark_all()

    def end(self, fault: Fault | None, detail: str, ms_per_character: float) -> None:
        """A fault behind its last word, or its last call, is none."""
        if not self.over:
            self.over, self.detail = True, detail
            self.fault = None if self.whole else fault
            for line in self.lines.values():
                line.end() if fault is None else line.break_off(ms_per_character)
        self.news.unpark_all()


@dataclass
class _Response:
    """At the server, from its request on."""

    request: _Request | None
    """None: nobody wants it any more."""
    id: str = ""
    strays: list[str] = field(default_factory=list)
    """Its items that nobody will hear of."""


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
        self._model = model
        self._first_s = first_s
        self._sound = sound
        self._spoken: dict[Voiced, _Spoken] = {}
        """Lines that may still be played."""
        self._responses: dict[str, _Response] = {}
        """Under way at the server, by what they were asked as; the server takes one at a time."""
        self._calls: dict[str, str] = {}
        """Tool calls in the server's conversation that have no result there: their items by their ids."""
        self._numbers = itertools.count(1)
        self._pace = MS_PER_CHARACTER
        session.admit(self, first=True)  # a new socket is told of the past before it hears what is being said

    @property
    def name(self) -> str:
        return f"{NAME} {self._model}"

    @property
    def quiet(self) -> bool:
        return not self._responses

    async def reply(self, prompt: Prompt, emit: Emit[Voiced]) -> Reply:
        """Answer what the caller has said last, or go on behind a tool's result; perhaps without a word. Each line is
        emitted when it begins, and again whenever more of it has come.

        Raises ProviderError, also after some lines, which are then at their end. Cancelled, the response is stopped
        once its lines are settled.
        """
        for attempt in range(1, TRIES + 1):
            request = _Request()
            with trio.CancelScope(deadline=trio.current_time() + self._first_s) as patience:
                await self._ask(prompt, request, emit, patience)
            answered = request.over and request.fault is None
            if patience.cancelled_caught and not answered:
                self.session.drop("no reply in time")
            if answered:
                self.session.of_use()
                self._pace = next((line.pace for line in request.lines.values() if line.text), self._pace)
                text = " ".join(line.text for line in request.lines.values())
                return Reply(says_goodbye=takes_leave(text), calls=tuple(request.calls) if prompt.tools else ())
            fault = request.fault or Fault.TIMEOUT
            if request.begun or fault not in {Fault.UNREACHABLE, Fault.BROKEN} or attempt == TRIES:
                raise ProviderError(NAME, "reply", fault, request.detail)
        raise AssertionError

    async def _ask(self, prompt: Prompt, request: _Request, emit: Emit[Voiced], patience: trio.CancelScope) -> None:
        await trio.lowlevel.checkpoint()
        while not self.session.ready or self._responses:  # the one before may still be ending
            if self.session.away:
                request.end(*self._why(), self._pace)
                return
            await self.session.news.park()
        self._drop_calls()
        asked = f"reply-{next(self._numbers)}"
        self._responses[asked] = _Response(request)
        self.session.send(requests.answer(asked, system_of(prompt), prompt.tools))
        seen = 0
        try:
            while not request.over or request.events > seen:
                if request.events > seen:
                    seen = request.events
                    patience.deadline = trio.current_time() + (self._first_s if request.whole else GAP_S)
                    for line in list(request.lines.values()):
                        if line.sound:
                            request.given.add(line)
                            await emit(line)
                else:
                    await request.news.park()
        finally:
            self._release(asked, request)

    def _release(self, asked: str, request: _Request) -> None:
        if not request.over:
            request.end(Fault.TIMEOUT, "no reply in time", self._pace)
            self._stop(asked)
        for line in request.lines.values():
            if line not in request.given:
                line.settle()

    def _stop(self, asked: str) -> None:
        response = self._responses.get(asked)
        if response is None or response.request is None:
            return
        response.strays += response.request.calling
        response.request = None
        if response.id:
            self.session.send(requests.cancel(response.id))

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
        self.session.send(requests.assistant(text + (CUT if interrupted else "")))

    def tool_ran(self, call: ToolCall, result: str) -> None:
        """A tool's result, and the call where it was not the model's own."""
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
        for response in self._responses.values():
            if response.request is not None:
                response.request.end(*self._why(), self._pace)
        for line in self._spoken:
            line.known = False
        self._spoken.clear()
        self._responses.clear()
        self._calls.clear()

    def received(self, event: events.RealtimeEvent) -> None:
        match event:
            case events.ResponseCreated(id_, asked) if asked in self._responses:
                response = self._responses[asked]
                response.id = id_
                if response.request is None:
                    self.session.send(requests.cancel(id_))
            case (
                events.ItemBegun()
                | events.Working()
                | events.AudioPart()
                | events.SpokenPart()
                | events.AudioWhole()
                | events.SpokenWhole()
                | events.Called()
            ):
                self._more(event)
            case events.ResponseDone(asked=asked) if asked in self._responses:
                tokens = {"tokens_in": event.input_tokens, "tokens_out": event.output_tokens}
                log.info("reply made", status=event.status, **tokens)
                said = event.status in {"completed", "incomplete"}
                self._over(asked, None if said else event.fault or Fault.BROKEN, event.detail or event.status)
            case events.Trouble(of=of) if of in self._responses:
                self._over(of, event.fault, event.detail)

    def _more(
        self,
        event: events.ItemBegun
        | events.Working
        | events.AudioPart
        | events.SpokenPart
        | events.AudioWhole
        | events.SpokenWhole
        | events.Called,
    ) -> None:
        """Of a response."""
        found = next(((asked, r) for asked, r in self._responses.items() if r.id == event.response), None)
        if found is None:
            return
        asked, response = found
        request = response.request
        if request is None:
            if isinstance(event, events.ItemBegun):
                response.strays.append(event.item)
            return
        match event:
            case events.ItemBegun(_, item, "function_call"):
                request.calling.add(item)
            case events.AudioPart(_, item, sound):
                self._line(asked, request, item).hear(sound)
            case events.SpokenPart(_, item, text):
                self._line(asked, request, item).told(text)
            case events.AudioWhole(_, item):
                self._line(asked, request, item).all_sound()
            case events.SpokenWhole(_, item, text):
                self._line(asked, request, item).all_words(text)
            case events.Called(_, item, call):
                self._calls[call.id] = item
                request.calling.discard(item)
                request.calls.append(call)
        request.tell()

    def _over(self, asked: str, fault: Fault | None, detail: str) -> None:
        response = self._responses.pop(asked)
        for item in response.strays:
            self.session.send(requests.forget(item))
        if response.request is not None:
            response.request.end(fault, detail, self._pace)

    def _why(self) -> tuple[Fault, str]:
        ended = self.session.ended
        return (ended.fault, ended.detail) if ended else (Fault.UNREACHABLE, "the socket ended")

    def _line(self, asked: str, request: _Request, item: str) -> Voiced:
        line = request.lines.get(item)
        if line is None:
            line = request.lines[item] = Voiced(self._settled)
            self._spoken[line] = _Spoken(asked, item)
        return line
