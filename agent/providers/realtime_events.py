"""What a Realtime server says: a text message in, one event out; None for what says nothing that we act upon. Long, as
the API is: each event stands in one file with how it is read.

Pure. One flat struct decodes every event, so that a piece of sound costs some 2 us, not the 70 us of a union of models.
Tolerant to fields and events that are new; a message that is no event at all raises ProviderError.
"""

from __future__ import annotations

import binascii
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.errors import Fault, ProviderError
from agent.providers.openai_client import DETAIL_LENGTH, NAME, fault_of
from agent.providers.openai_usage import seconds, tokens
from agent.think.ports import ToolCall

TROUBLE_FAULTS = {"session_expired": Fault.UNREACHABLE}


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """The first event. `expires_at`: seconds since 1970; None where the server does not tell."""

    expires_at: float | None


@dataclass(frozen=True, slots=True)
class SessionUpdated:
    """Our settings are in force."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The sound appended so far has become an item."""

    item: str


@dataclass(frozen=True, slots=True)
class HeardPart:
    """A piece of an item's transcript, while it is being made."""

    item: str
    text: str


@dataclass(frozen=True, slots=True)
class HeardAll:
    """An item's whole transcript."""

    item: str
    text: str
    usage: Mapping[str, float] | None = field(default=None, compare=False)
    """As Usage names it; None where the server does not tell."""


@dataclass(frozen=True, slots=True)
class NotHeard:
    """An item that could not be transcribed."""

    item: str
    fault: Fault
    detail: str


@dataclass(frozen=True, slots=True)
class ItemAdded:
    """An item is in the server's conversation: one of ours, or the beginning of the model's own."""

    item: str
    kind: str
    """message, function_call, function_call_output."""
    role: str


@dataclass(frozen=True, slots=True)
class ResponseCreated:
    """`asked` is the `metadata.asked` of our request; "" without one."""

    response: str
    asked: str


@dataclass(frozen=True, slots=True)
class ItemBegun:
    """A response begins an item of its own."""

    response: str
    item: str
    kind: str
    """message, function_call."""


@dataclass(frozen=True, slots=True)
class Working:
    """More of a response is being made, of which nothing can be used yet."""

    response: str


@dataclass(frozen=True, slots=True)
class AudioPart:
    """A piece of a response's sound, in the session's output format."""

    response: str
    item: str
    sound: bytes


@dataclass(frozen=True, slots=True)
class SpokenPart:
    """A piece of the words of a response's sound; not aligned with the sound."""

    response: str
    item: str
    text: str


@dataclass(frozen=True, slots=True)
class AudioWhole:
    """All of an item's sound has been told."""

    response: str
    item: str


@dataclass(frozen=True, slots=True)
class SpokenWhole:
    """All the words of an item's sound."""

    response: str
    item: str
    text: str


@dataclass(frozen=True, slots=True)
class ItemDone:
    """No more of an item will come. A response that ends early ends its items as well: only a `whole` one has all that
    was to be of it."""

    response: str
    item: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Called:
    """A whole tool call of a response."""

    response: str
    item: str
    call: ToolCall


@dataclass(frozen=True, slots=True)
class ResponseDone:
    """The last event of a response. `asked` as in ResponseCreated."""

    response: str
    asked: str
    status: str
    """completed, cancelled, failed, incomplete."""
    fault: Fault | None
    """Of a failed one."""
    detail: str
    input_tokens: int
    output_tokens: int
    cut: tuple[str, ...] = ()
    """Items that it ended early."""
    usage: Mapping[str, int] = field(default_factory=dict, compare=False)
    """The same in detail, as Usage names it; empty where the server does not tell."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """An `error` event: of the message that we sent as `of` ("" where the server does not tell), or of the session.
    The session goes on unless the socket is closed thereafter."""

    fault: Fault
    code: str
    detail: str
    of: str


RealtimeEvent = (
    SessionCreated
    | SessionUpdated
    | Committed
    | HeardPart
    | HeardAll
    | NotHeard
    | ItemAdded
    | ResponseCreated
    | ItemBegun
    | Working
    | AudioPart
    | SpokenPart
    | AudioWhole
    | SpokenWhole
    | ItemDone
    | Called
    | ResponseDone
    | Trouble
)


class _Raw(msgspec.Struct):
    type: str
    delta: Any = ""
    item_id: str = ""
    response_id: str = ""
    transcript: str = ""
    session: Any = None
    item: Any = None
    response: Any = None
    error: Any = None
    usage: Any = None


_decode = msgspec.json.Decoder(_Raw).decode


def parse(message: str | bytes) -> RealtimeEvent | None:
    """One message's event. Raises ProviderError (BROKEN) for what is none."""
    try:
        raw = _decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ProviderError(NAME, "realtime", Fault.BROKEN, "a message that is no event") from None
    read = _READ.get(raw.type)
    return read(raw) if read is not None else None


def _sound(raw: _Raw) -> AudioPart:
    try:
        return AudioPart(raw.response_id, raw.item_id, a2b_base64(raw.delta))
    except (binascii.Error, TypeError, ValueError):
        raise ProviderError(NAME, "realtime", Fault.BROKEN, "sound that is no base64") from None


def _heard(raw: _Raw) -> HeardAll:
    lasted = seconds(raw.usage)
    told = {**tokens(raw.usage), **({} if lasted is None else {"seconds": lasted})}
    return HeardAll(raw.item_id, raw.transcript, told or None)


def _not_heard(raw: _Raw) -> NotHeard:
    error = _dict(raw.error)
    return NotHeard(raw.item_id, _fault(error), _detail(error))


def _created(raw: _Raw) -> SessionCreated:
    expires = _number(_dict(raw.session).get("expires_at"))
    return SessionCreated(float(expires) if expires > 0 else None)


def _added(raw: _Raw) -> ItemAdded:
    item = _dict(raw.item)
    return ItemAdded(_text(item.get("id")), _text(item.get("type")), _text(item.get("role")))


def _responding(raw: _Raw) -> ResponseCreated:
    response = _dict(raw.response)
    return ResponseCreated(_text(response.get("id")), _asked(response))


def _begun(raw: _Raw) -> ItemBegun:
    item = _dict(raw.item)
    return ItemBegun(raw.response_id, _text(item.get("id")), _text(item.get("type")))


def _item_done(raw: _Raw) -> Called | ItemDone:
    item = _dict(raw.item)
    whole = _is_whole(item)
    if item.get("type") != "function_call" or not whole:
        return ItemDone(raw.response_id, _text(item.get("id")), whole)
    call = ToolCall(_text(item.get("call_id")), _text(item.get("name")), _text(item.get("arguments")) or "{}")
    return Called(raw.response_id, _text(item.get("id")), call)


def _is_whole(item: dict[str, Any]) -> bool:
    """A server that tells no status is taken at its word."""
    return item.get("status") in {"completed", None}


def _trouble(raw: _Raw) -> Trouble:
    error = _dict(raw.error)
    return Trouble(_fault(error), _text(error.get("code")), _detail(error), _text(error.get("event_id")))


def _done(response: dict[str, Any]) -> ResponseDone:
    details = _dict(response.get("status_details"))
    error = _dict(details.get("error"))
    usage = _dict(response.get("usage"))
    status = _text(response.get("status"))
    return ResponseDone(
        _text(response.get("id")),
        _asked(response),
        status,
        _fault(error) if status == "failed" else None,
        _detail(error) or _text(details.get("reason")),
        _number(usage.get("input_tokens")),
        _number(usage.get("output_tokens")),
        tuple(_text(item.get("id")) for item in _list(response.get("output")) if not _is_whole(item)),
        tokens(usage),
    )


def _asked(response: dict[str, Any]) -> str:
    return _text(_dict(response.get("metadata")).get("asked"))


def _fault(error: dict[str, Any]) -> Fault:
    code, kind = _text(error.get("code")), _text(error.get("type"))
    fault = TROUBLE_FAULTS.get(code) or fault_of(code or kind)
    return Fault.REFUSED if fault is Fault.BROKEN and kind == "invalid_request_error" else fault


def _detail(error: dict[str, Any]) -> str:
    return " ".join(part for key in ("code", "param", "message") if (part := _text(error.get(key))))[:DETAIL_LENGTH]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


_READ: dict[str, Callable[[_Raw], RealtimeEvent | None]] = {
    "response.output_audio.delta": _sound,
    "response.output_audio_transcript.delta": lambda raw: SpokenPart(raw.response_id, raw.item_id, _text(raw.delta)),
    "response.output_audio.done": lambda raw: AudioWhole(raw.response_id, raw.item_id),
    "response.output_audio_transcript.done": lambda raw: SpokenWhole(raw.response_id, raw.item_id, raw.transcript),
    "response.output_item.added": _begun,
    "response.content_part.added": lambda raw: Working(raw.response_id),
    "response.function_call_arguments.delta": lambda raw: Working(raw.response_id),
    "conversation.item.input_audio_transcription.delta": lambda raw: HeardPart(raw.item_id, _text(raw.delta)),
    "conversation.item.input_audio_transcription.completed": _heard,
    "conversation.item.input_audio_transcription.failed": _not_heard,
    "input_audio_buffer.committed": lambda raw: Committed(raw.item_id),
    "session.created": _created,
    "session.updated": lambda _: SessionUpdated(),
    "conversation.item.added": _added,
    "response.created": _responding,
    "response.output_item.done": _item_done,
    "response.done": lambda raw: _done(_dict(raw.response)),
    "error": _trouble,
}
