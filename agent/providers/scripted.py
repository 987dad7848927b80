"""The `scripted` provider: recogniser, language model and voice that follow a script, in time and in words.

For tests and load: no model, no network, no processor time to speak of. All waiting is `trio.sleep`, so a mock clock
drives it. A voice's sound spells the text it was made from, and a caller's line may carry words (agent/rehearsal/
spelling and codewords): so a simulation knows what either side has heard of the other.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import trio

from agent.errors import Fault, ProviderError
from agent.hear.transcript import worth_hearing
from agent.model import Emit, Utterance
from agent.rehearsal import codewords, spelling
from agent.think.conversation import CUT
from agent.think.ports import Prompt, Reply, ToolCall

NAME = "scripted"
RATE = 24000
MS_PER_CHARACTER = spelling.SLOT_MS

CHUNK_MS = 100


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong, and when."""

    port: Literal["hear", "think", "speak"]
    at: int = 1
    """Which request of that port, counted from 1; 0 for every one."""
    after: int = 0
    """Pieces emitted before."""
    fault: Fault | None = Fault.BROKEN
    """Raised as a ProviderError; None stalls for ever instead."""


@dataclass(frozen=True, slots=True)
class Script:
    """How long things take, in seconds, and what is said. The defaults are a quick cloud provider's."""

    hear_s: float = 0.3
    first_token_s: float = 0.3
    token_gap_s: float = 0.02
    first_chunk_s: float = 0.2
    realtime_factor: float = 0.1
    """Seconds it takes to make one second of sound, after the first chunk."""
    jitter: float = 0.0
    """Each delay is multiplied by something between 1 - jitter and 1 + jitter."""
    seed: int = 0
    heard: tuple[str, ...] = ()
    """What is heard, one utterance after the other; the last one repeats. Empty: the words that the caller's sound
    carries (agent/rehearsal/codewords), else how long the caller spoke."""
    replies: tuple[str, ...] = ()
    """What is answered to a caller's first words, second, ...; the last one repeats. Empty: an echo."""
    goodbye: str = "goodbye"
    """A reply with this word takes leave."""
    calls: Mapping[int, tuple[ToolCall, ...]] = field(default_factory=dict)
    """Tools asked for with the answer to the caller's first words (1), second, ...; asked once."""
    after_calls: Mapping[int, str] = field(default_factory=dict)
    """What is said once their results are there; nothing where it is not told."""
    troubles: tuple[Trouble, ...] = ()


def call(name: str, **arguments: object) -> ToolCall:
    """A tool call for a script."""
    return ToolCall(f"call-{name}", name, msgspec.json.encode(arguments).decode())


class _Player:
    """What the three ports share: the script's clockwork."""

    def __init__(self, script: Script, port: Literal["hear", "think", "speak"]) -> None:
        self._script = script
        self._port = port
        self._random = random.Random(f"{script.seed} {port}")  # noqa: S311  no secret
        self.requests = 0
        """Requests begun so far."""
        self.active = 0
        """Requests in progress: 0 once all have ended or been cancelled."""

    @property
    def name(self) -> str:
        return NAME

    async def _wait(self, seconds: float) -> None:
        await trio.sleep(seconds * self._random.uniform(1 - self._script.jitter, 1 + self._script.jitter))

    async def _trouble(self, request: int, pieces: int) -> None:
        for trouble in self._script.troubles:
            if trouble.port == self._port and trouble.at in {0, request} and trouble.after == pieces:
                if trouble.fault is None:
                    await trio.sleep_forever()
                else:
                    raise ProviderError(NAME, self._port, trouble.fault, f"request {request}, as scripted")


class ScriptedRecogniser(_Player):
    """The Recogniser port."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script or Script(), "hear")
        self._utterances: list[float] = []
        """When each began: an utterance is asked for again as it grows."""
        self.languages: set[str] = set()
        """What was asked for so far."""

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        self.languages.add(language)
        if not worth_hearing(utterance):
            return ""
        self.requests += 1
        request = self.requests
        if utterance.start_ms not in self._utterances:
            self._utterances.append(utterance.start_ms)
        number = self._utterances.index(utterance.start_ms)
        self.active += 1
        try:
            await self._trouble(request, 0)
            await self._wait(self._script.hear_s)
        finally:
            self.active -= 1
        if heard := self._script.heard:
            return heard[min(number, len(heard) - 1)]
        if words := codewords.words(utterance.mulaw):
            return f"{words}."
        return f"I have spoken for {utterance.duration_ms:.0f} milliseconds."


class ScriptedLanguageModel(_Player):
    """The LanguageModel port. Which reply comes depends on the prompt alone, so calls do not disturb each other."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script or Script(), "think")

    async def reply(self, prompt: Prompt, emit: Emit[str]) -> Reply:
        self.requests += 1
        request = self.requests
        text, calls = self._round(prompt)
        self.active += 1
        try:
            words = re.findall(r"\s*\S+", text)
            for index, word in enumerate(words):
                await self._trouble(request, index)
                await self._wait(self._script.token_gap_s if index else self._script.first_token_s)
                await emit(word)
            await self._trouble(request, len(words))
        finally:
            self.active -= 1
        return Reply(says_goodbye=self._script.goodbye in text.lower(), calls=calls)

    def _round(self, prompt: Prompt) -> tuple[str, tuple[ToolCall, ...]]:
        turn = max(sum(message.role == "caller" for message in prompt.messages), 1)
        calls = self._script.calls.get(turn, ())
        if not calls:
            return self._text(prompt), ()
        newest = next((n for n, m in enumerate(reversed(prompt.messages)) if m.role == "caller"), 0)
        if any(message.role == "tool" for message in prompt.messages[len(prompt.messages) - newest :]):
            return self._script.after_calls.get(turn, ""), ()
        return self._text(prompt), calls if prompt.tools else ()

    def _text(self, prompt: Prompt) -> str:
        """Of a line that broke off, the rest."""
        text = self._whole(prompt)
        last = prompt.messages[-1] if prompt.messages else None
        begun = last.text.removesuffix(CUT) if last is not None and last.role == "agent" else ""
        return text.removeprefix(begun)

    def _whole(self, prompt: Prompt) -> str:
        said = [message.text for message in prompt.messages if message.role == "caller"]
        if replies := self._script.replies:
            return replies[min(max(len(said), 1), len(replies)) - 1]
        return f"You said: {said[-1]}" if said else "You have said nothing."


class ScriptedVoice(_Player):
    """The Voice port: `tone(text)`, in chunks of 100 ms."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script or Script(), "speak")
        self.manners: set[tuple[str, str]] = set()
        """Voices and languages asked for so far."""

    @property
    def rate(self) -> int:
        return RATE

    async def synthesise(self, text: str, emit: Emit[bytes], *, voice: str = "", language: str = "") -> None:
        self.manners.add((voice, language))
        if not text.strip():
            return
        self.requests += 1
        request = self.requests
        size = RATE * CHUNK_MS // 1000
        self.active += 1
        try:
            starts = range(0, samples(text), size)
            for index, start in enumerate(starts):
                await self._trouble(request, index)
                pace = CHUNK_MS / 1000 * self._script.realtime_factor
                await self._wait(pace if index else self._script.first_chunk_s)
                await emit(tone(text, start, start + size))
            await self._trouble(request, len(starts))
        finally:
            self.active -= 1


def samples(text: str) -> int:
    """Length of a text's sound: 60 ms a character."""
    return spelling.samples(text, RATE)


def tone(text: str, start: int = 0, stop: int | None = None) -> bytes:
    """A text's sound, s16le at 24 kHz, that spells it; or a part of it counted in samples."""
    return spelling.spelled(text, RATE, start, stop)
