"""Twilio's media-stream messages: text in, typed records out, and our three messages back.

Reading is tolerant: unknown keys and events are ignored, because the carrier adds them without notice. Writing is
strict: exactly the documented keys, nothing else, or the carrier discards the message (error 31951).
"""

from __future__ import annotations

import base64
from typing import Annotated

import msgspec

from agent.errors import WireError


class MediaFormat(msgspec.Struct, frozen=True, rename="camel"):
    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8000
    channels: int = 1


class StartBody(msgspec.Struct, frozen=True, rename="camel"):
    stream_sid: str
    account_sid: str
    call_sid: str
    tracks: tuple[str, ...] = ()
    media_format: MediaFormat = MediaFormat()
    custom_parameters: dict[str, str] = {}


class MediaBody(msgspec.Struct, frozen=True):
    payload: bytes
    """Raw mu-law; base64 on the wire. Usually 160 bytes, any length allowed."""
    track: str = "inbound"
    timestamp: str = ""
    """Milliseconds since the stream began, roughly: first values of 100 to 170 and steps of 19 to 21 are usual."""


class DtmfBody(msgspec.Struct, frozen=True):
    digit: str


class MarkBody(msgspec.Struct, frozen=True):
    name: str


class Connected(msgspec.Struct, frozen=True, tag_field="event", tag="connected"):
    protocol: str = ""
    version: str = ""


class Start(msgspec.Struct, frozen=True, tag_field="event", tag="start"):
    start: StartBody


class Media(msgspec.Struct, frozen=True, tag_field="event", tag="media"):
    media: MediaBody


class Dtmf(msgspec.Struct, frozen=True, tag_field="event", tag="dtmf"):
    dtmf: DtmfBody


class Mark(msgspec.Struct, frozen=True, tag_field="event", tag="mark"):
    mark: MarkBody


class TypedBody(msgspec.Struct, frozen=True):
    text: Annotated[str, msgspec.Meta(max_length=500)]


class Typed(msgspec.Struct, frozen=True, tag_field="event", tag="typed"):
    """None of the carrier's: the console's softphone sends what was typed instead of said."""

    typed: TypedBody


class Stop(msgspec.Struct, frozen=True, tag_field="event", tag="stop"):
    """The call has ended, or has been given other instructions."""


class Unknown(msgspec.Struct, frozen=True):
    """An event this version knows nothing about."""

    event: str


Message = Connected | Start | Media | Dtmf | Mark | Typed | Stop
EVENTS = frozenset({"connected", "start", "media", "dtmf", "mark", "typed", "stop"})

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_event_decoder = msgspec.json.Decoder(Unknown)


def decode(text: str | bytes) -> Message | Unknown:
    """One message from the carrier. Raises WireError for what is no JSON, or a known event without its body."""
    if isinstance(text, bytes):
        raise WireError("a binary frame: media-stream messages are JSON text")
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        try:
            unknown = _event_decoder.decode(text)
        except msgspec.MsgspecError:
            raise WireError(f"a message without an event: {error}") from None
        if unknown.event in EVENTS:
            raise WireError(f"a malformed {unknown.event} message: {error}") from None
        return unknown
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from None


class Encoder:
    """Our messages for one stream, envelope written once."""

    def __init__(self, stream_sid: str) -> None:
        sid = msgspec.json.encode(stream_sid).decode()
        self._media = f'{{"event":"media","streamSid":{sid},"media":{{"payload":"'
        self._mark = f'{{"event":"mark","streamSid":{sid},"mark":{{"name":'
        self._clear = f'{{"event":"clear","streamSid":{sid}}}'

    def media(self, mulaw: bytes) -> str:
        """Audio to be queued behind all earlier audio: raw mu-law without any header."""
        return f'{self._media}{base64.b64encode(mulaw).decode("ascii")}"}}}}'

    def mark(self, name: str) -> str:
        """A question: it comes back once everything queued before it has played, or was cleared."""
        return f"{self._mark}{msgspec.json.encode(name).decode()}}}}}"

    def clear(self) -> str:
        """Throw away all queued audio. Pending marks come back, though nobody heard what they stood for."""
        return self._clear
