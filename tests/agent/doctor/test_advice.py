"""What to do about a failure: the setting that would mend it is named."""

from __future__ import annotations

import pytest

from agent.config import Settings
from agent.doctor.advice import misheard, too_slow, what_to_do
from agent.doctor.uses import where
from agent.errors import Fault


def configured(**changes: object) -> Settings:
    return Settings(_env_file=None, APP_ENV="test", **{"OPENAI_API_KEY": "sk-x", **changes})  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("fault", "detail", "words"),
    [
        (Fault.REFUSED, "401 invalid_api_key", "OPENAI_API_KEY"),
        (Fault.REFUSED, "404 model_not_found no such model", "Set OPENAI_STT_MODEL to a model"),
        (Fault.REFUSED, "404 model_not_found no such model", "OpenAI shuts whisper-1 down on 2027-02-26"),
        (Fault.REFUSED, "404 model_not_found no such model", "gpt-transcribe"),
        (Fault.UNREACHABLE, "ConnectError", "OPENAI_BASE_URL"),
        (Fault.TIMEOUT, "nothing for 5 s", "STT_TIMEOUT_S"),
        (Fault.BUSY, "429", "quota"),
        (Fault.BROKEN, "500", "the server's"),
    ],
)
def test_every_fault_has_its_remedy(fault: Fault, detail: str, words: str) -> None:
    settings = configured(OPENAI_STT_MODEL="whisper-1")

    assert words in what_to_do("STT", "openai whisper-1", fault, detail, settings)


def test_the_model_that_the_provider_names_is_the_one_to_change() -> None:
    settings = configured()  # hears live, and files where that fails

    assert "OPENAI_STT_LIVE_MODEL" in what_to_do("STT", "openai gpt-live-transcribe", Fault.REFUSED, "404", settings)
    assert "OPENAI_STT_MODEL" in what_to_do("STT", "openai gpt-transcribe", Fault.REFUSED, "404", settings)


def test_a_local_provider_needs_no_key() -> None:
    settings = configured(PROVIDER="local")

    assert "OPENAI" not in what_to_do("TTS", "local", Fault.BROKEN, "", settings)
    assert "LOCAL_STT_ENGINE" in misheard("local", settings)
    assert "TTS_PROVIDER" in too_slow(settings)


def test_a_realtime_model_is_the_server_s_whatever_serves_the_port() -> None:
    settings = configured(PIPELINE="realtime", PROVIDER="local", OPENAI_API_KEY="sk-x")
    told = what_to_do("LLM", "openai gpt-realtime-2.1-mini", Fault.REFUSED, "401 invalid_api_key", settings)
    assert "OPENAI_API_KEY" in told
    assert where(settings, "LLM", "openai gpt-realtime-2.1-mini") == "api.openai.com"
    assert where(settings, "TTS", "hibari") == "this machine"


def test_a_socket_does_not_go_through_a_proxy() -> None:
    assert "HTTPS_PROXY" not in what_to_do("STT", "openai gpt-live-transcribe", Fault.UNREACHABLE, "", configured())
    assert "HTTPS_PROXY" in what_to_do("LLM", "openai gpt-5.4-mini", Fault.UNREACHABLE, "", configured())


def test_a_slow_or_deaf_server_is_changed_by_its_model() -> None:
    assert "OPENAI_STT_MODEL" in misheard("openai gpt-transcribe", configured())
    assert "OPENAI_REALTIME_MODEL" in too_slow(configured())
    assert "OPENAI_TTS_MODEL" in too_slow(configured(OPENAI_TTS_API="speech"))


def test_a_realtime_model_that_was_shut_down_names_its_successor() -> None:
    settings = configured(OPENAI_REALTIME_MODEL="gpt-realtime-mini")
    detail = "model_not_found model The model does not exist."

    told = what_to_do("TTS", "openai gpt-realtime-mini alloy", Fault.REFUSED, detail, settings)
    assert "Set OPENAI_REALTIME_MODEL" in told
    assert "instead, gpt-realtime-2.1-mini" in told
