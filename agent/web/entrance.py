"""Who gets into the API and the console: a request in, a visitor or a refusal out.

Three ways: a key (`Authorization: Bearer`), a session that was begun with one (the console's cookie), or, in
development on a loopback address, being a program of this machine. What a visitor may do is the key's scope; what a
route asks for is on the route (`agent/web/scope.py`). Refusals are those of RFC 6750.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from quart import Request, current_app, g, request
from quart_trio.wrappers import TrioResponse as Response
from werkzeug.datastructures import Headers

from agent.config import Settings
from agent.errors import StoreError
from agent.guard.access import Keys
from agent.guard.api_keys import ApiKey, Scope, covers, digest, fits, read_key
from agent.guard.sessions import Sessions
from agent.web.origin import same_origin
from agent.web.problem import problem
from agent.web.readers import Readers
from agent.web.scope import scope_of

AGAIN_S = 5
"""Until a store that is away is worth asking again."""
API_TOKEN = "API_TOKEN"  # noqa: S105  the name of the setting, and of the key that it is
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_MAKE_ONE = "make a key with `calling-agent keys create`, and send it as `Authorization: Bearer <key>`."
_NOBODY = ApiKey("", "", "read", digest(""), 0.0)
"""Compared with where there is no such key, so that this takes as long."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who was let in."""

    scope: Scope
    key: ApiKey | None = None
    """None: a program of this machine."""
    ends_at: float | None = None
    """Of a session, in seconds since the epoch."""

    @property
    def who(self) -> str:
        """For the log and the audit log."""
        if self.key is None:
            return "this machine"
        return API_TOKEN if self.key.key_id == API_TOKEN else f"key {self.key.key_id} ({self.key.name})"


class Entrance:
    """One server's."""

    def __init__(
        self,
        settings: Settings,
        keys: Keys | None = None,
        sessions: Sessions | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Without `keys` there is API_TOKEN alone; `now` is in seconds since the epoch."""
        self.readers = Readers(settings)
        self.sessions = sessions
        self.cookie = "__Host-session" if settings.production else "session"
        self.now = now
        self.public = settings.PUBLIC_URL
        self._open = settings.api == "open"
        self._keys = keys
        token = settings.API_TOKEN.get_secret_value()
        self._token = ApiKey(API_TOKEN, API_TOKEN, "admin", digest(token), 0.0) if token else None

    async def check(self) -> Response | None:
        """Why the present request may not pass, or None; then the visitor is in `g.visitor`."""
        found = await self.visitor(request)
        if isinstance(found, Response):
            return found
        needed = scope_of(current_app.view_functions.get(request.endpoint or ""), request.method)
        if not covers(found.scope, needed):
            log.warning("api refused", why="scope", who=found.who, scope=found.scope, needed=needed)
            return problem(
                403,
                f"This takes the scope {needed}, and the key has {found.scope}.",
                headers=challenge("insufficient_scope", scope=needed),
            )
        g.visitor = found
        return None

    async def visitor(self, asked: Request) -> Visitor | Response:
        """Who asks, or why they may not."""
        found: Visitor | Response | None = None
        try:
            if "Authorization" in asked.headers:
                found = await self._bearer(asked.headers) or _unknown(given=True)
            elif self.cookie in asked.cookies:
                found = await self._session(asked)
        except StoreError as error:
            return away(error)
        if found is not None:
            return found
        if not self._open:
            return _unknown(given=False)
        why = self.readers.stranger(asked.headers)
        if not why:
            return Visitor("admin")
        log.warning("api refused", why=why)
        return problem(403, f"Without a key, only programs on this machine may ask; {why}. Else {_MAKE_ONE}")

    async def holder(self, shown: str) -> ApiKey | None:
        """The valid key that is shown like this. Raises StoreError."""
        if self._token is not None and fits(self._token, shown):
            return self._token
        parts = read_key(shown)
        if parts is None or self._keys is None:
            return None
        key = await self._keys.find(parts[0])
        if not fits(key or _NOBODY, parts[1]) or key is None:
            log.warning("api refused", why="another secret" if key else "no such key", key=parts[0])
            return None
        return await self._valid(key)

    async def _valid(self, key: ApiKey) -> ApiKey | None:
        state = key.state(self.now())
        if state != "valid":
            log.warning("api refused", why=f"the key is {state}", key=key.key_id)
            return None
        if self._keys is not None:
            await self._keys.used(key, self.now())
        return key

    async def _bearer(self, headers: Headers) -> Visitor | None:
        given = headers.getlist("Authorization")
        scheme, _, shown = given[0].partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer":
            return None
        key = await self.holder(shown.strip())
        return None if key is None else Visitor(key.scope, key)

    async def _session(self, asked: Request) -> Visitor | Response | None:
        session = self.sessions and self.sessions.read(asked.cookies[self.cookie], self.now())
        if not session or self.sessions is None:
            return None
        key = self._token if session.key_id == API_TOKEN else None
        if self._keys is not None and key is None:
            key = await self._keys.find(session.key_id)
        if key is None or not self.sessions.of(session, key) or await self._valid(key) is None:
            return None
        if asked.method not in SAFE and not same_origin(asked.headers, self.public):
            log.warning("api refused", why="a session, from another web page", key=key.key_id)
            return problem(403, "With a session, changes are taken from this server's own pages only.")
        return Visitor(key.scope, key, session.expires_at)


def away(error: StoreError) -> Response:
    """Nobody can tell whose key it is."""
    log.warning("nobody can tell whose key this is", error=str(error))
    detail = "The store that knows the keys does not answer. Try again."
    return problem(503, detail, headers={"Retry-After": str(AGAIN_S)})


def _unknown(*, given: bool) -> Response:
    log.warning("api refused", why="no key that fits" if given else "no key")
    detail = f"No key, or none that is valid: {_MAKE_ONE}"
    return problem(401, detail, headers=challenge("invalid_token" if given else ""))


def challenge(error: str = "", **more: str) -> dict[str, str]:
    told = {"realm": "calls"} | ({"error": error} if error else {}) | more
    return {"WWW-Authenticate": "Bearer " + ", ".join(f'{name}="{value}"' for name, value in told.items())}
