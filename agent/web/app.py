"""The HTTP face: settings, the token maker and the process's state in, a QuartTrio application out.

No answer leaves before its request was read to the end: with hypercorn, one that does can stall the connection. Every
error is a small JSON document; none shows our inside.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from quart import request
from quart_trio import QuartTrio
from quart_trio.wrappers import TrioResponse as Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from agent.config import Settings
from agent.errors import AskedWrongly
from agent.guard.tokens import Tokens
from agent.lines import Lines
from agent.web.api import api_routes
from agent.web.calling_out import CallingOut
from agent.web.console.about import add_about
from agent.web.console.files import console_files
from agent.web.entrance import Entrance
from agent.web.headers import add_security_headers
from agent.web.health import health_routes
from agent.web.metrics import Others, Readings, metrics_route
from agent.web.openapi import openapi_route
from agent.web.ports import Records, Watching
from agent.web.problem import asked_wrongly, problem
from agent.web.rates import Limits, add_rates
from agent.web.route import route
from agent.web.security import Gate
from agent.web.session import session_routes
from agent.web.softphone import add_softphone
from agent.web.spending import Spending
from agent.web.standing import Bulletin
from agent.web.state import ProcessState
from agent.web.transfer import HandedOver
from agent.web.tries import Tries
from agent.web.twilio import twilio_routes
from agent.web.ways_back import WaysBack

MAX_BODY = 64 * 1024
"""Bytes. Twilio's forms are around 1 KB."""
BODY_S = 10
"""For a whole body to arrive."""

log = structlog.get_logger(__name__)


def create_app(
    settings: Settings,
    tokens: Tokens,
    state: ProcessState,
    gate: Gate,
    lines: Lines,
    handed_over: HandedOver,
    records: Records | None = None,
    now: Callable[[], float] = time.time,
    *,
    entrance: Entrance | None = None,
    readings: Readings = tuple,
    calling_out: CallingOut | None = None,
    limits: Limits | None = None,
    spending: Spending | None = None,
    softphones: Tokens | None = None,
    ways: WaysBack | None = None,
    others: Others | None = None,
    tries: Tries | None = None,
    bulletin: Bulletin | None = None,
    watching: Watching | None = None,
) -> QuartTrio:
    """`handed_over` is asked for calls that another process held; without `records` there is no API; `now` is the time
    the tokens are stamped with, in seconds since the epoch. Without an `entrance`, API_TOKEN is the only key;
    `readings` is how the process stands, for /metrics. Without `spending`, calls cost what they do; without tokens for
    `softphones` there are none. Without `ways` back a call is over with its stream. `others` are the workers behind
    the same port, where there are any. `tries`: what softphones' calls are to try. The `bulletin` tells people how all
    stands. Without `watching` no call can be watched while it goes on."""
    app = QuartTrio(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, BODY_TIMEOUT=BODY_S)
    app.url_map.merge_slashes = False  # a redirect would lose Twilio's form
    news = calling_out.news if calling_out else None
    twilio = twilio_routes(settings, tokens, state, gate, lines, handed_over, now, news, spending, ways)
    app.register_blueprint(health_routes(state, now))
    add_security_headers(app, settings)
    entrance = entrance or Entrance(settings, now=now)
    app.register_blueprint(metrics_route(entrance, readings, others))
    if records is not None:
        api = api_routes(settings, records, entrance, calling_out, spending, bulletin, watching)
        if softphones is not None:
            add_softphone(api, settings, softphones, state, gate, lines, now, spending, tries)
        add_about(api, settings, lines, calls_out=calling_out is not None and calling_out.placing is not None)
        app.register_blueprint(console_files())
        faces = [api]
        if entrance.sessions is not None:
            faces.append(session_routes(settings, entrance, entrance.sessions))
        for face in (*faces, openapi_route(*faces)):
            app.register_blueprint(face)

    @app.before_request
    async def read_it_all() -> None:
        await request.get_data()

    add_rates(app, twilio, limits or Limits(settings), now)
    app.register_blueprint(twilio)

    @app.errorhandler(HTTPException)
    async def refused(error: HTTPException) -> Response:
        status = error.code or 500
        response = problem(status, error.description or "", close=status in {408, 413})
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(error.valid_methods)
        return response

    @app.errorhandler(AskedWrongly)
    async def wrong(error: AskedWrongly) -> Response:
        return asked_wrongly(error)

    @app.errorhandler(Exception)
    async def failed(error: Exception) -> Response:
        log.error("request failed", route=route(), exc_info=error)
        return problem(500)

    return app
