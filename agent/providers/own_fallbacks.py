"""Who stands in for whom, as FALLBACKS_FILE tells, with their keys from the environment or `.env`."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import SecretStr

from agent.config import Settings
from agent.errors import ConfigError
from agent.fallbacks_file import Fallback, Fallbacks, read


def load_fallbacks(settings: Settings) -> Fallbacks:
    """None at all without a file. Raises ConfigError with every fault found."""
    if settings.FALLBACKS_FILE is None:
        return Fallbacks()
    faults: list[str] = []
    found = read(settings.FALLBACKS_FILE, _secret, faults)
    if settings.LLM_HEDGE_S is not None and not found.llm and not faults:
        faults.append("LLM_HEDGE_S asks a second language model: name one under [[llm]] in FALLBACKS_FILE.")
    if faults:
        raise ConfigError(tuple(faults))
    return found


def settings_for(settings: Settings, one: Fallback) -> Settings:
    """The settings as the fallback's own client is to see them."""
    return settings.model_copy(
        update={
            "OPENAI_BASE_URL": one.base_url.rstrip("/"),
            "OPENAI_API_KEY": SecretStr(one.secret),
            "OPENAI_LLM_API": one.api,
            "OPENAI_LLM_MODEL": one.model,
            "OPENAI_REASONING_EFFORT": one.reasoning_effort,
            "OPENAI_STT_MODEL": one.model,
            "OPENAI_TTS_MODEL": one.model,
            "OPENAI_TTS_VOICE": one.voice or settings.OPENAI_TTS_VOICE,
        }
    )


def host_of(base_url: str) -> str:
    """For logs, metrics and records: a server without the rest of its address."""
    parts = urlsplit(base_url)
    return parts.netloc.rpartition("@")[2]


def _secret(name: str) -> str:
    return os.environ.get(name) or dotenv_values(".env").get(name) or ""
