"""Log lines that strangers can cause: each kind once for a client and minute, so that a flood fills no disk."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

from agent.guard.limits import Limiter

STRANGERS = frozenset(
    {
        "api refused",
        "malformed message",
        "media socket cut off",
        "media socket refused",
        "peer broke the protocol",
        "peer does not read",
        "session refused",
        "signature does not fit",
        "too many connections",
        "too many media sockets",
        "webhook parameter ignored",
    }
)


class Seldom:
    """A processor of structlog's. `client` in the context is whom to count by, and is told on such lines only."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._said = Limiter(1, 60.0, secrets.token_bytes(16))

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        client = event.pop("client", "")
        name = event.get("event")
        if name not in STRANGERS:
            return event
        if self._said.take(f"{name} {client}", self._now()):
            raise structlog.DropEvent
        return {**event, "client": client} if client else event
