"""Who hears, thinks and speaks in a recorded call: the same ports, and a take that is told of all that passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.hear.ports import Recogniser
from agent.model import Emit, Utterance
from agent.replay import plain
from agent.replay.sound import digest
from agent.speak.ports import Voice
from agent.think.ports import LanguageModel, Prompt, Reply
from nurseries.replay.take import Take


def heard(utterance: Utterance, language: str) -> str:
    """An utterance, as it is known again."""
    return f"{utterance.start_ms!r} {utterance.end_ms!r} {digest(utterance.mulaw)} {language}"


def asked(prompt: Prompt) -> str:
    """A prompt, as it is known again."""
    return digest(repr(prompt).encode())


def asked_about(prompt: Prompt) -> str:
    """A prompt by its newest words: what the caller has said last, and which tools have run since."""
    tools: list[str] = []
    for message in reversed(prompt.messages):
        if message.role == "caller":
            return " | ".join((message.text, *reversed(tools)))
        if message.role == "tool" and message.call is not None:
            tools.append(message.call.name)
    return " | ".join(("", *reversed(tools)))


@dataclass(frozen=True)
class RecordedRecogniser:
    """The Recogniser port."""

    recogniser: Recogniser
    take: Take

    @property
    def name(self) -> str:
        return self.recogniser.name

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        async def work(_: object) -> str:
            return await self.recogniser.transcribe(utterance, language)

        return await self.take.ask("hear", heard(utterance, language), work)


@dataclass(frozen=True)
class RecordedModel:
    """The LanguageModel port."""

    model: LanguageModel
    take: Take

    @property
    def name(self) -> str:
        return self.model.name

    async def reply(self, prompt: Prompt, emit: Emit[str]) -> Reply:
        async def work(hand_on: Emit[str]) -> Reply:
            return await self.model.reply(prompt, hand_on)

        def written(value: Any) -> Any:
            return value if isinstance(value, str) else plain.of(value)

        return await self.take.ask("think", asked(prompt), work, emit, written, asked_about(prompt))


@dataclass(frozen=True)
class RecordedVoice:
    """The Voice port."""

    own: Voice
    take: Take

    @property
    def name(self) -> str:
        return self.own.name

    @property
    def rate(self) -> int:
        return self.own.rate

    async def synthesise(self, text: str, emit: Emit[bytes], *, voice: str = "", language: str = "") -> bool | None:
        async def work(hand_on: Emit[bytes]) -> bool | None:
            return await self.own.synthesise(text, hand_on, voice=voice, language=language)

        def written(value: Any) -> Any:
            return self.take.blob(value) if isinstance(value, bytes) else value

        return await self.take.ask("speak", f"{voice}/{language}: {text}", work, emit, written)
