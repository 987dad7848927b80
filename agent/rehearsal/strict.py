"""Every message a server sends, checked as strictly as Twilio does: raw text or bytes in, media, mark or clear out.

What breaks the protocol comes out as a Violation with the code of Twilio's error dictionary. Twilio only warns, in a
debugger that nobody watches, and ignores the message; a rehearsal counts each.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.rehearsal.playback import LIMIT, Clear, Mark, Media, Message

UNDECODABLE = 31950
BAD_MESSAGE = 31951
TOO_MUCH_AUDIO = 31931

_KEYS = {
    "media": {"event", "streamSid", "media"},
    "mark": {"event", "streamSid", "mark"},
    "clear": {"event", "streamSid"},
}
_INNER = {"media": "payload", "mark": "name"}
_HEADERS = {b"RIFF": "a WAV", b"ID3": "an MP3"}
LATE_MS = 1000
"""Messages may cross the stop on the wire; later than this after it they were sent to nobody."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that Twilio would refuse, ignore or warn about."""

    code: int
    """Of Twilio's error dictionary."""
    what: str
    at_ms: float = 0


class Strictness:
    """One stream's judge."""

    def __init__(self, stream_sid: str, messages: Counter[str] | None = None) -> None:
        self._sid = stream_sid
        self._ended_ms: float | None = None
        self.messages: Counter[str] = Counter() if messages is None else messages
        """What arrived, by event; faulty ones as "faulty". Counted on where some were given."""

    def end(self, now_ms: float) -> None:
        """The stream has stopped: nothing may follow, but for what is already on the wire."""
        self._ended_ms = now_ms

    def check(self, message: str | bytes, now_ms: float) -> Message | Violation:
        """What the message asks for, or what is wrong with it."""
        checked = self._checked(message, now_ms)
        self.messages["faulty" if isinstance(checked, Violation) else type(checked).__name__.lower()] += 1
        return checked

    def _checked(self, message: str | bytes, now_ms: float) -> Message | Violation:
        if isinstance(message, bytes):
            return Violation(UNDECODABLE, f"a binary frame of {len(message)} bytes", now_ms)
        if self._ended_ms is not None and now_ms - self._ended_ms > LATE_MS:
            late = (now_ms - self._ended_ms) / 1000
            return Violation(BAD_MESSAGE, f"sent {late:.1f} s after the stream stopped: {_short(message)}", now_ms)
        try:
            return _parse(message, self._sid)
        except ValueError as fault:
            return Violation(BAD_MESSAGE, f"{fault}: {_short(message)}", now_ms)


def _parse(message: str, stream_sid: str) -> Message:
    try:
        fields = msgspec.json.decode(message)
    except msgspec.DecodeError:
        raise ValueError("not JSON") from None
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  one kind of error for one kind of fault
    event = fields.get("event")
    if not isinstance(event, str) or event not in _KEYS:
        raise ValueError(f"unknown event {event!r}")
    _only(fields, _KEYS[event], f"the {event} message")
    if fields["streamSid"] != stream_sid:
        raise ValueError(f"the streamSid is not {stream_sid}")
    if event == "clear":
        return Clear()
    body, key = fields[event], _INNER[event]
    if not isinstance(body, dict):
        raise ValueError(f"{event} is not an object")  # noqa: TRY004
    _only(body, {key}, f"the {event} object")
    value = body[key]
    if not isinstance(value, str):
        raise ValueError(f"{event}.{key} is not a string")  # noqa: TRY004
    return Mark(value) if event == "mark" else Media(_payload(value))


def _payload(text: str) -> bytes:
    try:
        mulaw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"the payload is not base64 ({error})") from None
    if not mulaw:
        raise ValueError("the payload is empty")
    if len(mulaw) > LIMIT:
        raise ValueError(f"a payload of {len(mulaw)} bytes is more than ten minutes")
    for header, kind in _HEADERS.items():
        if mulaw.startswith(header):
            raise ValueError(f"the payload begins with {kind} file's header, which would be heard as noise")
    return mulaw


def _only(fields: dict[str, Any], allowed: set[str], where: str) -> None:
    missing, extra = allowed - fields.keys(), fields.keys() - allowed
    if missing:
        raise ValueError(f"{where} lacks {', '.join(sorted(missing))}")
    if extra:
        raise ValueError(f"{where} has the extra field {', '.join(sorted(extra))}")


def _short(message: str) -> str:
    return message if len(message) <= 100 else message[:100] + "..."
