"""Web pages of other origins that may use the API: the settings' list in, the headers that browsers ask for out."""

from __future__ import annotations

from quart import Blueprint, current_app, request
from quart_trio.wrappers import TrioResponse as Response

from agent.web.problem import nothing
from agent.web.readers import Readers

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Range",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "Accept-Ranges, Content-Disposition, Content-Range, Location, Recording-Missing, Retry-After"


def _methods() -> set[str]:
    """Of all routes at the present address."""
    here = request.url_rule.rule if request.url_rule is not None else ""
    return {method for each in current_app.url_map.iter_rules() if each.rule == here for method in each.methods or ()}


def add_cors(routes: Blueprint, readers: Readers) -> None:
    """Let pages of the origins that `readers` names use these routes. To be added before who asks is looked at: a
    browser's first question shows no token."""

    @routes.before_request
    async def preflight() -> Response | None:
        if request.method != "OPTIONS":
            return None
        response = nothing(Allow=", ".join(sorted(_methods())))
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
