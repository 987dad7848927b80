"""Makes each port's chain: the configured provider, and behind it those of FALLBACKS_FILE.

Vendors are imported where they are chosen, as in `compose`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeVar

import httpx2

from agent.config import OPENAI_URL, Settings
from agent.fallbacks_file import Fallback, Fallbacks
from agent.guard.breaker import Breaker
from agent.hear.ports import Recogniser
from agent.providers.own_fallbacks import host_of, settings_for
from agent.speak.ports import Voice
from agent.think.policy import Persona
from agent.think.ports import LanguageModel, Summariser
from nurseries.chain.breakers import Breakers
from nurseries.chain.chain import Chain, Member
from nurseries.chain.ports import ChainModel, ChainRecogniser, ChainSummariser, ChainVoice

P = TypeVar("P", Recogniser, LanguageModel, Voice, Summariser)

Standby = tuple[P, str]
"""A provider, and its name with its server's."""


class Chains:
    """One process's. A provider that stands by for two ports is made once for each."""

    def __init__(self, settings: Settings, http: httpx2.AsyncClient, fallbacks: Fallbacks, breakers: Breakers) -> None:
        self._settings = settings
        self._http = http
        self._fallbacks = fallbacks
        self._breakers = breakers
        self.host = host_of(settings.OPENAI_BASE_URL or OPENAI_URL)

    def socket(self, part: str, model: str) -> Breaker:
        """Of a kind of session at a Realtime server."""
        return self._breakers.of(part, f"openai {model} at {self.host}")

    def recogniser(self, first: Recogniser) -> ChainRecogniser:
        """Raises ConfigError where one that stands by cannot be had, as all of these do."""
        return ChainRecogniser(self._chain("stt", first, self._recognisers, self._settings.STT_TIMEOUT_S))

    def model(self, first: LanguageModel) -> ChainModel:
        chain = self._chain("llm", first, self._models, self._settings.LLM_TIMEOUT_S)
        return ChainModel(chain, hedge_s=self._settings.LLM_HEDGE_S)

    def voice(self, first: Voice) -> ChainVoice:
        return ChainVoice(self._chain("tts", first, self._voices, self._settings.TTS_TIMEOUT_S))

    def other_voice(self, first: Voice | None) -> ChainVoice | None:
        """Who goes on where a realtime model does not speak; None where nobody is to."""
        if first is not None:
            return self.voice(first)
        if not self._voices:
            return None
        (voice, name), *rest = self._voices
        chain = self._chain("tts", voice, rest, self._settings.TTS_TIMEOUT_S, name=name)
        return ChainVoice(chain, takes_names=False)

    def summariser(self, first: Summariser | None) -> ChainSummariser | None:
        """None where the first one cannot write: who answers on this machine only has not asked for others to read."""
        if first is None:
            return None
        return ChainSummariser(self._chain("summary", first, self._summarisers, self._settings.SUMMARY_TIMEOUT_S))

    def _chain(self, part: str, first: P, others: list[tuple[P, str]], limit_s: float, *, name: str = "") -> Chain[P]:
        name = name or self._named(first)
        members = [Member(first, name, self._breakers.of(part, name))]
        members += [Member(provider, name, self._breakers.of(part, name)) for provider, name in others]
        return Chain(part, members, limit_s)

    def _named(self, provider: Recogniser | LanguageModel | Voice | Summariser) -> str:
        return f"{provider.name} at {self.host}" if provider.name.startswith("openai ") else provider.name

    @cached_property
    def _recognisers(self) -> list[Standby[Recogniser]]:
        def remote(one: Fallback) -> Recogniser:
            from agent.providers.openai_client import OpenAIClient
            from agent.providers.openai_stt import OpenAIRecogniser

            settings = settings_for(self._settings, one)
            return OpenAIRecogniser(OpenAIClient(settings, self._http), settings)

        def local() -> Recogniser:
            from agent.providers.local_stt import load_recogniser

            return load_recogniser(self._settings.LOCAL_STT_ENGINE)

        return _made(self._fallbacks.stt, remote, local)

    @cached_property
    def _models(self) -> list[Standby[LanguageModel]]:
        def remote(one: Fallback) -> LanguageModel:
            from agent.providers.openai_client import OpenAIClient
            from agent.providers.openai_llm import OpenAILanguageModel

            settings = settings_for(self._settings, one)
            return OpenAILanguageModel(OpenAIClient(settings, self._http), settings)

        def local() -> LanguageModel:
            from agent.providers.local_policy import LocalPolicy

            return LocalPolicy(Persona(self._settings.AGENT_NAME, self._settings.COMPANY_NAME))

        return _made(self._fallbacks.llm, remote, local)

    @cached_property
    def _voices(self) -> list[Standby[Voice]]:
        def remote(one: Fallback) -> Voice:
            from agent.providers.openai_client import OpenAIClient
            from agent.providers.openai_tts import OpenAIVoice

            settings = settings_for(self._settings, one)
            return OpenAIVoice(OpenAIClient(settings, self._http), settings)

        def local() -> Voice:
            from agent.providers.local_tts import load_voice

            return load_voice()

        return _made(self._fallbacks.tts, remote, local)

    @cached_property
    def _summarisers(self) -> list[Standby[Summariser]]:
        found: list[Standby[Summariser]] = []
        for one in self._fallbacks.llm:
            if one.provider == "openai":
                from agent.providers.openai_client import OpenAIClient
                from agent.providers.openai_summary import OpenAISummariser

                settings = settings_for(self._settings, one)
                writer = OpenAISummariser(OpenAIClient(settings, self._http), settings)
                found.append((writer, f"{writer.name} at {host_of(one.base_url)}"))
        return found


def _made(wanted: tuple[Fallback, ...], remote: Callable[[Fallback], P], local: Callable[[], P]) -> list[tuple[P, str]]:
    found = []
    for one in wanted:
        provider = local() if one.provider == "local" else remote(one)
        name = provider.name if one.provider == "local" else f"{provider.name} at {host_of(one.base_url)}"
        found.append((provider, name))
    return found
