"""How often a client may ask over HTTP: an answer 429 that says when to come back.

What is refused (a signature, a login, a handshake) is counted by client, and only what is refused is ever limited by
that count: Twilio comes from many addresses, maybe through the same proxy as a stranger, and what it signs passes
whatever others do. What passes has a ceiling for all webhooks together. In the API everything counts alike, with a
wrong key or a right one.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable

import msgspec
from quart import Blueprint, Quart, request
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.guard import client as clients
from agent.guard.limits import Limiter
from agent.web.problem import MEDIA_TYPE, problem

MINUTE = 60.0
_FREE = ("/health", "/twilio")
"""Asked by supervisors, and limited otherwise."""
_GUARDED = ("/twilio", "/session")
"""Where refusals are counted."""


class Limits:
    """One process's."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Without settings: by their defaults."""
        settings = settings or Settings.model_construct()
        self.trusted = settings.trusted_proxies
        salt = secrets.token_bytes(16)
        self.refused = Limiter(settings.REFUSED_RATE, MINUTE, salt)
        self.api = Limiter(settings.API_RATE, MINUTE, salt)
        self.webhooks = Limiter(settings.WEBHOOK_RATE, MINUTE, salt)

    def is_trusted(self, peer: str) -> bool:
        """Whether this is a proxy of ours."""
        return clients.is_trusted(peer, self.trusted)

    def client(self, peer: str, forwarded: str) -> str:
        """Whom a request of this peer's is counted for."""
        return clients.client(peer, forwarded, self.trusted)


def add_rates(app: Quart, webhooks: Blueprint, limits: Limits, now: Callable[[], float]) -> None:
    """Limit this application, once requests are read. `webhooks`: routes whose requests were let in before."""

    @app.before_request
    async def asked() -> Response | None:
        wait = 0.0 if request.path.startswith(_FREE) else limits.api.take(_client(limits), now())
        return too_many(wait) if wait else None

    @webhooks.before_request
    async def passed() -> Response | None:
        wait = limits.webhooks.take("", now())
        return too_many(wait) if wait else None

    @app.after_request
    async def refused(response: Response) -> Response:
        if response.status_code in {401, 403} and request.path.startswith(_GUARDED):
            wait = limits.refused.take(_client(limits), now())
            if wait:
                _turn(response, wait)
        return response


def too_many(wait_s: float) -> Response:
    """Come back in so many seconds."""
    response = problem(429)
    _turn(response, wait_s)
    return response


def _turn(response: Response, wait_s: float) -> None:
    """In place, so that it keeps what others say in its headers."""
    seconds = max(math.ceil(wait_s), 1)
    detail = f"Too many requests from your address. Ask again in {seconds} s."
    response.status_code = 429
    response.headers.pop("WWW-Authenticate", None)
    response.headers["Retry-After"] = str(seconds)
    response.headers["Content-Type"] = MEDIA_TYPE
    response.set_data(msgspec.json.encode({"status": 429, "title": "Too Many Requests", "detail": detail}))


def _client(limits: Limits) -> str:
    peer = request.scope.get("client") or ("", 0)
    return limits.client(str(peer[0]), ",".join(request.headers.getlist("X-Forwarded-For")))
