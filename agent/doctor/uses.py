"""Which models of the openai provider a configuration uses, and by which setting. Settings in, names out."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

import msgspec

from agent.config import OPENAI_URL, Settings

Port = Literal["STT", "LLM", "TTS"]

TITLES: dict[Port, str] = {"STT": "speech to text", "LLM": "language model", "TTS": "text to speech"}


class Use(msgspec.Struct, frozen=True):
    """One model, and why it is wanted."""

    port: Port
    setting: str
    model: str


def models_in_use(settings: Settings) -> tuple[Use, ...]:
    """What may be asked for in a call: the model of files also where the caller is heard live, for it is heard so when
    that fails."""
    found: list[Use] = []
    itself = settings.PIPELINE == "realtime"
    if itself:
        found.append(Use("LLM", "OPENAI_REALTIME_MODEL", settings.OPENAI_REALTIME_MODEL))
        found.append(Use("STT", "OPENAI_STT_LIVE_MODEL", settings.OPENAI_STT_LIVE_MODEL))
    if settings.provider("STT")[0] == "openai":
        if settings.hears_live and not itself:
            found.append(Use("STT", "OPENAI_STT_LIVE_MODEL", settings.OPENAI_STT_LIVE_MODEL))
        found.append(Use("STT", "OPENAI_STT_MODEL", settings.OPENAI_STT_MODEL))
    if settings.provider("LLM")[0] == "openai":
        found.append(Use("LLM", "OPENAI_LLM_MODEL", settings.OPENAI_LLM_MODEL))
    if settings.provider("TTS")[0] == "openai" and not itself:
        found.append(
            Use("TTS", "OPENAI_REALTIME_MODEL", settings.OPENAI_REALTIME_MODEL)
            if settings.speaks_live
            else Use("TTS", "OPENAI_TTS_MODEL", settings.OPENAI_TTS_MODEL)
        )
    if settings.TTS_FALLBACK == "openai" and any(use.setting == "OPENAI_REALTIME_MODEL" for use in found):
        found.append(Use("TTS", "OPENAI_TTS_MODEL", settings.OPENAI_TTS_MODEL))
    return tuple(found)


def is_openai(name: str) -> bool:
    """By the name that a provider gives itself: with PIPELINE=realtime it may not be the port's own."""
    return name.partition(" ")[0] == "openai"


def where(settings: Settings, port: Port, name: str) -> str:
    """Who answers for a port: the server's host, and its port where one is named; nothing else of its address."""
    provider = settings.provider(port)[0]
    if not is_openai(name):
        return "this machine" if provider == "local" else "a stand-in"
    parts = urlsplit(settings.OPENAI_BASE_URL or OPENAI_URL)
    host = parts.hostname or ""
    try:
        return f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return host
