"""Hears and speaks itself: the realtime model's side of a call. A turn of the agent in, lines of sound and words out.

A tenant of its session. The server keeps a conversation of its own; it is held to what really happened: it is told what
was said without it, a line that the caller cut is cut there to what was heard, a sound that was no turn is taken out,
and a new socket is told all of it again, as text.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

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
"""Between two events of a reply: these models make speech several times as fast as it is heard."""

TRIES = 2
"""Of a reply of which nothing was heard: a socket that was lost is there again at once, most of the time."""


@dataclass
class _Request:
    response: str = ""
    lines: dict[str, Voiced] = field(default_factory=dict)
    """By item."""
    calls: list[ToolCall] = field(default_factory=list)
    events: int = 0
    over: bool = False
    fault: Fault | None = None
    detail: str = ""
    news: ParkingLot = field(default_factory=ParkingLot)

    @property
    def begun(self) -> bool:
        """Something of it can be heard already."""
        return any(line.sound for line in self.lines.values())

    def end(self, fault: Fault | None, detail: str, ms_per_character: float) -> None:
        if not self.over:
            self.over, self.fault, self.detail = True, fault, detail
        for line in self.lines.values():
            line.end() if fault is None else line.break_off(ms_per_character)
        self.news.unpark_all()


@dataclass(frozen=True, slots=True)
class _Spoken:
    """Where a line is in the server's conversation."""

    asked: str
    item: str


class LiveMind:
    """One call's model that needs neither recogniser nor voice."""

    def __init__(
        self, session: Session, *, model: str, first_s: float, items: Callable[[float, float], Sequence[str]]
    ) -> None:
        """`first_s`: to the first event of a reply. `items` names what the server has of the caller's sound between two
        moments of the call, on this connection."""
        self.session = session
        self.history: Callable[[], Sequence[Message]] = tuple
        """The conversation, bounded; what a new socket is told."""
        self._model = model
        self._first_s = first_s
        self._items = items
        self._spoken: dict[Voiced, _Spoken] = {}
        """Lines that may still be played."""
        self._requests: dict[str, _Request] = {}
        """Wanted by a turn."""
        self._under_way: dict[str, str] = {}
        """At the server, also those that nobody wants any more: the response's id by what it was asked as."""
        self._unwanted: set[str] = set()
        self._calls: set[str] = set()
        """Tool calls in the server's conversation that have no result there."""
        self._numbers = itertools.count(1)
        self._pace = MS_PER_CHARACTER
        session.admit(self, first=True)  # a new socket is told of the past before it hears what is being said

    @property
    def name(self) -> str:
        return f"{NAME} {self._model}"

    @property
    def quiet(self) -> bool:
        return not self._requests and not self._under_way

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
            if patience.cancelled_caught:
                self.session.drop("no reply in time")
            if request.over and request.fault is None:
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
        # The one before may still be ending: the server takes no second one beside it.
        while not self.session.ready or self._under_way:
            if self.session.away:
                request.end(*self._why(), self._pace)
                return
            await self.session.news.park()
        asked = f"reply-{next(self._numbers)}"
        self._requests[asked], self._under_way[asked] = request, ""
        self.session.send(requests.answer(asked, system_of(prompt), prompt.tools))
        seen = 0
        try:
            while not request.over or request.events > seen:
                if request.events > seen:
                    seen = request.events
                    patience.deadline = trio.current_time() + GAP_S
                    for line in list(request.lines.values()):
                        if line.sound:
                            await emit(line)
                else:
                    await request.news.park()
        finally:
            del self._requests[asked]
            if not request.over:
                request.end(Fault.TIMEOUT, "no reply in time", self._pace)
                self._stop(asked)

    def _stop(self, asked: str) -> None:
        response = self._under_way.get(asked)
        if response:
            self.session.send(requests.cancel(response))
        elif response is not None:
            self._unwanted.add(asked)

    def _settled(self, line: Voiced) -> None:
        """No more of the line will be heard: the server is to know of none."""
        spoken = self._spoken.pop(line, None)
        if spoken is None or line.over:
            return
        self._stop(spoken.asked)
        if line.unheard:
            self.session.send(requests.forget(spoken.item))
        else:
            self.session.send(requests.truncate(spoken.item, int(line.heard_ms)))

    # What really happened, as the memory keeps it. Not checkpoints.

    def caller_said(self, text: str, start_ms: float, end_ms: float) -> None:
        """Words of the caller, or keys: the server is told those of which it has not got the sound."""
        if start_ms == end_ms or not self._items(start_ms, end_ms):
            self.session.send(requests.user(text))

    def not_a_turn(self, start_ms: float, end_ms: float) -> None:
        """A sound that asks for no answer."""
        for item in self._items(start_ms, end_ms):
            self.session.send(requests.forget(item))

    def agent_heard(self, text: str, interrupted: bool) -> None:
        """The caller has heard a line that the model did not speak."""
        self.session.send(requests.assistant(text + (CUT if interrupted else "")))

    def tool_ran(self, call: ToolCall, result: str) -> None:
        """A tool's result, and the call where it was not the model's own."""
        if call.id not in self._calls:
            self.session.send(requests.called(call))
        self._calls.discard(call.id)
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
        for request in self._requests.values():
            request.end(*self._why(), self._pace)
        for line in self._spoken:
            line.known = False
        self._spoken.clear()
        self._under_way.clear()
        self._unwanted.clear()
        self._calls.clear()

    def received(self, event: events.RealtimeEvent) -> None:
        match event:
            case events.ResponseCreated(response, asked) if asked in self._under_way:
                self._under_way[asked] = response
                if asked in self._unwanted:
                    self.session.send(requests.cancel(response))
                elif asked in self._requests:
                    self._requests[asked].response = response
            case events.AudioPart(response, item, sound) if (request := self._of(response)) is not None:
                self._line(request, item).hear(sound)
                self._tell(request)
            case events.SpokenPart(response, item, text) if (request := self._of(response)) is not None:
                self._line(request, item).told(text)
                self._tell(request)
            case events.Called(response, _, call) if (request := self._of(response)) is not None:
                self._calls.add(call.id)
                request.calls.append(call)
                self._tell(request)
            case events.ResponseDone(asked=asked) if asked in self._under_way:
                tokens = {"tokens_in": event.input_tokens, "tokens_out": event.output_tokens}
                log.info("reply made", status=event.status, **tokens)
                said = event.status in {"completed", "incomplete"}
                self._over(asked, None if said else event.fault or Fault.BROKEN, event.detail or event.status)
            case events.Trouble(of=of) if of in self._under_way:
                self._over(of, event.fault, event.detail)

    def _over(self, asked: str, fault: Fault | None, detail: str) -> None:
        del self._under_way[asked]
        self._unwanted.discard(asked)
        if (request := self._requests.get(asked)) is not None:
            request.end(fault, detail, self._pace)

    def _why(self) -> tuple[Fault, str]:
        ended = self.session.ended
        return (ended.fault, ended.detail) if ended else (Fault.UNREACHABLE, "the socket ended")

    def _of(self, response: str) -> _Request | None:
        return next((r for r in self._requests.values() if r.response == response), None)

    def _line(self, request: _Request, item: str) -> Voiced:
        line = request.lines.get(item)
        if line is None:
            asked = next(asked for asked, one in self._requests.items() if one is request)
            line = request.lines[item] = Voiced(self._settled)
            self._spoken[line] = _Spoken(asked, item)
        return line

    @staticmethod
    def _tell(request: _Request) -> None:
        request.events += 1
        request.news.unpark_all()
