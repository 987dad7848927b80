"""What a call's runner runs: the greeting, the answers, the prompts, and the words for when something failed.

The detector's decisions and the silence watchdog's come in synchronously and replace the runner's job; each job is
cancelled as a whole when the caller barges in. What was heard goes to the conversation before anything else happens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
import trio

from agent.config import Settings
from agent.errors import Fault, ProviderError
from agent.hear.ports import Recogniser, VoiceActivity
from agent.hear.turns import Decision, Onset
from agent.keep.record import TurnTimes
from agent.model import Ending, Utterance
from agent.speak.cache import AudioCache
from agent.speak.clips import APOLOGY, FAREWELL, TROUBLE, WELCOME, Clip
from agent.speak.ports import Voice
from agent.think.conversation import Conversation
from agent.think.facts import Fact, extract, merge, values
from agent.think.ports import LanguageModel
from agent.think.prompt import build_prompt
from nurseries.outbox import Outbox, Track
from nurseries.runner import Runner
from nurseries.turn import Failure, Limits, Outcome, reply, say, say_clip

log = structlog.get_logger(__name__)

HEARING_RATE = 0.2
"""Seconds more that a recogniser gets for each second of sound."""

LONGEST_UNHEARD_MS = 120_000
"""Sound that no recogniser has taken yet, at most: a noisy line whose every transcription is interrupted must not make
the next one ever longer."""

FAILURES_IN_A_ROW = 3
"""Turns that may fail one after the other before the agent apologises and ends the call."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the process lends to each of its calls. Everything here is shared, nothing belongs to one call."""

    settings: Settings
    recogniser: Recogniser
    model: LanguageModel
    voice: Voice
    cache: AudioCache
    vad: Callable[[], VoiceActivity]
    """Makes one call's detector over the shared model."""
    system: str

    def words(self, template: str) -> str:
        """A configured text with the company's and the agent's name in it."""
        return template.replace("{agent}", self.settings.AGENT_NAME).replace("{company}", self.settings.COMPANY_NAME)


@dataclass(slots=True)
class Timing:
    """One turn's times, on trio's clock, as far as they are known."""

    decided: float
    heard: float
    outcome: Outcome
    track: Track


@dataclass(slots=True)
class Dialogue:
    """One call's side of the talk that needs no socket."""

    parts: Parts
    outbox: Outbox
    end: Callable[[Ending, str], None]
    runner: Runner = field(default_factory=Runner)
    conversation: Conversation = field(default_factory=Conversation)
    facts: dict[str, Fact] = field(default_factory=dict)
    timings: list[Timing] = field(default_factory=list)
    barge_ins: int = 0
    _turn: int = 0
    _unheard: list[Utterance] = field(default_factory=list)
    _cut: str = ""
    _saying: Outcome = field(default_factory=lambda: Outcome(thought_out=True))
    _caller_speaks: bool = False
    _wordless: bool = False
    """The last utterance held no words: what goes on without a pause is a noise."""
    _last_spoken: float = field(default_factory=trio.current_time)
    _prompts: int = 0
    _failures: int = 0

    def greet(self) -> None:
        """Speak first."""
        self.runner.replace(self._greet, "greeting")

    def decided(self, decision: Decision) -> None:
        """The caller has begun or finished speaking. Not a checkpoint."""
        if isinstance(decision, Onset):
            self._caller_speaks = not (decision.goes_on and self._wordless)
            if not decision.goes_on and (self.runner.busy or self.outbox.speaking):
                self.barge_ins += 1
                log.info("barge-in", onset_ms=round(decision.began_ms), at_ms=round(decision.at_ms))
                self.hush("barge-in")
        else:
            self._caller_speaks = False
            self._last_spoken = trio.current_time()
            self._unheard.append(decision.utterance)
            while len(self._unheard) > 1 and sum(u.duration_ms for u in self._unheard) > LONGEST_UNHEARD_MS:
                dropped = self._unheard.pop(0)
                log.warning("sound dropped unheard", ms=round(dropped.duration_ms))
            if self.runner.busy:  # speech without a pause, taken for its length: its onset silenced nobody
                self.hush("the caller's turn has ended")
            self.runner.replace(self._answer, "the caller's turn has ended")

    def hush(self, reason: str) -> None:
        """Stop speaking and thinking, and commit what was heard. Not a checkpoint."""
        self.runner.drop(reason)
        self.outbox.clear()
        self.commit()

    def commit(self) -> None:
        """Move what the caller has heard by now into the conversation. Not a checkpoint."""
        self.outbox.ledger.settle(self.outbox.now_ms)
        if news := self.outbox.ledger.take():
            self._cut = " ".join(heard.rest for heard in news if heard.rest)
        for heard in news:
            self.conversation.agent_heard(heard.turn, heard.text, heard.start_ms, heard.end_ms, heard.interrupted)

    def quiet_since(self) -> float:
        """The moment since which nobody has spoken; now while somebody does, or is about to."""
        if self._caller_speaks or self.runner.busy or not self.outbox.empty:
            return trio.current_time()
        return max(self._last_spoken, self.outbox.playback_end)

    def too_quiet(self) -> None:
        """Nobody has spoken for a while: prompt, and after the last prompt end the call. Not a checkpoint."""
        prompts = self.parts.settings.silence_prompts
        if self._prompts >= len(prompts):
            self.end(Ending.CALLER_SILENT, f"no answer to {len(prompts)} prompts")
            return
        text = prompts[self._prompts]
        self._prompts += 1

        async def prompt() -> None:
            await self._speak_fixed(self.parts.words(text))

        self.runner.replace(prompt, "silence")

    def times(self, began: float) -> tuple[TurnTimes, ...]:
        """Where each answered turn's time went."""
        done = []
        for t in self.timings:
            if t.track.first_sent_ms is None:
                continue
            spoken = began + t.track.first_sent_ms / 1000
            token = spoken if t.outcome.first_token_at is None else t.outcome.first_token_at
            done.append(TurnTimes(*(round((at - t.decided) * 1000) for at in (t.heard, token, spoken))))
        return tuple(done)

    async def farewell(self, text: str) -> None:
        """Last words, spoken outside the runner once it is gone."""
        self.hush("farewell")
        await self._speak_fixed(self.parts.words(text), instead=FAREWELL)

    async def apologise(self) -> None:
        """Last words that need no provider."""
        self.hush("apology")
        await say_clip(APOLOGY, self._track())

    def _track(self) -> Track:
        self._turn += 1
        return self.outbox.open(self._turn)

    async def _greet(self) -> None:
        await self._speak_fixed(self.parts.words(self.parts.settings.GREETING), instead=WELCOME)

    async def _speak_fixed(self, text: str, instead: Clip = TROUBLE) -> None:
        track = self._track()
        self._saying = outcome = Outcome()
        await say(text, track, self.parts.voice, self.parts.cache, self._limits, outcome)
        await self._make_up_for(outcome, track, instead)

    async def _answer(self) -> None:
        decided = trio.current_time()
        try:
            said = await self._hear()
        except ProviderError as error:
            await self._make_up_for(Outcome(failure=Failure("hear", error.fault, error.detail)), self._track())
            return
        heard = trio.current_time()
        self.commit()
        if self._caller_speaks:
            if said:
                return  # an utterance without end was taken in pieces: the answer is to the last of them
            self._caller_speaks = False  # a noise that the detector takes for speech
        if not said and not self.conversation.unanswered and self._saying.thought_out:
            # They made a sound, and meant nothing by it: go on from the word we were cut at.
            if rest := " ".join(filter(None, [self._cut, *self._saying.unsaid])):
                await self._speak_fixed(rest)
            return
        if self.outbox.speaking:  # the same: words came while we spoke on
            self.outbox.clear()
            self.commit()
        track = self._track()
        settings = self.parts.settings
        prompt = build_prompt(
            self.parts.system,
            self.conversation.messages(),
            values(self.facts),
            settings.HISTORY_TURNS,
            settings.HISTORY_TOKENS,
        )
        self._saying = outcome = Outcome()
        self.timings.append(Timing(decided, heard, outcome, track))
        await reply(prompt, track, self.parts.model, self.parts.voice, self.parts.cache, self._limits, outcome)
        await self._make_up_for(outcome, track)
        if outcome.reply.says_goodbye and outcome.failure is None:
            self.end(Ending.AGENT_SAID_GOODBYE, "the model took leave")

    async def _hear(self) -> str:
        """The words of all that the caller said and nobody has transcribed yet. What fails or is cut off here stays,
        and is heard with the next turn."""
        count = len(self._unheard)
        first, last = self._unheard[0], self._unheard[-1]
        whole = Utterance(b"".join(u.mulaw for u in self._unheard), first.start_ms, last.end_ms)
        limit = self.parts.settings.STT_TIMEOUT_S + whole.duration_ms / 1000 * HEARING_RATE
        with trio.move_on_after(limit) as scope:
            text = await self.parts.recogniser.transcribe(whole)
        if scope.cancelled_caught:
            del self._unheard[: count - 1]  # once more with what follows, but not ever longer
            raise ProviderError(self.parts.recogniser.name, "hear", Fault.TIMEOUT, f"nothing for {limit:g} s")
        del self._unheard[:count]
        self._wordless = not text
        if text:
            self._prompts = 0
            self.commit()
            self.facts = merge(self.facts, extract(text, self.conversation.question, self.facts))
            self.conversation.caller_said(text, whole.start_ms, whole.end_ms)
            log.debug("heard", text=text)
        return text

    async def _make_up_for(self, outcome: Outcome, track: Track, instead: Clip = TROUBLE) -> None:
        """A reply that failed, or came to nothing, is spoken about: never silence."""
        if outcome.failure is None and outcome.spoke:
            self._failures = 0
            return
        self._failures += 1
        failure = outcome.failure or Failure("think", Fault.BROKEN, "an empty reply")
        log.warning(
            "turn failed",
            stage=failure.stage,
            fault=failure.fault.value,
            detail=failure.detail,
            in_a_row=self._failures,
        )
        clip = instead if self._failures < FAILURES_IN_A_ROW else APOLOGY
        await say_clip(clip, track)
        if clip is APOLOGY:
            self.end(Ending.FAILED, f"{self._failures} turns failed in a row")

    @property
    def _limits(self) -> Limits:
        return Limits(self.parts.settings.LLM_TIMEOUT_S, self.parts.settings.TTS_TIMEOUT_S)
