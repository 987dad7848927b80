"""The composition root: from settings to the parts that calls are made of. The only place that knows every vendor.

Vendors are imported where they are chosen, so that a server without OpenAI does not pay for its import.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import httpx2

from agent.config import Settings
from agent.doctor.ports import Catalogue
from agent.doctor.retirement import announced
from agent.doctor.uses import models_in_use
from agent.errors import ConfigError
from agent.fallbacks_file import Fallbacks
from agent.hear.endpointing import LexicalEndOfTurn
from agent.hear.keys import parse_bindings
from agent.hear.ports import Recogniser
from agent.language import two_letters
from agent.lines import load_lines
from agent.model import Utterance
from agent.profile import Profile
from agent.providers import realtime_requests as requests
from agent.providers import scripted
from agent.providers.bundled import find
from agent.providers.http_client import open_http_client
from agent.providers.own_budgets import load_budgets
from agent.providers.own_fallbacks import load_fallbacks
from agent.providers.own_prices import load_prices
from agent.providers.own_tools import load_tools
from agent.providers.realtime_events import RealtimeEvent
from agent.providers.silero import Silero, Silero8k, load_session
from agent.seen.story import TOOLS
from agent.speak.cache import AudioCache
from agent.speak.ports import Voice
from agent.speak.repertoire import Repertoire
from agent.think.policy import Persona
from agent.think.ports import LanguageModel, Summariser
from agent.wire.ports import Carrier
from nurseries.chain.breakers import Breakers, rules_of
from nurseries.chain.chains import Chains
from nurseries.live.link import Link
from nurseries.live.session import MakeLink, Session
from nurseries.live.sides import EARS, REALTIME, VOICE, live_of
from nurseries.parts import GoLive, HandOver, Live, Parts, Refrain, Verdict

if TYPE_CHECKING:
    from agent.providers.openai_client import OpenAIClient

T = TypeVar("T")


@asynccontextmanager
async def compose(
    settings: Settings, hand_over: HandOver, *, verdict: Verdict | None = None, refrain: Refrain | None = None
) -> AsyncIterator[Parts]:
    """The parts, for as long as the block lasts. Loading takes up to two seconds and blocks: it is done before any call
    is taken. Raises ConfigError with every fault found."""
    faults: list[str] = []
    async with open_http_client() as http:
        breakers = Breakers(rules_of(settings))
        fallbacks = _tried(lambda: load_fallbacks(settings), faults) or Fallbacks()
        chains = Chains(settings, http, fallbacks, breakers)
        made = _Vendors(settings, http, chains)
        recogniser = _tried(lambda: chains.recogniser(made.recogniser()), faults)
        model = _tried(lambda: chains.model(made.model()), faults)
        voice = _tried(lambda: chains.voice(made.voice()), faults)
        go_live = _tried(lambda: made.go_live(recogniser), faults) if recogniser else None
        session = _tried(load_session, faults)
        lines = _tried(lambda: load_lines(settings), faults)
        toolbox = _tried(lambda: load_tools(settings.TOOLS_FILE), faults)
        prices = _tried(lambda: load_prices(settings), faults)
        carrier = _tried(made.carrier, faults)
        budgeting = _tried(lambda: load_budgets(settings, prices, lines, fallbacks), faults)
        names = toolbox.names if toolbox else ()
        bindings, wrong = parse_bindings(settings.DTMF_BINDINGS, names)
        faults += wrong if toolbox else ()
        if (
            faults
            or recogniser is None
            or model is None
            or voice is None
            or go_live is None
            or session is None
            or lines is None
            or toolbox is None
            or prices is None
        ):
            raise ConfigError(tuple(dict.fromkeys(faults)))
        silero = Silero(session)
        for name in names:
            for result in ("done", "failed", "timeout"):
                TOOLS.begin(tool=name, result=result)
        yield Parts(
            settings=settings,
            recogniser=recogniser,
            go_live=go_live,
            model=model,
            voice=voice,
            cache=AudioCache(int(settings.TTS_CACHE_MB * 1024 * 1024)),
            repertoire=Repertoire(),
            vad=lambda: Silero8k(silero),
            end_of_turn=LexicalEndOfTurn(settings.END_SILENCE_MS, settings.END_SILENCE_LONG_MS),
            lines=lines,
            bindings=bindings,
            toolbox=toolbox,
            summariser=chains.summariser(made.summariser()),
            hand_over=hand_over,
            prices=prices,
            budgeting=budgeting,
            breakers=breakers,
            verdict=verdict,
            carrier=carrier,
            refrain=refrain,
        )


@asynccontextmanager
async def open_catalogue(settings: Settings) -> AsyncIterator[Catalogue | None]:
    """The list of models of the server that the openai provider uses, for as long as the block lasts; None where no
    port uses it."""
    async with open_http_client() as http:
        chains = Chains(settings, http, Fallbacks(), Breakers(rules_of(settings)))
        yield _Vendors(settings, http, chains).catalogue()


class _Vendors:
    """One maker a port; what two ports share is made once."""

    def __init__(self, settings: Settings, http: httpx2.AsyncClient, chains: Chains) -> None:
        self._settings = settings
        self._http = http
        self._chains = chains

    @cached_property
    def _openai(self) -> OpenAIClient:
        from agent.providers.openai_client import OpenAIClient

        return OpenAIClient(self._settings, self._http)

    def recogniser(self) -> Recogniser:
        match self._settings.provider("STT")[0]:
            case "openai":
                from agent.providers.openai_stt import OpenAIRecogniser

                return OpenAIRecogniser(self._openai, self._settings)
            case "local":
                from agent.providers.local_stt import load_recogniser

                return load_recogniser(self._settings.LOCAL_STT_ENGINE)
            case "scripted":
                return scripted.ScriptedRecogniser()

    def go_live(self, files: Recogniser) -> GoLive:
        """What of a call goes over sockets to a Realtime server."""
        settings = self._settings
        itself = settings.PIPELINE == "realtime"
        hears = settings.provider("STT")[0] == "openai" and settings.hears_live
        speaks = itself or (settings.provider("TTS")[0] == "openai" and settings.speaks_live)
        other = self._chains.other_voice(self.other_voice()) if speaks else None

        def live(profile: Profile, so_far: Callable[[], Utterance | None]) -> Live:
            ears, name = settings.OPENAI_STT_LIVE_MODEL, profile.voice or settings.OPENAI_TTS_VOICE
            told = dict.fromkeys((two_letters(profile.language), ""))
            speaker = _links(requests.model_address(settings, settings.OPENAI_REALTIME_MODEL), settings)
            sessions = []
            if itself:
                setups = [requests.converse(ears, language, name) for language in told]
                breaker = self._chains.socket("realtime", settings.OPENAI_REALTIME_MODEL)
                sessions.append(Session(REALTIME, speaker, setups, breaker=breaker))
            if hears and not itself:
                setups = [requests.hear(ears, language) for language in told]
                address = requests.transcription_address(settings)
                breaker = self._chains.socket("stt-live", ears)
                sessions.append(Session(EARS, _links(address, settings), setups, breaker=breaker))
            if speaks and not itself:
                breaker = self._chains.socket("tts-live", settings.OPENAI_REALTIME_MODEL)
                sessions.append(Session(VOICE, speaker, [requests.speak(name)], breaker=breaker))
            return live_of(sessions, files, other, settings, so_far, name)

        return live

    def model(self) -> LanguageModel:
        match self._settings.provider("LLM")[0]:
            case "openai":
                from agent.providers.openai_llm import OpenAILanguageModel

                return OpenAILanguageModel(self._openai, self._settings)
            case "local":
                from agent.providers.local_policy import LocalPolicy

                return LocalPolicy(Persona(self._settings.AGENT_NAME, self._settings.COMPANY_NAME))
            case "scripted":
                return scripted.ScriptedLanguageModel()

    def carrier(self) -> Carrier | None:
        """Who places calls; None where that is not set up. Takes more than half a second."""
        if not self._settings.calls_out:
            return None
        from agent.providers.twilio_rest import TwilioRest

        return TwilioRest(self._settings, self._http)

    def summariser(self) -> Summariser | None:
        """Who can write; None where the language model is no such model."""
        if self._settings.provider("LLM")[0] != "openai":
            return None
        from agent.providers.openai_summary import OpenAISummariser

        return OpenAISummariser(self._openai, self._settings)

    def catalogue(self) -> Catalogue | None:
        """The server's models; None where the openai provider serves no port."""
        if not models_in_use(self._settings):
            return None
        from agent.providers.openai_models import OpenAIModels

        return OpenAIModels(self._openai)

    def other_voice(self) -> Voice | None:
        """Who goes on where a realtime model does not say what it is asked to."""
        match self._fallback():
            case "openai":
                from agent.providers.openai_tts import OpenAIVoice

                return OpenAIVoice(self._openai, self._settings)
            case "local":
                from agent.providers.local_tts import load_voice

                return load_voice()
            case _:
                return None

    def _fallback(self) -> str:
        settings = self._settings
        if settings.TTS_FALLBACK != "auto":
            return settings.TTS_FALLBACK
        end = announced(settings.OPENAI_TTS_MODEL) if settings.openai_itself else None
        if end is None or datetime.now(UTC).date() < end.last_day:
            return "openai"
        return "local" if find("hibari") is not None else "none"

    def voice(self) -> Voice:
        match self._settings.provider("TTS")[0]:
            case "openai":
                from agent.providers.openai_tts import OpenAIVoice

                return OpenAIVoice(self._openai, self._settings)
            case "local":
                from agent.providers.local_tts import load_voice

                return load_voice()
            case "scripted":
                return scripted.ScriptedVoice()


def _links(address: requests.Address, settings: Settings) -> MakeLink:
    connect_s, silent_s = settings.REALTIME_CONNECT_S, settings.REALTIME_SILENT_S

    def make(opened: Callable[[], None], received: Callable[[RealtimeEvent], None]) -> Link:
        return Link(address, opened=opened, received=received, connect_s=connect_s, silent_s=silent_s)

    return make


def _tried(make: Callable[[], T], faults: list[str]) -> T | None:
    try:
        return make()
    except ConfigError as error:
        faults += error.faults
        return None
