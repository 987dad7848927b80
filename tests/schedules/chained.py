"""The providers of a drawn call as a process has them: each port over a chain with its breakers, and somebody who
stands by, or nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from agent.config import Settings
from agent.guard.breaker import Breaker, Rules
from agent.model import Emit
from agent.providers.scripted import Script
from agent.think.ports import Prompt, Reply
from nurseries.chain.chain import Chain, Member
from nurseries.chain.ports import ChainModel, ChainRecogniser, ChainVoice
from tests.schedules.parties import Health, Model, Recogniser, Voice, sound
from tests.schedules.scenario import Chains

P = TypeVar("P", Recogniser, Model, Voice)

RULES = Rules(failures=2, rest_s=0.5, longest_rest_s=1.0)
"""A call is short."""


class Desk:
    """All of one scenario's."""

    def __init__(self, chains: Chains, script: Script, settings: Settings, health: Health) -> None:
        self.mixed: list[str] = []
        """What came of a chain for one request, and is not the beginning of what one provider has made of it."""
        self.breakers: list[Breaker] = []
        self.others: list[Recogniser | Model | Voice] = []
        """Who stands by: says other things than the first."""
        self._chains = chains
        replies = (*script.replies[1:], *script.replies[:1])
        self._script = replace(script, replies=replies, troubles=chains.troubles)
        self._settings = settings
        self._health = health

    def recogniser(self, first: Recogniser) -> ChainRecogniser:
        other = Recogniser(self._script)
        other.told = first.told
        return ChainRecogniser(self._chain("stt", first, other, self._settings.STT_TIMEOUT_S))

    def model(self, first: Model) -> ChainModel:
        chain = self._chain("llm", first, Model(self._script), self._settings.LLM_TIMEOUT_S)
        return _Minds(self, chain, self._chains.hedge_s)

    def voice(self, first: Voice) -> ChainVoice:
        return _Voices(self, self._chain("tts", first, Voice(self._script), self._settings.TTS_TIMEOUT_S))

    def _chain(self, part: str, first: P, other: P, limit_s: float) -> Chain[P]:
        other.health = self._health
        all_ = [first, other] if self._chains.who == "two" else [first]
        members = [Member(each, f"{part} {n}", Breaker(part, f"{part} {n}", RULES)) for n, each in enumerate(all_)]
        self.others += all_[1:]
        self.breakers += [member.breaker for member in members]
        return Chain(part, members, limit_s)


class _Minds(ChainModel):
    def __init__(self, desk: Desk, chain: Chain[Model], hedge_s: float | None) -> None:
        super().__init__(chain, hedge_s=hedge_s)  # type: ignore[arg-type]  # a chain of models is one of language models
        self._desk = desk
        self._minds = [member.provider for member in chain.members]

    async def reply(self, prompt: Prompt, emit: Emit[str]) -> Reply:
        said = [""]
        before = [len(mind.said) for mind in self._minds]

        async def hand_on(piece: str) -> None:
            said[0] += piece
            begun = [text for mind, n in zip(self._minds, before, strict=True) for text in mind.said[n:]]
            if not any(text.startswith(said[0]) for text in begun):
                self._desk.mixed.append(f"{said[0]!r} of {begun}")
            await emit(piece)

        return await super().reply(prompt, hand_on)


class _Voices(ChainVoice):
    def __init__(self, desk: Desk, chain: Chain[Voice]) -> None:
        super().__init__(chain)  # type: ignore[arg-type]  # the same
        self._desk = desk

    async def synthesise(self, text: str, emit: Emit[bytes], *, voice: str = "", language: str = "") -> bool | None:
        said = bytearray()

        async def hand_on(chunk: bytes) -> None:
            said.extend(chunk)
            if not sound(text).startswith(said):
                self._desk.mixed.append(f"{len(said)} bytes for {text!r}")
            await emit(chunk)

        return await super().synthesise(text, hand_on, voice=voice, language=language)
