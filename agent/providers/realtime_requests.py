"""What we say to a Realtime server, one text message each, and where it listens.

Pure. Every message has the shape of the SDK's event models; tests/agent/providers/test_realtime_requests.py holds them
together.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from agent.config import OPENAI_URL, Settings
from agent.think.ports import ToolCall, ToolSpec

PCMU = {"type": "audio/pcmu"}
"""Mu-law at 8 kHz, which is the telephone's own: not a sample is converted."""


SETUP = "setup"
"""Id of the message that sets a session up: an error `of` it is about our settings."""

_COMMIT = "commit-"

MOST_TOKENS = 8000
"""Of a conversation at the server: some ten minutes of talk, at about ten tokens a second of the caller's sound and
twenty of the model's."""

MOST_OUTPUT = 2048
"""Tokens of one response: over a minute of speech."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a session is opened."""

    host: str
    port: int
    tls: bool
    resource: str
    """Path and query."""
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """With the key: never logged."""

    @property
    def host_header(self) -> str:
        """The host as a URL has it, with the port where that is not the usual one."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"


def transcription_address(settings: Settings) -> Address:
    """Of a transcription session. Its model is told by `session.update`."""
    return _address(settings, "intent=transcription")


def model_address(settings: Settings, model: str) -> Address:
    """Of a session with a model that speaks."""
    return _address(settings, f"model={quote(model, safe='')}")


def _address(settings: Settings, query: str) -> Address:
    parts = urlsplit(settings.OPENAI_BASE_URL or OPENAI_URL)
    tls = parts.scheme == "https"
    key = settings.OPENAI_API_KEY.get_secret_value()
    return Address(
        parts.hostname or "",
        parts.port or (443 if tls else 80),
        tls,
        f"{parts.path.rstrip('/')}/realtime?{query}",
        (("Authorization", f"Bearer {key}"),) if key else (),
    )


def hear(model: str, language: str) -> str:
    """Set a transcription session up: mu-law in, our own turn detector commits. `language`: two letters, or ""."""
    transcription = {"model": model} | ({"language": language} if language else {})
    audio_in = {"format": PCMU, "transcription": transcription, "turn_detection": None}
    session = {"type": "transcription", "audio": {"input": audio_in}}
    return _message("session.update", event_id=SETUP, session=session)


def append(sound: bytes) -> str:
    """More of the caller's sound, in the session's input format."""
    # Base64 has nothing that JSON would escape.
    return f'{{"type":"input_audio_buffer.append","audio":"{b64encode(sound).decode("ascii")}"}}'


def commit(number: int) -> str:
    """What has been appended is an item. At least 100 ms of it, or the server objects, by an error `of` this."""
    return _message("input_audio_buffer.commit", event_id=f"{_COMMIT}{number}")


def committed_by(event_id: str) -> int | None:
    """The number of the commit that an error is about; None for what is no commit of ours."""
    number = event_id.removeprefix(_COMMIT)
    return int(number) if number != event_id and number.isdecimal() else None


CLEAR = '{"type":"input_audio_buffer.clear"}'
"""What has been appended since the last commit never was."""


def speak(voice: str) -> str:
    """Set a session up that only says what each response asks for: mu-law out, nothing heard."""
    return _message(
        "session.update",
        event_id=SETUP,
        session={
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {"input": {"turn_detection": None}, "output": {"format": PCMU, "voice": voice}},
        },
    )


def converse(hears_with: str, language: str, voice: str) -> str:
    """Set a session up that hears and speaks: mu-law both ways; our own turn detector commits, and each response is
    asked for. A conversation that grows long loses its beginning, a fifth at a time."""
    transcription = {"model": hears_with} | ({"language": language} if language else {})
    limits = {"post_instructions": MOST_TOKENS}
    return _message(
        "session.update",
        event_id=SETUP,
        session={
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {
                "input": {"format": PCMU, "transcription": transcription, "turn_detection": None},
                "output": {"format": PCMU, "voice": voice},
            },
            "truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": limits},
        },
    )


def answer(asked: str, instructions: str, tools: Iterable[ToolSpec]) -> str:
    """Ask for a response in the conversation, spoken."""
    offered = [
        {"type": "function", "name": t.name, "description": t.description, "parameters": dict(t.parameters)}
        for t in tools
    ]
    return respond(asked, instructions=instructions, tools=offered, max_output_tokens=MOST_OUTPUT)


def user(text: str) -> str:
    """Put words of the caller's into the conversation."""
    return _item(type="message", role="user", content=[{"type": "input_text", "text": text}])


def assistant(text: str, item: str = "", after: str = "") -> str:
    """Put words of the agent's into the conversation, which the model has not spoken itself: as an item of this name,
    behind another one."""
    content = [{"type": "output_text", "text": text}]
    named = {"id": item} if item else {}
    place = {"previous_item_id": after} if after else {}
    return _item(place, type="message", role="assistant", content=content, **named)


def called(call: ToolCall) -> str:
    """Put a tool call into the conversation, which the model has not asked for itself."""
    return _item(type="function_call", call_id=call.id, name=call.name, arguments=call.arguments)


def result(call_id: str, output: str) -> str:
    """Put a tool's result into the conversation."""
    return _item(type="function_call_output", call_id=call_id, output=output)


def _item(place: dict[str, str] | None = None, /, **item: Any) -> str:
    return _message("conversation.item.create", **(place or {}), item=item)


def respond(asked: str, **response: Any) -> str:
    """Ask for a response; `asked` comes back with its first and its last event, or with the refusal."""
    return _message("response.create", event_id=asked, response={**response, "metadata": {"asked": asked}})


def say(asked: str, text: str, instructions: str) -> str:
    """Ask for a text to be said, outside of any conversation."""
    words = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return respond(asked, conversation="none", output_modalities=["audio"], instructions=instructions, input=[words])


def cancel(response: str = "") -> str:
    """Stop a response; without one, that of the conversation. An error comes back where none is under way."""
    return _message("response.cancel", **({"response_id": response} if response else {}))


def truncate(item: str, heard_ms: int) -> str:
    """Cut one of the model's spoken items to what was heard of it."""
    return _message("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=heard_ms)


def forget(item: str) -> str:
    """Take an item out of the server's conversation."""
    return _message("conversation.item.delete", item_id=item)


def _message(kind: str, **fields: Any) -> str:
    return msgspec.json.encode({"type": kind, **fields}).decode()
