"""Who has the floor: the detector's decisions, understood words and pressed keys in; turns of the agent begun, held,
resumed and ended. In one file, as each of these decides by what the others have left.

All of it synchronous, so that nothing can slip in between a decision and its effect. A sound over the agent holds it:
it falls silent and keeps what it was saying. Only words make that an interruption (the turn is cancelled and the words
are answered); without any, or after a mere "mm-hm", the agent goes on from the word it was cut at.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
import trio

from agent.config import Settings
from agent.hear.backchannel import judge
from agent.hear.endpointing import EndOfTurn
from agent.hear.keys import Pressed
from agent.hear.own_words import are_own_words
from agent.hear.ports import Recogniser
from agent.hear.turns import Decision, Lasting, Onset, Pause, Resumed, TurnTaken
from agent.keep.record import CallRecord
from agent.model import Utterance
from agent.seen.feed import seen
from agent.seen.turns import INTERRUPTIONS
from agent.think.facts import extract
from agent.think.leave import takes_back, takes_leave
from nurseries.replay.pass_clock import decided
from nurseries.talk.dialogue import Dialogue
from nurseries.talk.ears import Ears, Words
from nurseries.talk.speech import NEVER

log = structlog.get_logger(__name__)

BACKCHANNEL_HOLD_MS = 320
"""Silence after what sounds like a backchannel, before the agent goes on: "okay" may be the beginning of more."""

MOST_EMPTY = 2
"""Pauses of one utterance behind which no words were found, before it is taken for a noise."""


class Floor:
    """One call's rules of turn-taking."""

    def __init__(
        self,
        dialogue: Dialogue,
        recogniser: Recogniser,
        end_of_turn: EndOfTurn,
        settings: Settings,
        hold_turn: Callable[[float], None],
        *,
        early: int,
    ) -> None:
        """`early`: transcriptions of one utterance that may be thrown away because the caller goes on."""
        self.ears = Ears(
            recogniser,
            dialogue.profile.language,
            limit_s=settings.STT_TIMEOUT_S,
            early=early,
            understood=self._understood,
        )
        self.barge_ins = 0
        self.false_interruptions = 0
        self.backchannels = 0
        self._dialogue = dialogue
        self._end_of_turn = end_of_turn
        self._settings = settings
        self._hold_turn = hold_turn
        self._wordless = False
        """The last sound held no words: what goes on without a pause is a noise."""
        self._empty = 0
        """Pauses of this utterance behind which no words were found."""
        self._took = False
        """This utterance has taken the turn from the agent already."""
        self._saying = ""
        """What the agent had been saying, and was about to say, when it was silenced."""
        self._cut = False
        """The agent was heard, or about to be, when it was silenced."""
        self._asking = False
        """The agent was cut in a question, or right behind one."""

    def resume(self, before: CallRecord) -> None:
        """Count on from what was counted of the call elsewhere."""
        self.barge_ins, self.false_interruptions = before.barge_ins, before.false_interruptions
        self.backchannels = before.backchannels
        self.ears.early, self.ears.discarded = before.early_transcriptions, before.early_discarded

    @property
    def noise(self) -> bool:
        """What sounds like speech holds no words, as far as it has been looked into."""
        return self._wordless

    def guard_ms(self) -> float:
        """How much speech silences the agent, or holds it back, now."""
        if self._dialogue.runner.busy and not self._dialogue.outbox.speaking:
            return self._settings.BARGE_IN_THINKING_MS
        return self._settings.BARGE_IN_MS

    def decided(self, decision: Decision) -> None:
        """The caller has begun, paused, gone on or finished. Not a checkpoint."""
        dialogue = self._dialogue
        match decision:
            case Onset():
                self._wordless, self._empty = self._wordless and decision.goes_on, 0
                dialogue.caller_speaks = not self._wordless
                if dialogue.caller_speaks:
                    self._interrupt(decision.at_ms - decision.began_ms)
            case Pause() | Lasting():
                if isinstance(decision, Pause):
                    self._let_go_after(self._settings.FALSE_INTERRUPTION_S)
                self.ears.paused(decision)
            case Resumed():
                self.ears.resumed()
                if not self._wordless:
                    self._let_go_after(NEVER)
                    self._interrupt(0)
            case TurnTaken():
                dialogue.caller_speaks, dialogue.unheard = False, True
                behind_s = (decision.at_ms - decision.utterance.end_ms) / 1000
                dialogue.last_spoken = trio.current_time() - behind_s
                if not self._held and not dialogue.runner.busy:
                    dialogue.await_words("the caller's turn has ended")
                self.ears.taken(decision)

    def keyed(self) -> None:
        """A key was pressed; perhaps more will be. Not a checkpoint."""
        self._dialogue.last_words = self._dialogue.last_spoken = trio.current_time()
        self._interrupt(0)
        self._let_go_after(self._settings.KEY_PAUSE_S + self._settings.FALSE_INTERRUPTION_S)

    def pressed(self, pressed: Pressed) -> None:
        """The keys are complete. Not a checkpoint."""
        dialogue = self._dialogue
        now_ms = dialogue.outbox.now_ms
        decided("keys")
        seen("keys", keys=pressed.digits)
        dialogue.hush("keys")
        dialogue.caller_said(pressed.text, now_ms, now_ms, keys=pressed.digits)
        if pressed.action:
            dialogue.act(pressed.action)
        else:
            dialogue.answer("keys")

    def typed(self, text: str) -> None:
        """The caller has typed this instead of saying it: a turn, whatever the words. Not a checkpoint."""
        dialogue, now_ms = self._dialogue, self._dialogue.outbox.now_ms
        dialogue.last_words = dialogue.last_spoken = trio.current_time()
        self._interrupt(0)
        self._said(Words(text, Utterance(b"", now_ms, now_ms), 0.0, final=True, typed=True))
        self._took = False

    @property
    def _held(self) -> bool:
        return self._dialogue.speech is not None and self._dialogue.speech.held

    def _interrupt(self, after_ms: float) -> None:
        """The caller makes a sound: fall silent, unless the agent is in what is not to be interrupted."""
        dialogue = self._dialogue
        if (dialogue.runner.shielded and dialogue.parting) or dialogue.announcing or self._held:
            return
        if dialogue.runner.busy or dialogue.outbox.speaking:
            log.info("held", after_ms=round(after_ms))
            decided("held")
            self._cut = dialogue.outbox.speaking
            dialogue.outbox.clear()
            cut = dialogue.memory.commit()
            rest = tuple(heard.rest for heard in cut if heard.rest)
            self._asking = self._cut_in_question(rest)
            self._saying = " ".join((dialogue.memory.conversation.question, *rest))
            if dialogue.speech is None:
                return
            if not cut and dialogue.speech.said_all:  # its last word was heard; only the mark was still on its way
                dialogue.hush("all was heard")
                dialogue.speech = None
            else:
                dialogue.speech.hold(cut)

    def _cut_in_question(self, rest: tuple[str, ...]) -> bool:
        """A short "yes" is an answer only where something was asked."""
        words = f"{self._dialogue.memory.conversation.question} {rest[0] if rest else ''}".strip()
        return words.endswith("?") and len(rest) <= 1

    def _let_go_after(self, seconds: float) -> None:
        if self._held and self._dialogue.speech is not None:
            self._dialogue.speech.let_go_at(trio.current_time() + seconds)

    def _understood(self, words: Words) -> None:
        if words.text:
            self._dialogue.last_words = trio.current_time()
        if not words.final:
            seen("partial", text=words.text, start_ms=round(words.utterance.start_ms))
            self._paused(words)
            return
        self._dialogue.unheard = False
        if words.failure is not None:
            self._not_understood(words)
        elif words.text:
            self._said(words)
        else:
            self._nothing(words)
        self._took = False
        self._dialogue.settled.unpark_all()

    def _paused(self, words: Words) -> None:
        """The words so far: is it a turn, and how long to wait for more?"""
        if self._held and not self._dialogue.awaiting and self._is_turn(words):
            self._take()
        if not self._held or self._dialogue.awaiting:
            question = self._dialogue.memory.conversation.question
            self._hold_turn(self._end_of_turn.hold_ms(words.text, question, words.utterance))
        elif words.pausing:
            self._hold_turn(BACKCHANNEL_HOLD_MS)
            self._empty += not words.text
            if self._empty >= MOST_EMPTY:  # a dog, a road: what follows of it does not hold the agent
                self._wordless, self._dialogue.caller_speaks = True, False
                self._go_on(words)
        elif not words.text:  # a noise that the detector takes for speech
            self._wordless, self._dialogue.caller_speaks = True, False
            self._go_on(words)

    def _said(self, words: Words) -> None:
        """The words of a turn, or of what was said over the agent."""
        dialogue = self._dialogue
        if not dialogue.awaiting:
            if self._held:
                if not self._is_turn(words):
                    self._go_on(words)
                    return
                self._take()
            elif dialogue.runner.busy:
                if not self._is_turn(words):
                    self._aside(words)
                    return
                if dialogue.transferring and not takes_back(words.text):
                    self._turn_is(words)
                    dialogue.caller_said(words.text, words.utterance.start_ms, words.utterance.end_ms)
                    return
                if dialogue.parting and not dialogue.transferring and takes_leave(words.text):
                    self._turn_is(words)
                    dialogue.caller_said(words.text, words.utterance.start_ms, words.utterance.end_ms)
                    return
                if not self._took:  # else it is silent, and what it was doing takes its time to be gone
                    self.barge_ins += 1
                    INTERRUPTIONS.add(kind="barge-in")
                    decided("barge-in")
                dialogue.hush("words over the agent")
        self._turn_is(words)
        dialogue.caller_said(words.text, words.utterance.start_ms, words.utterance.end_ms)
        self._answer("the caller's turn has ended")

    def _turn_is(self, words: Words) -> None:
        now_ms, said = self._dialogue.outbox.now_ms, words.utterance
        decided("turn", words=words.text, begun_ms_ago=now_ms - said.start_ms, ended_ms_ago=now_ms - said.end_ms)

    def _nothing(self, words: Words) -> None:
        """A sound without words."""
        dialogue = self._dialogue
        decided("no words")
        self._wordless = True
        if self._held and not dialogue.awaiting:
            self._go_on(words)
            return
        dialogue.memory.aside("", words.utterance.start_ms, words.utterance.end_ms)
        if dialogue.awaiting or not dialogue.runner.busy:
            if dialogue.memory.conversation.unanswered or self._took:
                self._answer("still unanswered")
            else:
                dialogue.nothing_said()

    def _answer(self, reason: str) -> None:
        self._dialogue.answer(reason)
        if self._held and not self._dialogue.caller_speaks and self._dialogue.speech is not None:
            self._dialogue.speech.go_on()

    def _not_understood(self, words: Words) -> None:
        dialogue = self._dialogue
        decided("not understood")
        if self._held:
            self._go_on(words)
        elif dialogue.awaiting:  # what came over the agent and was not understood is heard with what follows
            dialogue.answer("the caller was not heard", words.failure)

    def _is_turn(self, words: Words) -> bool:
        if words.typed:
            return True
        if self._cut and are_own_words(words.text, self._saying):
            log.info("own words came back")
            return False
        dialogue = self._dialogue
        if dialogue.seeking:
            return bool(words.text)
        told = extract(words.text, dialogue.memory.conversation.question, dialogue.memory.facts)
        verdict = judge(
            words.text,
            words.speech_ms,
            longest_ms=self._settings.BACKCHANNEL_MS,
            question_cut=self._asking,
            told=bool(told),
        )
        return verdict == "turn"

    def _take(self) -> None:
        """It is the caller's turn: what the agent was saying is void."""
        if not self._took:
            self.barge_ins += self._cut
            INTERRUPTIONS.add(self._cut, kind="barge-in")
            log.info("barge-in" if self._cut else "more is said")
            decided("barge-in" if self._cut else "more is said")
        self._took = True
        self._dialogue.hush("barge-in")

    def _aside(self, words: Words) -> None:
        told = "" if are_own_words(words.text, self._saying) else words.text
        self.backchannels += bool(told)
        if told:
            decided("backchannel", words=told)
        INTERRUPTIONS.add(bool(told), kind="backchannel")
        self._dialogue.memory.aside(told, words.utterance.start_ms, words.utterance.end_ms)

    def _go_on(self, words: Words) -> None:
        """It was no turn: the agent goes on from the word it was cut at."""
        dialogue, before = self._dialogue, self.backchannels
        behind_s = (dialogue.outbox.now_ms - words.utterance.end_ms) / 1000
        dialogue.last_spoken = max(dialogue.last_spoken, trio.current_time() - behind_s)
        self._aside(words)
        if self.backchannels == before:
            self.false_interruptions += 1
            INTERRUPTIONS.add(kind="false")
        log.info("going on", heard=bool(words.text))
        decided("going on")
        if dialogue.speech is not None:
            dialogue.speech.go_on()
            if dialogue.parting:
                dialogue.runner.shield()
