"""The API for records and calls: who is let in asks; JSON, transcripts, sounds and files are the answer."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
import structlog
from quart import Blueprint, g, request
from quart_schema import document_response
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.errors import NotKept, StoreError
from agent.keep.asked import number as in_full
from agent.keep.erasure import Erased
from agent.web.calling_out import CallingOut
from agent.web.calls import add_calls
from agent.web.cors import add_cors
from agent.web.entrance import Entrance
from agent.web.export import add_export
from agent.web.given import Given
from agent.web.live import add_live
from agent.web.ports import Records, Watching
from agent.web.problem import problem
from agent.web.replays import add_replays
from agent.web.route import route
from agent.web.scoring import add_scoring
from agent.web.spending import Spending, add_spend
from agent.web.standing import Bulletin, add_standing

AGAIN_S = 5
"""Until a store that is away is worth asking again."""

OFTEN = "/api/standing"
"""What an open page asks for every few seconds."""

log = structlog.get_logger(__name__)


def api_routes(
    settings: Settings,
    records: Records,
    entrance: Entrance | None = None,
    calling_out: CallingOut | None = None,
    spending: Spending | None = None,
    bulletin: Bulletin | None = None,
    watching: Watching | None = None,
) -> Blueprint:
    """Without an entrance, one that knows API_TOKEN alone; without a bulletin nobody is told how the process stands,
    and without `watching` no call can be watched."""
    routes = Blueprint("api", __name__, url_prefix="/api")
    entrance = entrance or Entrance(settings)
    zone = ZoneInfo(settings.TIMEZONE)
    add_cors(routes, entrance.readers)
    routes.before_request(entrance.check)

    @routes.after_request
    async def told(response: Response) -> Response:
        if visitor := g.get("visitor"):
            tell = log.debug if route() == OFTEN else log.info
            tell("api", who=visitor.who, method=request.method, route=route(), status=response.status_code)
        return response

    calling_out = calling_out or CallingOut()
    add_calls(routes, records, zone)
    add_replays(routes, settings, records)
    add_scoring(routes)
    add_export(routes, records, zone)
    _add_erasing(routes, records)
    add_spend(routes, spending)
    if bulletin is not None:
        add_standing(routes, bulletin)
    if watching is not None:
        add_live(routes, settings, watching, calling_out.hang_up)
    calling_out.add_to(routes, settings)
    _add_refusals(routes)
    return routes


def _add_erasing(routes: Blueprint, records: Records) -> None:
    @routes.delete("/callers/<number>")
    @document_response(Erased)
    async def forget(number: str) -> Response:
        """Erase what is kept of a person's calls, by their number: records, sounds, journals.

        A call that goes on is not erased, and is counted. Asking again finishes what could not be done.
        """
        given = Given()
        known = given.take("number", number, in_full, "")
        given.check()
        try:
            erased = await records.erase(known, f"the API, {g.visitor.who}")
        except StoreError as error:
            log.error("an erasure cannot be told, and is not done", error=str(error))  # noqa: TRY400  no traceback
            return problem(503, "Nothing is erased: the audit log cannot be written. See the server's log.")
        if erased.failed:
            detail = "Not everything could be erased. Ask again: what is erased stays so, and the rest is tried again."
            told = msgspec.to_builtins(erased)
            return problem(503, detail, headers={"Retry-After": str(AGAIN_S)}, more={"erased": told})
        return Response(msgspec.json.encode(erased), content_type="application/json")


def _add_refusals(routes: Blueprint) -> None:
    @routes.errorhandler(NotKept)
    async def gone(_: NotKept) -> Response:
        return problem(404, "Its sound is not in the store any more.")

    @routes.errorhandler(StoreError)
    async def away(error: StoreError) -> Response:
        log.warning("the store does not answer the API", error=str(error))
        return problem(503, "The store does not answer. Try again.", headers={"Retry-After": str(AGAIN_S)})
