"""Measures a call's parts through their ports: round after round, with the deadlines that a call has. In one
file: hearing, thinking and speaking are examined in one way.

One request at a time, on an otherwise idle process. A failing provider is a value here, as in a call; nothing of a
round is left behind when it is over or cancelled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec
import trio

from agent.doctor import budget
from agent.doctor.advice import misheard, reworded, too_slow, what_to_do
from agent.doctor.figures import FACTOR, Measured, Trouble, figures, understood, with_trouble
from agent.doctor.uses import Port, where
from agent.errors import Fault
from agent.hear.ports import HEARING_RATE, Recogniser
from agent.model import BYTES_PER_MS, CallInfo, Utterance
from agent.profile import Profile
from agent.speak.clips import WELCOME
from agent.speak.plain import speakable
from agent.speak.ports import Voice
from agent.speak.sentences import Sentences
from agent.think.ports import LanguageModel, Message
from agent.think.prompt import build_prompt
from nurseries.chain.ports import first_of, others_of
from nurseries.doctor.caller import Caller
from nurseries.live.voiced import Voiced
from nurseries.parts import Parts
from nurseries.talk.speech import Failure, Idle, timed

Sample = Mapping[str, float]
"""One round's figures: milliseconds, and the real-time factor."""

Once = Callable[[], Awaitable[Sample | Failure]]

HOPELESS = frozenset({Fault.REFUSED, Fault.UNREACHABLE})
"""Another round would only meet the same."""

RECORDING = WELCOME.mulaw
RECORDED_IN = "en-IN"
"""What the packaged recordings speak, whatever the calls do."""

ASKED = "Hello, I am looking for a two bedroom flat in Whitefield, around eighty lakhs."
SENTENCE = "A two bedroom flat in Whitefield is a good choice."

WHOLE = "whole reply"

WITHOUT_SOCKET = "OPENAI_STT_API=file does without the socket."


@dataclass(slots=True)
class Doctor:
    """Examines one process's parts, as a call of the default line would use them."""

    parts: Parts
    rounds: int
    _profile: Profile = field(init=False)
    _took_ms: float = 0.0
    """The last transcription."""

    def __post_init__(self) -> None:
        self._profile = self.parts.lines.profile(CallInfo("", "", ""))

    async def hearing_live(self) -> Measured | None:
        """A packaged recording over the socket, from its pause to its text; None where calls have no such socket. What
        came by file in the end took as long as it would in a call, and is a failure all the same."""
        settings = self.parts.settings
        caller = Caller(RECORDING)
        live = self.parts.go_live(msgspec.structs.replace(self._profile, language=RECORDED_IN), caller.so_far)
        hearing = live.hearing
        if hearing is None:
            return None
        files = 0

        async def listen() -> str | Failure:
            nonlocal files
            utterance = await caller.say(hearing.heard)
            began = trio.current_time()
            text = await self._transcribed(hearing, utterance)
            self._took_ms = _since(began)
            caller.take(hearing.heard)
            files = hearing.by_file
            return text

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hearing.session.run, name="hearing")
            made = await self._heard(hearing.name, listen)
            nursery.cancel_scope.cancel("examined")
        if not files:
            return made
        ended = hearing.session.ended
        fault, detail = (
            (ended.fault, ended.detail) if ended else (Fault.TIMEOUT, f"nothing for {settings.STT_FINAL_S:g} s")
        )
        do = f"{what_to_do('STT', hearing.name, fault, detail, settings)} {WITHOUT_SOCKET}"
        return with_trouble(made, Trouble(f"heard as a file only: {_told(Failure('hear', fault, detail))}", files, do))

    async def hearing(self, recogniser: Recogniser | None = None) -> Measured:
        """A packaged recording to its text, and whether the words are right. By the first who is to hear, or by
        `recogniser`."""
        asked = recogniser or first_of(self.parts.recogniser)

        async def listen() -> str | Failure:
            began = trio.current_time()
            text = await self._transcribed(asked, Utterance(RECORDING, 0, len(RECORDING) / BYTES_PER_MS))
            self._took_ms = _since(began)
            return text

        return await self._heard(asked.name, listen)

    async def _transcribed(self, recogniser: Recogniser, utterance: Utterance) -> str | Failure:
        text = ""

        async def work(_: Idle) -> None:
            nonlocal text
            text = await recogniser.transcribe(utterance, RECORDED_IN)

        limit = self.parts.settings.STT_TIMEOUT_S + utterance.duration_ms / 1000 * HEARING_RATE
        return await timed("hear", limit, work) or text

    async def _heard(self, name: str, listen: Callable[[], Awaitable[str | Failure]]) -> Measured:
        settings = self.parts.settings
        stands_in = settings.provider("STT")[0] == "scripted"
        wrong: list[str] = []

        async def once() -> Sample | Failure:
            text = await listen()
            if isinstance(text, Failure):
                return text
            if not stands_in and not understood(WELCOME.text, text):
                wrong.append(text)
            return {budget.FINAL: self._took_ms}

        made = await self._examined("STT", name, once)
        if wrong:
            what = f'heard "{wrong[0]}" where a recording says "{WELCOME.text}"'
            return with_trouble(made, Trouble(what, len(wrong), misheard(name, settings)))
        right = made.figures and not stands_in
        return msgspec.structs.replace(made, notes=("the words came back right",)) if right else made

    async def thinking(self, model: LanguageModel | None = None) -> Measured:
        """A caller's first words to the reply: its first piece, its first sentence, its end. By the first who is to
        think, or by `model`."""
        model, settings = model or first_of(self.parts.model), self.parts.settings
        messages = (Message("agent", self._profile.greeting), Message("caller", ASKED))
        prompt = build_prompt(self._profile.system, messages, {}, settings.HISTORY_TURNS, settings.HISTORY_TOKENS)

        async def once() -> Sample | Failure:
            cutter = Sentences()
            times: dict[str, float] = {}
            began = trio.current_time()

            async def work(idle: Idle) -> None:
                async def emit(piece: str) -> None:
                    idle.wait()
                    await trio.lowlevel.checkpoint()
                    if piece:
                        times.setdefault(budget.TOKEN, _since(began))
                    if cutter.feed(piece):
                        times.setdefault(budget.SENTENCE, _since(began))

                await model.reply(prompt, emit)

            failure = await timed("think", settings.LLM_TIMEOUT_S, work)
            if failure is not None:
                return failure
            if budget.TOKEN not in times:
                return Failure("think", Fault.BROKEN, "a reply without words")
            times.setdefault(budget.SENTENCE, _since(began))
            return times | {WHOLE: _since(began)}

        return await self._examined("LLM", model.name, once)

    async def answering(self) -> Measured | None:
        """A caller's first words to the first audio of the answer, by a realtime model that thinks and speaks; None
        where calls have no such model."""
        mind = self.parts.go_live(self._profile, lambda: None).mind
        if mind is None:
            return None
        settings = self.parts.settings
        messages = (Message("agent", self._profile.greeting), Message("caller", ASKED))
        prompt = build_prompt(self._profile.system, messages, {}, settings.HISTORY_TURNS, settings.HISTORY_TOKENS)
        mind.history = lambda: messages

        async def once() -> Sample | Failure:
            times: dict[str, float] = {}
            began = trio.current_time()
            if mind.session.ready:  # else the new socket is told
                mind.caller_said(ASKED, 0, 0)

            async def work(idle: Idle) -> None:
                async def emit(line: Voiced) -> None:
                    idle.wait()
                    await trio.lowlevel.checkpoint()
                    times.setdefault(budget.ANSWER, _since(began))
                    if len(line.sound) >= settings.MESSAGE_MS * BYTES_PER_MS:
                        times.setdefault(budget.MESSAGE, _since(began))

                await mind.reply(prompt, emit)

            failure = await timed("think", settings.LLM_TIMEOUT_S, work)
            if failure is not None:
                return failure
            if budget.ANSWER not in times:
                return Failure("think", Fault.BROKEN, "a reply without words")
            times.setdefault(budget.MESSAGE, _since(began))
            return times | {WHOLE: _since(began)}

        async with trio.open_nursery() as nursery:
            nursery.start_soon(mind.session.run, name="realtime")
            made = await self._examined("LLM", mind.name, once)
            nursery.cancel_scope.cancel("examined")
        return made

    async def speaking(self) -> Measured:
        """A sentence to its sound: the first of it, enough of it for a message, and how fast the rest comes. By a
        realtime model where calls are spoken by one; what another voice had to say took as long as it would in a call,
        and is a failure all the same."""
        voice = self.parts.go_live(self._profile, lambda: None).voice
        if voice is None:
            return await self._spoken(first_of(self.parts.voice))
        name = voice.name
        async with trio.open_nursery() as nursery:
            nursery.start_soon(voice.session.run, name="voice")
            made = await self._spoken(voice)
            nursery.cancel_scope.cancel("examined")
        if voice.reworded:
            times = max(voice.by_other, voice.reworded)
            return with_trouble(made, Trouble("said in other words than it was asked to", times, reworded()))
        if not voice.by_other:
            return made
        settings, ended = self.parts.settings, voice.session.ended
        late = Fault.TIMEOUT, f"nothing for {settings.TTS_FIRST_S:g} s"
        fault, detail = (ended.fault, ended.detail) if ended else late
        what = f"said by another voice: {_told(Failure('speak', fault, detail))}"
        return with_trouble(made, Trouble(what, voice.by_other, what_to_do("TTS", name, fault, detail, settings)))

    async def standing_by(self) -> tuple[Measured, ...]:
        """Everybody of FALLBACKS_FILE, each by itself, as if all before it had failed."""
        made = []
        for n, (recogniser, name) in enumerate(others_of(self.parts.recogniser), 1):
            made.append(_standby(await self.hearing(recogniser), "stt", n, name))
        for n, (model, name) in enumerate(others_of(self.parts.model), 1):
            made.append(_standby(await self.thinking(model), "llm", n, name))
        for n, (voice, name) in enumerate(others_of(self.parts.voice), 1):
            made.append(_standby(await self._spoken(voice, own=False), "tts", n, name))
        return tuple(made)

    async def _spoken(self, voice: Voice, *, own: bool = True) -> Measured:
        settings = self.parts.settings
        bytes_per_ms = voice.rate * 2 / 1000

        async def once() -> Sample | Failure:
            times: dict[str, float] = {}
            made = 0
            began = trio.current_time()

            async def work(idle: Idle) -> None:
                async def emit(sound: bytes) -> None:
                    nonlocal made
                    idle.wait()
                    await trio.lowlevel.checkpoint()
                    made += len(sound)
                    if sound:
                        times.setdefault(budget.SOUND, _since(began))
                    if made >= settings.MESSAGE_MS * bytes_per_ms:
                        times.setdefault(budget.MESSAGE, _since(began))

                profile = self._profile
                name = profile.voice if own else ""
                await voice.synthesise(speakable(SENTENCE), emit, voice=name, language=profile.language)

            failure = await timed("speak", settings.TTS_TIMEOUT_S, work)
            if failure is not None:
                return failure
            if not made:
                return Failure("speak", Fault.BROKEN, "no sound")
            times.setdefault(budget.MESSAGE, _since(began))
            return times | {FACTOR: _since(began) / (made / bytes_per_ms)}

        made = await self._examined("TTS", voice.name, once)
        factor = made.figure(FACTOR)
        if factor is None or factor.median < 1:
            return made
        slow = sum(value >= 1 for value in factor.rounds)
        return with_trouble(made, Trouble("slower than speech: callers hear gaps", slow, too_slow(settings)))

    async def _examined(self, port: Port, name: str, once: Once) -> Measured:
        samples: list[Sample] = []
        failures: dict[Failure, int] = {}
        for _ in range(self.rounds):
            outcome = await once()
            if not isinstance(outcome, Failure):
                samples.append(outcome)
                continue
            failures[outcome] = failures.get(outcome, 0) + 1
            if outcome.fault in HOPELESS:
                break
        settings = self.parts.settings
        troubles = [
            Trouble(_told(failure), times, what_to_do(port, name, failure.fault, failure.detail, settings))
            for failure, times in failures.items()
        ]
        return Measured(port, name, where(settings, port, name), figures(samples), tuple(troubles))


def _standby(made: Measured, port: str, n: int, name: str) -> Measured:
    """What was measured, told as of one that stands by."""
    do = f"See [[{port}]] {n} in FALLBACKS_FILE: its base_url, key and model. Calls go on without it until others fail."
    troubles = tuple(msgspec.structs.replace(trouble, do=do) for trouble in made.troubles)
    what, _, host = name.partition(" at ")
    notes = (*made.notes, f"stands by: number {n} of [[{port}]] in FALLBACKS_FILE")
    return msgspec.structs.replace(made, name=what, where=host or "this machine", troubles=troubles, notes=notes)


def _told(failure: Failure) -> str:
    return failure.fault.value + (f" ({failure.detail})" if failure.detail else "")


def _since(began: float) -> float:
    return (trio.current_time() - began) * 1000
