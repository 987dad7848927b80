"""The console's sessions: a key shown once in, a cookie out that stands for it, until either of them ends.

The cookie cannot be read by scripts, is not sent along from other sites, and in production goes over TLS only.
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from quart import Blueprint, request
from quart_schema import document_request, document_response
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.errors import AskedWrongly, StoreError
from agent.guard.api_keys import SCOPES, ApiKey, Scope, covers
from agent.guard.bounded_json import read
from agent.guard.sessions import Sessions
from agent.web.entrance import Entrance, Visitor, away, challenge
from agent.web.origin import same_origin
from agent.web.problem import nothing, problem

_BODY = 'The body must be {"key": "ca_..."} as application/json, and nothing else.'

log = structlog.get_logger(__name__)


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a session is begun with."""

    key: str


class SessionAnswer(msgspec.Struct, frozen=True):
    """Who is there, and what they may do."""

    who: str
    scopes: tuple[Scope, ...]
    expires_at: float | None = None
    """Seconds since the epoch; null: this is no session, but a key, or a program of this machine."""


def session_routes(settings: Settings, entrance: Entrance, sessions: Sessions) -> Blueprint:
    routes = Blueprint("session", __name__, url_prefix="/session")
    cookie: dict[str, Any] = {"path": "/", "secure": settings.production, "httponly": True, "samesite": "Strict"}

    @routes.before_request
    async def from_here() -> Response | None:
        """A page of somebody else must not begin or end a session in our visitor's browser."""
        told = request.method in {"POST", "DELETE"} and {"Origin", "Sec-Fetch-Site"} & set(request.headers.keys())
        if told and not same_origin(request.headers, entrance.public):
            return problem(403, "Sessions are begun and ended from this server's own pages only.")
        return None

    @routes.post("")
    @document_request(Shown)
    @document_response(SessionAnswer)
    async def begin() -> Response:
        """Begin a session with an API key. The cookie lasts SESSION_HOURS at most, and no longer than the key."""
        found = await _shown(entrance)
        if isinstance(found, Response):
            return found
        visitor = Visitor(found.scope, found, sessions.end_of(found, entrance.now()))
        log.info("session begun", who=visitor.who)
        response = _told(visitor)
        sealed = sessions.begin(found, entrance.now())
        response.set_cookie(entrance.cookie, sealed, max_age=int(sessions.ttl_s), **cookie)
        return response

    @routes.get("")
    @document_response(SessionAnswer)
    async def who() -> Response:
        """Who this is, and what they may do."""
        found = await entrance.visitor(request)
        return found if isinstance(found, Response) else _told(found)

    @routes.delete("")
    async def end() -> Response:
        """End the session in this browser."""
        response = nothing()
        response.delete_cookie(entrance.cookie, **cookie)
        return response

    return routes


async def _shown(entrance: Entrance) -> ApiKey | Response:
    """The valid key in the request's body."""
    if request.mimetype != "application/json":
        return problem(415, _BODY)
    raw: bytes = await request.get_data(as_text=False)  # type: ignore[assignment]  # as it is called
    try:
        shown = read(raw, Shown)
    except AskedWrongly:
        return problem(400, _BODY)
    try:
        key = await entrance.holder(shown.key)
    except StoreError as error:
        return away(error)
    if key is None:
        log.warning("session refused")
        return problem(401, "This key is not valid.", headers=challenge())
    return key


def _told(visitor: Visitor) -> Response:
    scopes = tuple(scope for scope in SCOPES if covers(visitor.scope, scope))
    answer = SessionAnswer(visitor.who, scopes, visitor.ends_at)
    return Response(msgspec.json.encode(answer), content_type="application/json")
