"""Calls whose providers are chains of scripted ones that tell what they use, and of which some fail or are late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent.config import Settings
from agent.guard.breaker import Breaker, Rules
from agent.keep.estimate import TokenRates
from agent.keep.usage import charged
from agent.model import Emit, Utterance
from agent.providers.scripted import Script, ScriptedLanguageModel, ScriptedRecogniser, ScriptedVoice
from agent.think.ports import Prompt, Reply
from nurseries.chain.chain import Chain, Member
from nurseries.chain.ports import ChainModel, ChainRecogniser, ChainVoice
from tests.calls.stage import Stage


@dataclass
class Metered:
    """All three ports; a server that tells tokens at the end, and others guess until then."""

    name: str
    script: Script
    rates: TokenRates
    rate: int = ScriptedVoice(Script()).rate

    def __post_init__(self) -> None:
        self.ears, self.mind, self.voice = (
            make(self.script) for make in (ScriptedRecogniser, ScriptedLanguageModel, ScriptedVoice)
        )

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        charge = charged("stt", self.name)
        text = await self.ears.transcribe(utterance, language)
        charge.told(seconds=utterance.duration_ms / 1000)
        return text

    async def reply(self, prompt: Prompt, emit: Emit[str]) -> Reply:
        charge, made, given = charged("llm", self.name), 0, len(repr(prompt))
        self.rates.guess(charge, given, 0)

        async def take(piece: str) -> None:
            nonlocal made
            made += len(piece)
            self.rates.guess(charge, given, made)
            await emit(piece)

        reply = await self.mind.reply(prompt, take)
        charge.told(tokens_in=given // 4, tokens_out=made // 3)
        self.rates.learn(given, made, {"tokens_in": given // 4, "tokens_out": made // 3})
        return reply

    async def synthesise(self, text: str, emit: Emit[bytes], *, voice: str = "", language: str = "") -> bool | None:
        charge = charged("tts", self.name)
        own = await self.voice.synthesise(text, emit, voice=voice, language=language)
        charge.told(characters=len(text))
        return own


def chained_stage(settings: Settings, scripts: Sequence[Script], *, hedge_s: float | None) -> Stage:
    """A stage on which the first of these is asked, and the others stand by."""
    stage = Stage(scripts[0], settings)
    rates = TokenRates()

    def chain(part: str, limit_s: float) -> Chain[Any]:
        members = [Metered(f"{n}", script, rates) for n, script in enumerate(scripts)]
        return Chain(part, [Member(one, one.name, Breaker(part, one.name, Rules())) for one in members], limit_s)

    stage.parts = replace(
        stage.parts,
        recogniser=ChainRecogniser(chain("stt", settings.STT_TIMEOUT_S)),
        model=ChainModel(chain("llm", settings.LLM_TIMEOUT_S), hedge_s=hedge_s),
        voice=ChainVoice(chain("tts", settings.TTS_TIMEOUT_S)),
    )
    return stage
