"""Every message that we send is one that the SDK's own event models take."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

from agent.config import Settings
from agent.providers import realtime_requests as requests

MESSAGES = {
    "hear": requests.hear("gpt-live-transcribe", "hi"),
    "hear any language": requests.hear("gpt-live-transcribe", ""),
    "append": requests.append(bytes(range(256))),
    "commit": requests.commit(12),
    "clear": requests.CLEAR,
    "speak": requests.speak("marin"),
    "say": requests.say("7", "नमस्ते, Anita!", "Say it."),
    "respond": requests.respond("8", tool_choice="none"),
    "cancel": requests.cancel("resp_1"),
    "cancel any": requests.cancel(),
    "truncate": requests.truncate("item_1", 1234),
    "forget": requests.forget("item_1"),
}
SDK: TypeAdapter[object] = TypeAdapter(RealtimeClientEvent)


@pytest.mark.parametrize("name", MESSAGES)
def test_the_sdk_knows_every_message_and_every_field_of_it(name: str) -> None:
    message = MESSAGES[name]
    event = SDK.validate_json(message)
    assert SDK.dump_python(event, mode="json", exclude_unset=True) == json.loads(message)


def test_sound_travels_untouched() -> None:
    sound = bytes(range(256))
    assert b64decode(json.loads(requests.append(sound))["audio"]) == sound


def _settings(**told: object) -> Settings:
    return Settings(_env_file=None, **told)  # type: ignore[arg-type,call-arg]


def test_the_address_is_openais_own_over_tls() -> None:
    address = requests.transcription_address(_settings(OPENAI_API_KEY="sk-right"))
    assert (address.host, address.port, address.tls) == ("api.openai.com", 443, True)
    assert address.resource == "/v1/realtime?intent=transcription"
    assert address.headers == (("Authorization", "Bearer sk-right"),)
    assert address.host_header == "api.openai.com"
    assert "sk-right" not in repr(address)


def test_a_compatible_server_keeps_its_path_and_port() -> None:
    settings = _settings(OPENAI_BASE_URL="http://[::1]:8080/openai/v1")
    address = requests.model_address(settings, "a model")
    assert (address.host, address.port, address.tls) == ("::1", 8080, False)
    assert address.resource == "/openai/v1/realtime?model=a%20model"
    assert address.headers == ()
    assert address.host_header == "[::1]:8080"


def test_a_refused_commit_is_known_by_its_number() -> None:
    assert requests.committed_by(json.loads(requests.commit(12))["event_id"]) == 12
    assert requests.committed_by(requests.SETUP) is None
    assert requests.committed_by("") is None
    assert requests.committed_by("commit-") is None
