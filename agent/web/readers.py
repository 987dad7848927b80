"""Who may use the API: a request's headers in, yes or no out; and which web pages, by their origin.

With API_TOKEN: who shows it. Without it, only in development, on a loopback address and without a PUBLIC_URL: programs
of this machine. A web page is one of them as well, and so is a tunnel; so what a browser or a proxy says about itself
is looked at: the name it asked for (a page whose own name was made to point here keeps its name), the page it comes
from, and whom it speaks for.
"""

from __future__ import annotations

import hashlib
import hmac
import re

import structlog
from quart_trio.wrappers import TrioResponse as Response
from werkzeug.datastructures import Headers

from agent.config import Settings
from agent.web.problem import problem

_HERE = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?")
_SPEAKS_FOR_OTHERS = (
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-Ip",
    "Via",
    "Cf-Connecting-Ip",
    "True-Client-Ip",
)
_SET_A_TOKEN = "set API_TOKEN in the server's environment, and send it as `Authorization: Bearer <token>`."  # noqa: S105

log = structlog.get_logger(__name__)


class Readers:
    """One server's."""

    def __init__(self, settings: Settings) -> None:
        self._policy = settings.api
        self._token = _digest(settings.API_TOKEN.get_secret_value())
        self._origins = frozenset(settings.cors_origins)

    def refusal(self, headers: Headers) -> Response | None:
        """Why this request may not pass, or None. Nothing depends on what it asks for."""
        match self._policy:
            case "token":
                scheme, _, token = headers.get("Authorization", "").partition(" ")
                fits = hmac.compare_digest(_digest(token.strip()), self._token)
                if fits and scheme.lower() == "bearer":
                    return None
                log.warning("api refused", why="no token" if not token else "another token")
                return problem(
                    401,
                    "The API_TOKEN of this server is missing or another: send `Authorization: Bearer <token>`.",
                    headers={"WWW-Authenticate": 'Bearer realm="calls"'},
                )
            case "closed":
                return problem(403, f"The API of this server is closed: {_SET_A_TOKEN}")
        why = self._stranger(headers)
        if why:
            log.warning("api refused", why=why)
            return problem(403, f"Without API_TOKEN, only programs on this machine may ask; {why}. Else {_SET_A_TOKEN}")
        return None

    def page(self, origin: str) -> bool:
        """Whether pages of this origin may use the API from a browser."""
        return origin.lower() in self._origins or ("*" in self._origins and self._policy == "token")

    def _stranger(self, headers: Headers) -> str:
        """What shows that it is one; "" where nothing does."""
        host, origin = headers.get("Host", ""), headers.get("Origin", "")
        if not _HERE.fullmatch(host.lower()):
            return "the Host header is not localhost"
        if any(name in headers for name in _SPEAKS_FOR_OTHERS):
            return "this request comes through a proxy or a tunnel"
        if origin:
            if self.page(origin) or origin.lower() == f"http://{host.lower()}":
                return ""
            return "this request comes from a web page that is not in CORS_ORIGINS"
        if headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            return "this request comes from another web page"
        return ""


def _digest(token: str) -> bytes:
    """Of one length, whatever the token's: a comparison takes the same time."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
