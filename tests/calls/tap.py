"""A media socket with an ear on it: what the server sent and when, and a carrier that can lose marks."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

import trio

from agent.wire.ports import MediaSocket


@dataclass(frozen=True)
class Sent:
    """One message of the server's."""

    at_ms: float
    event: str
    mulaw: bytes = b""


class Tap:
    """Wraps the server's end of a call."""

    def __init__(self, socket, *, deaf_to_marks: bool = False) -> None:
        self._socket = socket
        self._deaf = deaf_to_marks
        self._began = trio.current_time()
        self.sent: list[Sent] = []

    async def send(self, text: str) -> None:
        message = json.loads(text)
        sound = base64.b64decode(message["media"]["payload"]) if message["event"] == "media" else b""
        self.sent.append(Sent((trio.current_time() - self._began) * 1000, message["event"], sound))
        await self._socket.send(text)

    async def receive(self):
        while True:
            raw = await self._socket.receive()
            if not (self._deaf and isinstance(raw, str) and '"event":"mark"' in raw.replace(" ", "")):
                return raw

    each = MediaSocket.each

    def __getattr__(self, name: str):
        return getattr(self._socket, name)

    @property
    def furthest_ahead_ms(self) -> float:
        """How much of what was sent was not to be heard yet, at most."""
        most, end = 0.0, 0.0
        for sent in self.sent:
            if sent.event == "clear":
                end = sent.at_ms
            end = max(end, sent.at_ms) + len(sent.mulaw) / 8
            most = max(most, end - sent.at_ms)
        return most
