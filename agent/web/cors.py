"""Web pages of other origins that may use the API: the settings' list in, the headers that browsers ask for out."""

from __future__ import annotations

from quart import Blueprint, request
from quart_trio.wrappers import TrioResponse as Response

from agent.web.problem import nothing
from agent.web.readers import Readers

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Range",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "Accept-Ranges, Content-Disposition, Content-Range, Location, Retry-After"


def add_cors(routes: Blueprint, readers: Readers) -> None:
    """Let pages of the origins that `readers` names use these routes. To be added before who asks is looked at: a
    browser's first question shows no token."""

    @routes.before_request
    async def preflight() -> Response | None:
        if request.method != "OPTIONS":
            return None
        response = nothing(Allow="GET, HEAD, OPTIONS, POST, DELETE")
        if readers.page(request.headers.get("Origin", "")):
            response.headers.update(_PREFLIGHT)
        return response

    @routes.after_request
    async def tell(response: Response) -> Response:
        origin = request.headers.get("Origin", "")
        response.headers.add("Vary", "Origin")
        if readers.page(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        return response
