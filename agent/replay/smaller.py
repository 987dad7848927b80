"""A recording made fit to be kept beside code: without telephone numbers, names of accounts and machines, and settings
that no call looks at; without sound too, if asked.

Every text keeps its length. What the call sends and asks then differs, and is adopted by `nurseries.replay.kept`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from agent.replay.events import Asked, Blob, Command, Event, Fed, Header, Told, Value

PHONE = re.compile(r"(?<!\w)(?<!\d\.)\+?\d(?:[ -]?\d){6,}(?!\w|\.\d)")
"""Seven digits or more; no part of a name, nor of a number with a point."""

MULAW_SILENCE, PCM_SILENCE = b"\xff", b"\0"


class Smaller:
    """One recording's."""

    def __init__(self, header: Header, *, audio: bool, settings: frozenset[str]) -> None:
        """`settings` are those that are kept."""
        info = header.info
        self._known: Mapping[str, str] = {
            str(info.get(name)): re.sub(r"\d", "0", str(info[name])) for name in ("caller", "called") if info.get(name)
        } | {
            str(info[name]): str(info[name])[:2] + "0" * (len(str(info[name])) - 2)
            for name in ("call_sid", "account_sid", "stream_sid")
            if info.get(name)
        }
        self._process = header.process
        self._audio = audio
        self._settings = settings
        self._ports: list[str] = []
        self._pcm: set[str] = set()

    def header(self, header: Header) -> Header:
        """Its first line."""
        kept = {name: value for name, value in header.settings.items() if name in self._settings}
        return msgspec.structs.replace(
            header,
            info=self._plain(header.info),
            settings=self._plain(kept),
            profile=self._plain(header.profile),
            process="kept",
            before=self._plain(header.before),
            errand=self._plain(header.errand),
        )

    def events(self, events: list[Event]) -> list[Event]:
        """The rest of it."""
        return [self._event(event) for event in self._sounds_noted(events)]

    def _sounds_noted(self, events: list[Event]) -> list[Event]:
        ports = [event.port for event in events if isinstance(event, Asked)]
        self._pcm = {
            str(event.value)
            for event in events
            if isinstance(event, Fed) and event.how == "piece" and ports[event.ask] == "speak"
        }
        self._ports = ports
        return events

    def _event(self, event: Event) -> Event:
        made = event
        match event:
            case Asked(port, what, about):
                made = Asked(port, what if port in {"hear", "think"} else self._text(what), self._text(about))
            case Fed(ask, how, value, at_once):
                made = Fed(ask, how, self._fed(self._ports[ask], how, value), at_once)
            case Value(port, value, about):
                made = Value(port, self._value(port, value), self._text(about))
            case Blob(name, data) if not self._audio:
                made = Blob(name, (PCM_SILENCE if name in self._pcm else MULAW_SILENCE) * len(data))
            case Command(name, arguments):
                made = Command(name, [self._text(each) for each in arguments])
            case Told(name, fields):
                made = Told(name, self._plain(fields))
        return made

    def _value(self, port: str, value: Any) -> Any:
        match port, value:
            case "cache", _:
                return value
            case "clip" | "phrase", [name, text, sound]:
                return [name, self._text(text), sound]
        return self._plain(value)

    def _fed(self, port: str, how: str, value: Any) -> Any:
        if port == "speak" and how == "piece":
            return value
        if port != "receive":
            return self._plain(value)
        return self._received(value) if isinstance(value, str) else value

    def _received(self, message: str) -> str:
        try:
            body = msgspec.json.decode(message)
        except msgspec.MsgspecError:
            return message
        match body:
            case {"event": "media", "media": {"payload": str(payload), **rest}}:
                if not self._audio:
                    payload = msgspec.json.decode(msgspec.json.encode(MULAW_SILENCE * _length(payload)))
                told = {name: rest[name] for name in ("track", "timestamp") if name in rest}
                return msgspec.json.encode({"event": "media", "media": {**told, "payload": payload}}).decode()
            case {"event": "mark", "mark": mark}:
                return msgspec.json.encode({"event": "mark", "mark": mark}).decode()
            case {"event": "dtmf", "dtmf": dtmf}:
                return msgspec.json.encode({"event": "dtmf", "dtmf": dtmf}).decode()
            case {"event": str(event)}:
                return msgspec.json.encode({"event": event}).decode()
        return message

    def _plain(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {name: self._plain(each) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._plain(each) for each in value]
        return value

    def _text(self, text: str) -> str:
        if text == self._process:
            return "kept"
        for known, instead in self._known.items():
            text = text.replace(known, instead)
        return PHONE.sub(lambda found: re.sub(r"\d", "0", found[0]), text)


def _length(payload: str) -> int:
    """Of what base64 stands for."""
    return len(payload) * 3 // 4 - payload[-2:].count("=")
