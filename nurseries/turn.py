"""Lifetime 3: one turn of the agent. It thinks and speaks at once, runs tools in between, and lets no silence last.

Run by the runner, which cancels it when the caller takes the turn. Its children: the speech in front; behind it the
thinker, which cuts the model's stream into sentences, and the patience, which lets no silence last. A failing or
stalled provider is a value here (a `Failure`), never an exception, and is spoken about.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog
import trio

from agent.errors import Fault
from agent.keep.stand_ins import stood_in
from agent.model import Emit, Ending
from agent.seen.turns import DEAD_AIR
from agent.speak.clips import MOMENT, STILL, Clip
from agent.speak.sentences import Sentences
from agent.think.conversation import CUT
from agent.think.ports import LanguageModel, Message, Prompt, Reply, ToolCall
from agent.think.tools.decision import Decision
from agent.think.tools.ports import EndCall, Say, Then, Transfer
from nurseries.live.voiced import Voiced
from nurseries.replay.pass_clock import decided
from nurseries.talk.hands import Hands
from nurseries.talk.speech import Failure, Idle, Speech, timed

log = structlog.get_logger(__name__)

MOST_CHARACTERS = 4000
"""Of one reply, tools and all: four minutes of speech. A model that writes on is cut off."""

FILLERS = (MOMENT, STILL)

GO_ON = """\
Your last line broke off in the middle, and the caller has heard it up to there. Go on exactly where it broke off, \
without a word of what you have said already."""

DO_THE_REST = """\
The caller has heard your last line. Do what is left to be done, and say what is left to be said, without a word of \
what you have said already."""

LOOK_S = 0.2
"""How often it is looked: an interruption moves the time from which silence counts, also backwards."""


@dataclass(slots=True)
class Outcome:
    """What became of a turn."""

    says_goodbye: bool = False
    then: Then | None = None
    """What a tool wants to happen once all is said."""
    failure: Failure | None = None
    first_token_at: float | None = None
    ending: Ending = Ending.AGENT_SAID_GOODBYE
    """Of a call that ends with this turn, but for a transfer."""
    reason: str = "the agent took leave"
    """Why it ends."""
    passed_on: str = "to a colleague"
    """Why, where the caller is passed on."""

    @property
    def parting(self) -> bool:
        """The call ends with this turn."""
        return self.says_goodbye or isinstance(self.then, (EndCall, Transfer))


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the caller is left in silence: then a word, and after the last word a failure."""

    limit_s: float
    owed_since: Callable[[], float]
    """When it became the agent's turn, on trio's clock."""
    playback_end: Callable[[], float]
    phrase: Callable[[Clip], Clip]
    """A recording in the call's own words."""
    spoken: Callable[[], bool]
    """Somebody speaks: the caller does, or sound of ours is queued."""

    async def watch(self, speech: Speech, outcome: Outcome) -> None:
        """Returns with a failure in the outcome when patience is at its end; else it is cancelled."""
        said = 0
        while True:
            if speech.held or self.spoken():
                await trio.sleep(LOOK_S)
                continue
            due = max(self.owed_since(), self.playback_end()) + self.limit_s
            if due > trio.current_time():
                await trio.sleep_until(min(due, trio.current_time() + LOOK_S))
            elif said == len(FILLERS):
                DEAD_AIR.add(by="apology")
                outcome.failure = Failure("think", Fault.TIMEOUT, f"nothing to say after {said} fillers")
                return
            elif speech.interject(self.phrase(FILLERS[said])):
                DEAD_AIR.add(by="filler")
                decided("filler")
                said += 1
            else:  # in the middle of a sentence: the voice's own limit holds
                DEAD_AIR.add(by="rest")
                await trio.sleep(self.limit_s)


async def take_turn(speech: Speech, outcome: Outcome, think: Callable[[], Awaitable[None]], patience: Patience) -> None:
    """Think and speak; returns when the last word has been heard. Cancelled, what was reached is in the outcome."""
    async with trio.open_nursery() as nursery:

        async def watch() -> None:
            await patience.watch(speech, outcome)
            nursery.cancel_scope.cancel("out of patience")

        async def thinking() -> None:
            await think()
            speech.finish()

        nursery.start_soon(watch, name="patience")
        nursery.start_soon(thinking, name="think")
        outcome.failure = await speech.run() or outcome.failure
        nursery.cancel_scope.cancel("all is said")


class Mind(Protocol):
    """A model that hears and speaks itself."""

    async def reply(self, prompt: Prompt, emit: Emit[Voiced]) -> Reply:
        """See LiveMind."""
        ...


@dataclass(slots=True)
class Thinker:
    """Asks the model, runs what tools it wants, and asks again, until it has said all."""

    mind: Mind | None
    """Asked first, where there is one."""
    model: LanguageModel
    hands: Hands
    limit_s: float
    most_tools: int
    parting: Callable[[Then | None], None]
    """Told when it is known that the call ends with this turn, and how. Not a checkpoint."""
    paid: Callable[[Speech, Outcome], Awaitable[bool]]
    """Asked before each request: False where it cannot be paid for, and then the leave is in the speech."""
    _said: list[str] = field(default_factory=list)
    _length: int = 0
    _cut: bool = False
    """What was said last broke off in the middle."""

    async def reply(self, prompt: Prompt, speech: Speech, outcome: Outcome) -> None:
        """Put the reply's sentences into the speech as they complete."""
        decision = Decision(self.most_tools)
        while await self.paid(speech, outcome):
            asked = self._round(prompt, decision, outcome)
            reply = await self._ask(asked, speech, outcome)
            if reply is None:
                return
            outcome.says_goodbye = outcome.says_goodbye or reply.says_goodbye
            for call in reply.calls if asked.tools else ():
                await self._use(call, decision, speech, outcome)
            if outcome.parting:
                self.parting(outcome.then)
            spoken = "".join(self._said).strip()
            if not (reply.calls and asked.tools) or isinstance(outcome.then, Say) or (outcome.then and spoken):
                return

    def _round(self, prompt: Prompt, decision: Decision, outcome: Outcome) -> Prompt:
        if not decision.messages:
            return prompt
        said = "".join(self._said).strip()
        own = (Message("agent", said),) if said else ()
        tools = () if outcome.then is not None or decision.exhausted else prompt.tools
        return replace(prompt, messages=(*prompt.messages, *own, *decision.messages), tools=tools)

    async def _use(self, call: ToolCall, decision: Decision, speech: Speech, outcome: Outcome) -> None:
        result = await self.hands.run(call, decision, speech)
        if result.then is None or outcome.parting:
            return
        outcome.then = result.then
        if isinstance(result.then, Say):
            speech.add(*sentences(result.then.text))

    async def _ask(self, prompt: Prompt, speech: Speech, outcome: Outcome) -> Reply | None:
        if self.mind is not None:
            reply = await self._listen(self.mind, prompt, speech, outcome)
            if reply is not None:
                return reply
            prompt = going_on(prompt, "".join(self._said).strip(), cut=self._cut)
        return await self._write(prompt, speech, outcome)

    async def _listen(self, mind: Mind, prompt: Prompt, speech: Speech, outcome: Outcome) -> Reply | None:
        """The mind's reply, in its own voice; None where it failed, perhaps in the middle of a line."""
        lines: list[Voiced] = []
        reply = Reply()

        async def think(idle: Idle) -> None:
            nonlocal reply

            async def emit(line: Voiced) -> None:
                await trio.lowlevel.checkpoint()
                idle.wait()
                if outcome.first_token_at is None:
                    outcome.first_token_at = trio.current_time()
                if line not in lines:
                    lines.append(line)
                    speech.add(line)

            reply = await mind.reply(prompt, emit)

        failure = await timed("think", self.limit_s, think)
        self._said += [f"{line.text} " for line in lines]
        self._cut = bool(lines) and lines[-1].broken
        if failure is None and (lines or reply.calls or outcome.then is not None):
            return reply
        failure = failure or Failure("think", Fault.BROKEN, "an empty reply")
        log.warning("the language model goes on", fault=failure.fault.value, detail=failure.detail)
        stood_in("llm", self.model.name, failure.fault.value)
        return None

    async def _write(self, prompt: Prompt, speech: Speech, outcome: Outcome) -> Reply | None:
        cutter = Sentences()
        reply = Reply()

        async def think(idle: Idle) -> None:
            nonlocal reply

            async def emit(piece: str) -> None:
                await trio.lowlevel.checkpoint()
                idle.wait()
                if outcome.first_token_at is None and piece:
                    outcome.first_token_at = trio.current_time()
                if self._length <= MOST_CHARACTERS:
                    self._length += len(piece)
                    self._said.append(piece)
                    speech.add(*cutter.feed(piece))

            reply = await self.model.reply(prompt, emit)

        failure = await timed("think", self.limit_s, think)
        if failure is not None:
            outcome.failure = failure
            return None
        speech.add(*cutter.finish())
        if self._said:
            self._said.append(" ")
        return reply


def going_on(prompt: Prompt, said: str, *, cut: bool) -> Prompt:
    """The prompt for a reply whose beginning has been said by another model; `cut`: in the middle of a line."""
    if not said:
        return prompt
    how, own = (GO_ON, said + CUT) if cut else (DO_THE_REST, said)
    return replace(prompt, system=f"{prompt.system}\n\n{how}", messages=(*prompt.messages, Message("agent", own)))


def completing(prompt: Prompt) -> Prompt:
    """The prompt for the rest of a reply of which the beginning is in the history, if any of it was heard."""
    last = next((message for message in reversed(prompt.messages) if message.role != "tool"), None)
    if last is None or last.role != "agent":
        return prompt
    how = GO_ON if last.text.endswith(CUT) else DO_THE_REST
    return replace(prompt, system=f"{prompt.system}\n\n{how}")


def sentences(text: str) -> list[str]:
    """A fixed text, cut."""
    cutter = Sentences()
    return [*cutter.feed(text), *cutter.finish()]
