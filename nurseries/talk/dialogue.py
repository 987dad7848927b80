"""What the agent does with its turns: greets, answers, prompts, acts on keys, takes leave. In one file, however many:
they share one way to hold a turn, to make up for a failed one, and to part.

Each is a job of the call's runner, begun and cancelled by the floor.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.errors import Fault
from agent.guard.budget import No
from agent.keep.usage import METER
from agent.model import CallInfo, Ending
from agent.profile import Profile
from agent.seen.story import Story
from agent.seen.turns import FAILURES
from agent.speak.clips import AGAIN, APOLOGY, CONNECTING, FAREWELL, LOST, TROUBLE, WELCOME, Clip
from agent.speak.ports import Voice
from agent.think.conversation import Conversation
from agent.think.errand import Errand
from agent.think.facts import values
from agent.think.leave import takes_leave
from agent.think.ports import Prompt, ToolCall
from agent.think.prompt import build_prompt
from agent.think.tools.decision import Decision
from agent.think.tools.ports import Desk, Say, Then, Transfer
from nurseries.line.outbox import INTERJECTION, Outbox
from nurseries.line.tape import Tape
from nurseries.live.mind import LiveMind
from nurseries.live.voiced import Voiced
from nurseries.parts import Parts
from nurseries.purse import Account
from nurseries.replay.pass_clock import decided
from nurseries.runner import Runner
from nurseries.talk.hands import Hands
from nurseries.talk.memory import Memory, Timing
from nurseries.talk.speech import Failure, Manner, Speech
from nurseries.talk.taken_over import TakenOver
from nurseries.turn import FILLERS, Outcome, Patience, Thinker, completing, sentences, take_turn

log = structlog.get_logger(__name__)

FAILURES_IN_A_ROW = 3
"""Turns that may fail one after the other before the agent apologises and ends the call."""

DISCLOSURES = 3
"""So often the agent says that it is a machine to somebody who does not let it finish that."""

PARTING_S = 8.0
"""After the agent's goodbye, for the caller to finish what they have begun to say."""

Thinking = Callable[[Speech, Outcome], Awaitable[None]]
"""Puts sentences into the speech; what else comes of it goes into the outcome."""


async def _stays() -> bool:
    return False


class Dialogue:
    """One call's side of the talk that needs no socket."""

    account: Account | None = None
    """What pays for turns."""
    disclosures = 0
    """How often the caller was told that a machine speaks."""
    notices: tuple[int, ...] = ()
    """The turns in which the caller was told, perhaps in part, that they are recorded."""
    _announced = False
    """They were, in this process or before."""
    _turns = 0
    _prompts = 0
    _failures = 0
    """Turns that have failed one after the other."""
    _deaf: Failure | None = None
    _notice_due = False
    _passes_on = ""
    """Why the caller is to be passed on, as soon as a turn begins; empty: they are not."""
    _broke = False
    """The caller has been told that the call must end, as nothing pays for it."""

    def __init__(
        self,
        parts: Parts,
        info: CallInfo,
        profile: Profile,
        outbox: Outbox,
        voice: Voice,
        mind: LiveMind | None,
        end: Callable[[Ending, str], None],
        tape: Tape | None = None,
        errand: Errand | None = None,
        taken: TakenOver | None = None,
    ) -> None:
        """`tape`, where the call is to be recorded: the caller is told before anything else. `taken`, where the call
        went on elsewhere until now."""
        settings = parts.settings
        self.profile = profile
        self.outbox = outbox
        self.runner = Runner()
        self.manner = Manner(voice, parts.cache, profile.voice, profile.language, settings.TTS_TIMEOUT_S)
        self.phrases = parts.repertoire.of(profile.phrases, self.manner.speaker, profile.language)
        self.story = Story(info, trio.current_time(), parts.spans)
        self.memory = Memory(outbox, Conversation(self.phrases.texts((*FILLERS, LOST, AGAIN))))
        self._mind = mind
        if mind is not None:
            self.memory.witness = mind
            mind.history = lambda: self._prompt().messages
            mind.unheard = self._unheard
        self.caller_speaks = False
        self.unheard = False
        """The caller has spoken, and the words are not there yet."""
        self.last_spoken = trio.current_time()
        """When the caller was last heard to speak, on trio's clock."""
        self.last_words = trio.current_time()
        """When words of the caller were last understood, or a key was pressed."""
        self.speech: Speech | None = None
        """The running turn's."""
        self.parting = False
        """The call ends with the running turn."""
        self.outcome = Outcome()
        """The running turn's, or the last one's."""
        self.transferring = False
        """By passing the caller on."""
        self.transferred_to = ""
        self.announcing = False
        """The caller is being told that they are recorded, which nothing interrupts."""
        self.settled = ParkingLot()
        """Woken when it is known what the caller's last sound was."""
        self._parts = parts
        self._info = info
        self._end = end
        memory = self.memory
        self._hands = Hands(
            *(parts.toolbox, self.runner, self._desk, memory.tool_ran, memory.tool_known, settings.TOOL_TIMEOUT_S),
            timed=self.story.tool,
            begun=memory.tool_begun,
        )
        self._tape = tape
        self._errand = errand
        self._taken = taken
        if taken is not None:
            self._resume(taken)
        self.leaves: Callable[[], Awaitable[bool]] = _stays
        """Asked before the agent thinks: whether another process will."""
        self._words: trio.Event | None = None
        self._owed = self.last_spoken
        """Since when the caller waits for the running turn."""
        self._patience = Patience(
            settings.FILLER_S,
            lambda: max(self._owed, self.last_spoken),
            lambda: outbox.playback_end,
            self.phrases,
            lambda: self.caller_speaks or not outbox.empty,
        )

    # What is asked for: jobs for the runner. None of these is a checkpoint.

    def greet(self) -> None:
        """Speak first; to somebody who was called, only if they do not."""
        wait_s = self._parts.settings.OUTBOUND_WAIT_S if self._info.outbound else 0.0
        self.runner.replace(partial(self._greet, wait_s), "greeting")

    def go_on(self) -> None:
        """The call was held elsewhere until now: say what was about to be said, or answer what was not answered."""
        taken = self._taken
        if taken is not None and self._is_over(taken):
            self._end(taken.parts_as or Ending.AGENT_SAID_GOODBYE, taken.thread.reason or "the agent had taken leave")
        elif taken is not None and not self._greeted and (taken.lost or not taken.unsaid):
            self.greet()
        elif taken is None or taken.lost or taken.unsaid or taken.thinks or self.memory.conversation.unanswered:
            self.runner.replace(partial(self._go_on, taken), "the call goes on")

    def await_words(self, reason: str) -> None:
        """The caller has finished: it is the agent's turn as soon as the words are there."""
        self._words, self._deaf = trio.Event(), None
        self.runner.replace(partial(self._answer, trio.current_time(), self._words, keyed=reason == "keys"), reason)

    @property
    def awaiting(self) -> bool:
        """The running turn waits for the caller's words."""
        return self._words is not None and self.runner.busy

    def answer(self, reason: str, failure: Failure | None = None) -> None:
        """Answer what the caller has said; or, where it could not be heard, say so."""
        if self._words is None or not self.runner.busy:
            self.await_words(reason)
        self._deaf = failure
        if self._words is not None:
            self._words.set()
            self._words = None

    @property
    def seeking(self) -> bool:
        """The agent has asked whether anybody is there: every word is an answer."""
        return self._prompts > 0

    def nothing_said(self) -> None:
        """There were no words to wait for."""
        if self.awaiting:
            self._words = None
            self.runner.drop("nothing was said")

    def act(self, action: str) -> None:
        """A key was pressed that is bound to a tool."""
        self.runner.replace(partial(self._act, action), "key")

    def pass_on(self, why: str) -> None:
        """Somebody else wants the caller passed on: whatever is said next is that."""
        self._passes_on = why
        self.hush("the caller is passed on")
        think = partial(self._passing_on, why)
        self.runner.replace(partial(self._turn, think, over_caller=True), "the caller is passed on")

    def too_quiet(self) -> None:
        """Nobody has spoken for a while: prompt, and after the last prompt take leave, unless somebody speaks then."""
        prompts = self.profile.silence_prompts
        decided("silence", prompts=self._prompts)
        if self._prompts >= len(prompts):
            log.info("nobody answers", prompts=len(prompts))
            self.runner.replace(partial(self._turn, self._taking_leave), "silence")
            return
        text = prompts[self._prompts]
        self._prompts += 1
        self.runner.replace(partial(self._turn, self._saying(text)), "silence")

    def notice(self) -> None:
        """The call will soon be over: say so when nobody speaks."""
        self._notice_due = True
        if not self.runner.busy and not self.caller_speaks:
            self.insist()

    def insist(self) -> None:
        """Say so now, if it has not been said."""
        if self._notice_due and not self.parting:
            self.hush("notice")
            self.runner.replace(partial(self._turn, self._notice, over_caller=True), "notice")

    def hush(self, reason: str) -> None:
        """Stop speaking and thinking, and commit what was heard."""
        self._words = None
        self.runner.drop(reason)
        if not self.runner.shielded:  # else it waits for the end of what is not to be interrupted
            self.outbox.clear()
        self.memory.commit()

    def unsaid(self) -> list[str]:
        """What of the running turn the caller has not heard, in order; nothing is changed."""
        if self.speech is None or self.runner.superseded:
            return []
        rests = self.outbox.ledger.rests(self.outbox.now_ms)
        return self._worth_saying([*(text for text, what in rests if what is not INTERJECTION), *self.speech.left()])

    def lay_down(self) -> list[str]:
        """The same, and it will not be said here: fall silent. The runner is to be cancelled with it."""
        self.outbox.clear()
        cut = self.memory.commit()
        if self.speech is None or self.runner.superseded:
            return []
        return self._worth_saying([*(heard.rest for heard in cut), *self.speech.left()])

    def _worth_saying(self, texts: Iterable[str]) -> list[str]:
        return [text for text in texts if text and self.memory.conversation.counts(text)]

    @property
    def complete(self) -> bool:
        """All that the running turn will say is there."""
        return self.speech is None or self.runner.superseded or self.speech.complete

    @property
    def committed(self) -> bool:
        """The agent is in something that is to be finished here, or in a reply that nobody else could complete."""
        said = self.speech is not None and self.speech.first_sent_ms is not None
        broken = not self.complete and (said or bool(self.unsaid()))
        return self.runner.shielded or self.parting or self.announcing or broken or bool(self._passes_on)

    @property
    def noticed(self) -> bool:
        """The caller has been told that the call will soon be over."""
        return self._was_heard(self.profile.notice)

    def caller_said(self, text: str, start_ms: float, end_ms: float, keys: str = "") -> None:
        """Words of the caller, or keys pressed: they win back the agent's patience. Not a checkpoint."""
        self._prompts = 0
        self.memory.caller_said(text, start_ms, end_ms, keys)

    def quiet_since(self) -> float:
        """The moment since which nobody has spoken; now while somebody does, or is about to. Sounds without words
        count, but not for ever."""
        if self.caller_speaks or self.unheard or self.runner.busy or not self.outbox.empty:
            return trio.current_time()
        end = self.outbox.playback_end
        longest = max(self.last_words, end) + self._parts.settings.SILENCE_S
        return min(max(self.last_spoken, end), longest)

    # Last words, spoken outside the runner once it is gone.

    async def farewell(self) -> None:
        """The goodbye; recorded, where no voice is to be had."""
        self.hush("farewell")
        speech = self._open()
        speech.add(*sentences(self.profile.goodbye))
        speech.finish()
        if await speech.run() is not None or not speech.spoke:
            await self._say_only(speech, FAREWELL)

    async def leave_message(self) -> None:
        """For an answering machine, once it can be spoken to."""
        self.hush("message")
        speech = self._open()
        speech.add(*sentences(self.profile.machine_message))
        speech.finish()
        await speech.run()

    async def apologise(self) -> None:
        """Words that need no provider."""
        self.hush("apology")
        await self._say_only(self._open(), self.phrases(APOLOGY))

    # The jobs.

    async def _greet(self, wait_s: float) -> None:
        async def think(speech: Speech, outcome: Outcome) -> None:
            if not self._announced:
                await trio.sleep(wait_s)
            if self.account is not None and self.account.refused is not None:
                self._cannot_pay(self.account.refused, speech, outcome)
                return
            self._disclose(speech)
            speech.add(*sentences(self.profile.greeting))

        if self._tape is not None:
            await trio.sleep(wait_s)
        await self._turn(think, instead=(WELCOME,))

    def _resume(self, taken: TakenOver) -> None:
        thread = taken.thread
        self.memory.resume(taken)
        self.disclosures, self.notices = thread.disclosures, thread.notices
        self._turns = max([thread.turn, *(line.turn for line in taken.lines)])
        self._announced = thread.announced
        if self._tape is not None and thread.announced:
            self._tape.allow()

    async def _go_on(self, taken: TakenOver | None) -> None:
        """Behind a hand-off to the word, as if nothing had been; where the line was lost, with an apology."""
        decided = trio.current_time()
        if taken is not None and taken.waited_since_ms is not None:
            decided = self.last_spoken = self._call_began + taken.waited_since_ms / 1000
        lines, known = self.memory.conversation.lines, len(self.memory.timings)
        spoken = self._call_began + lines[-1].end_ms / 1000 if lines else decided
        said = next((line.end_ms for line in reversed(lines) if line.role == "caller" and not line.keys), None)
        last_word = None if said is None else self._call_began + said / 1000
        unsaid = taken.unsaid if taken is not None else ()
        lost = taken is None or taken.lost

        async def think(speech: Speech, outcome: Outcome) -> None:
            if lost:
                speech.add(self.phrases.words(LOST))
            if unsaid and self.memory.conversation.unanswered:
                self.memory.timings.append(Timing(decided, decided, speech, last_word))
            speech.add(*unsaid)
            if taken is not None and taken.thread.parting and not taken.took_leave:
                self._part_again(taken, speech, outcome)
            elif taken is None or (lost and taken.thread.speaking):
                speech.add(self.phrases.words(AGAIN))
            elif not unsaid and (taken.thinks or self.memory.conversation.unanswered):
                await self._think(decided, last_word, speech, outcome, goes_on=taken.thinks)
            await trio.lowlevel.checkpoint()

        try:
            instead = (LOST, AGAIN) if lost else (TROUBLE,)
            await self._turn(think, instead=instead, same=bool(unsaid) and not lost, owed_since=decided)
        finally:
            self._answered(spoken, known, keyed=False)

    def _is_over(self, taken: TakenOver) -> bool:
        """Goodbye was said on both sides, or the caller had nothing more to say to ours."""
        last = taken.lines[-1] if taken.lines else None
        more = last is not None and last.role == "caller" and not last.aside and not takes_leave(last.text)
        return taken.took_leave and not taken.thread.speaking and not more

    def _part_again(self, taken: TakenOver, speech: Speech, outcome: Outcome) -> None:
        """As it was about to, where the call went on before."""
        to = self.profile.transfer_to if taken.thread.parting == "transfer" else ""
        if to:
            outcome.then, outcome.passed_on = Transfer(to), taken.thread.reason or outcome.passed_on
        else:
            outcome.says_goodbye = True
            if taken.parts_as is not None:
                outcome.ending, outcome.reason = taken.parts_as, taken.thread.reason
            self._broke = outcome.ending is Ending.BUDGET
        if not taken.unsaid:
            speech.add(*([self.phrases.words(CONNECTING)] if to else sentences(self.profile.goodbye)))
        self._will_part(outcome.then)

    async def _think(
        self, decided: float, spoken: float | None, speech: Speech, outcome: Outcome, *, goes_on: bool = False
    ) -> None:
        """A reply to what the caller has said, with its times; `goes_on`: it was begun elsewhere."""
        timing = Timing(decided, trio.current_time(), speech, spoken, outcome)
        self.memory.timings.append(timing)
        try:
            await self._reply(speech, outcome, goes_on=goes_on)
        finally:
            timing.thought = trio.current_time()

    async def _answer(self, decided: float, words: trio.Event, *, keyed: bool) -> None:
        spoken, known = min(self.last_spoken, decided), len(self.memory.timings)

        async def think(speech: Speech, outcome: Outcome) -> None:
            await words.wait()
            if self._deaf is not None:
                outcome.failure = self._deaf
                return
            if await self.leaves():
                return
            if self._info.outbound and not self._greeted:
                self._disclose(speech)  # they have said hello, and it is for us to say who we are
                speech.add(*sentences(self.profile.greeting))
                return
            await self._think(decided, None if keyed else spoken, speech, outcome)

        try:
            await self._turn(think, owed_since=self.last_spoken)
        finally:
            self._answered(spoken, known, keyed=keyed)

    def _answered(self, spoken: float, known: int, *, keyed: bool) -> None:
        """A turn is over; `known` turns were before."""
        if (meter := METER.get()) is not None:
            meter.turn = len(self.memory.timings)
        for timing in self.memory.timings[known:]:
            self.story.answered(timing.turn(spoken, self._call_began, keyed=keyed))

    @property
    def _call_began(self) -> float:
        return trio.current_time() - self.outbox.now_ms / 1000

    async def _act(self, action: str) -> None:
        async def think(speech: Speech, outcome: Outcome) -> None:
            call = ToolCall(f"key-{self._turns}", action, "{}")
            result = await self._hands.run(call, Decision(1), speech)
            outcome.then = result.then
            match result.then:
                case Say(text):
                    speech.add(*sentences(text))
                case None:
                    await self._reply(speech, outcome)
                case then:
                    self._will_part(then)

        await self._turn(think)

    async def _notice(self, speech: Speech, _outcome: Outcome) -> None:
        self._notice_due = False
        speech.add(*sentences(self.profile.notice))
        await trio.lowlevel.checkpoint()

    async def _passing_on(self, why: str, speech: Speech, outcome: Outcome) -> None:
        outcome.then, outcome.passed_on = Transfer(self.profile.transfer_to), why
        self._passes_on = ""
        self._will_part(outcome.then)
        speech.add(self.phrases.words(CONNECTING))
        await trio.lowlevel.checkpoint()

    def _saying(self, text: str) -> Thinking:
        async def think(speech: Speech, _outcome: Outcome) -> None:
            speech.add(*sentences(text))
            await trio.lowlevel.checkpoint()

        return think

    async def _taking_leave(self, speech: Speech, outcome: Outcome) -> None:
        outcome.says_goodbye, outcome.ending = True, Ending.CALLER_SILENT
        speech.add(*sentences(self.profile.goodbye))
        self._will_part(None)
        await trio.lowlevel.checkpoint()

    async def _reply(self, speech: Speech, outcome: Outcome, *, goes_on: bool = False) -> None:
        settings = self._parts.settings
        prompt = completing(self._prompt()) if goes_on else self._prompt()
        self._disclose(speech)
        thinker = Thinker(
            self._mind,
            self._parts.model,
            self._hands,
            settings.LLM_TIMEOUT_S,
            settings.TOOL_CALLS,
            self._will_part,
            self._paid,
        )
        await thinker.reply(replace(prompt, tools=self._hands.offered()), speech, outcome)

    async def _paid(self, speech: Speech, outcome: Outcome) -> bool:
        no = await self.account.afford() if self.account is not None else None
        if no is not None:
            self._cannot_pay(no, speech, outcome)
        return no is None

    def _cannot_pay(self, no: No, speech: Speech, outcome: Outcome) -> None:
        """Take leave, behind what is being said; once, for who goes on talking is not to be answered for ever."""
        log.info("the budget is spent", reason=no.words)
        if self._broke:
            self._end(Ending.BUDGET, no.words)
            return
        self._broke = True
        outcome.says_goodbye, outcome.ending, outcome.reason = True, Ending.BUDGET, no.words
        speech.add(*sentences(self.profile.budget_goodbye or self.profile.goodbye))
        self._will_part(None)

    def _disclose(self, speech: Speech) -> None:
        """Say that it is a machine who speaks, until that was heard. Not a checkpoint."""
        text = " ".join(self.profile.disclosure.split())
        if text and not self._was_heard(text) and self.disclosures < DISCLOSURES:
            self.disclosures += 1
            speech.add(*sentences(text))

    def _was_heard(self, text: str) -> bool:
        heard = " ".join(line.text for line in self.memory.conversation.lines if line.role == "agent")
        return " ".join(text.split()) in heard

    def _unheard(self) -> list[str]:
        """What the caller is about to hear, and the model that keeps a conversation of its own did not say itself."""
        self.memory.commit()
        return [
            text
            for text, source in (self.speech.unheard() if self.speech is not None else ())
            if text and self.memory.conversation.counts(text) and not (isinstance(source, Voiced) and source.known)
        ]

    def _prompt(self) -> Prompt:
        settings = self._parts.settings
        prompt = build_prompt(
            self.profile.system,
            self.memory.conversation.messages(),
            values(self.memory.facts),
            settings.HISTORY_TURNS,
            settings.HISTORY_TOKENS,
        )
        return replace(prompt, errand=self._errand)

    async def _turn(
        self,
        think: Thinking,
        *,
        instead: Sequence[Clip] = (TROUBLE,),
        owed_since: float | None = None,
        over_caller: bool = False,
        same: bool = False,
    ) -> None:
        """One turn, to its last word in the caller's ear; `same`: it has begun before."""
        if self._tape is not None and not self._announced:
            await self._announce(self._tape)
        if self._passes_on:
            think, over_caller = partial(self._passing_on, self._passes_on), True
        began = trio.current_time() if owed_since is None else owed_since
        outcome = self.outcome = Outcome()
        speech = self.speech = self._open(held=self.caller_speaks and not over_caller, same=same)
        self._owed = began
        try:
            await take_turn(speech, outcome, partial(think, speech, outcome), self._patience)
            await self._make_up_for(speech, outcome, instead)
            if self._notice_due and not outcome.parting:
                self._notice_due = False
                await self._say_only(speech, *sentences(self.profile.notice))
            if outcome.parting:
                await self._part(outcome)
        finally:
            self.memory.commit()
            speech.close()
            self.speech, self.parting, self.transferring = None, False, False
            if self.account is not None:
                self.account.settle()

    async def _announce(self, tape: Tape) -> None:
        """Tell the caller that they are recorded: not over their words, and then to the end, whatever they do but hang
        up. A call in which that fails goes on, and is not recorded."""
        with trio.move_on_after(PARTING_S):
            while self.caller_speaks:
                await self.settled.park()
        speech = self._open()
        self._announced, self.announcing = True, True
        self.notices = (*self.notices, self._turns)
        speech.add(*sentences(self.profile.record_notice))
        speech.finish()
        try:
            with self.runner.shielding():
                failure = await speech.run()
                self.memory.commit()
                if failure is None and speech.spoke and self._whole(self._turns):
                    tape.allow()
                elif failure is not None or not speech.spoke:
                    tape.lose(f"the notice could not be said: {failure.detail if failure is not None else 'no sound'}")
        finally:
            self.announcing = False
            self.memory.commit()
            speech.close()

    def _whole(self, turn: int) -> bool:
        """All of the agent's turn was heard: a call that ends, or is another's by now, falls silent in any word."""
        lines = [line for line in self.memory.conversation.lines if line.role == "agent" and line.turn == turn]
        return bool(lines) and not any(line.interrupted for line in lines)

    @property
    def turns(self) -> int:
        """Begun so far."""
        return self._turns

    @property
    def _greeted(self) -> bool:
        """The caller has heard something of ours, the recording's notice left aside."""
        return any(line.role == "agent" and line.turn not in self.notices for line in self.memory.conversation.lines)

    async def _make_up_for(self, speech: Speech, outcome: Outcome, instead: Sequence[Clip]) -> None:
        """A turn that failed, or came to nothing, is spoken about: never silence."""
        failure = outcome.failure
        if failure is None and speech.spoke:
            self._failures = 0
            return
        if failure is None and not outcome.parting:
            failure = Failure("think", Fault.BROKEN, "an empty reply")
        if failure is not None:
            self._failures += 1
            FAILURES.add(stage=failure.stage, fault=failure.fault.value)
            log.warning(
                "turn failed",
                stage=failure.stage,
                fault=failure.fault.value,
                detail=failure.detail,
                in_a_row=self._failures,
            )
        if isinstance(outcome.then, Transfer):
            await self._say_only(speech, self.phrases(CONNECTING))
        elif outcome.parting:
            if await self._say_only(speech, *sentences(self.profile.goodbye)) is not None or not speech.spoke:
                await self._say_only(speech, FAREWELL)
        elif self._failures < FAILURES_IN_A_ROW:
            await self._say_only(speech, *map(self.phrases, instead))
        else:
            await self._say_only(speech, self.phrases(APOLOGY))
            self._end(Ending.FAILED, f"{self._failures} turns failed in a row")

    async def _say_only(self, speech: Speech, *words: str | Clip) -> Failure | None:
        """These words, and nothing of what was to be said before."""

        speech.instead(*words)
        outcome = Outcome()
        await take_turn(speech, outcome, trio.lowlevel.checkpoint, self._patience)
        return outcome.failure

    def _will_part(self, then: Then | None) -> None:
        """From here on the turn is not interrupted, unless the caller is speaking already."""
        if not self.parting:
            self.parting, self.transferring = True, isinstance(then, Transfer)
            if self.speech is not None and not self.speech.held:
                self.runner.shield()

    async def _part(self, outcome: Outcome) -> None:
        """The last word was heard. What the caller said meanwhile may change everything: then this is cancelled."""
        with trio.move_on_after(0 if outcome.ending is Ending.BUDGET else PARTING_S):
            while self.caller_speaks or self.unheard:
                await self.settled.park()
        if self.runner.superseded and outcome.ending is not Ending.BUDGET:
            self.runner.unshield()
            await trio.lowlevel.checkpoint()
            return
        if not isinstance(outcome.then, Transfer):
            self._end(outcome.ending, outcome.reason)
        elif await self._parts.hand_over(self._info.call_sid, outcome.then.to):
            self.transferred_to = outcome.then.to
            self._end(Ending.TRANSFERRED, outcome.passed_on)
        else:
            self._end(Ending.FAILED, "the call could not be passed on")

    def _open(self, *, held: bool = False, same: bool = False) -> Speech:
        self._turns += not same
        return Speech(self.outbox, self._turns, self.manner, held=held)

    def _desk(self) -> Desk:
        info, refrain = self._info, self._parts.refrain
        return Desk(
            call_sid=info.call_sid,
            caller=info.person,
            called=info.ours,
            language=self.profile.language,
            transfer_to=self.profile.transfer_to,
            facts=self.memory.facts,
            last_words=self.memory.conversation.question,
            now=datetime.now(ZoneInfo(self._parts.settings.TIMEZONE)).isoformat(timespec="seconds"),
            refrain=None
            if refrain is None
            else partial(refrain, info.person, "the caller", f"asked on {info.call_sid}"),
        )
