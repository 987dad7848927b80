"""Calls while they go on, over HTTP: who may read asks; server-sent events are the answer, until they end."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from quart import Blueprint, request
from quart_trio.wrappers import TrioResponse as Response

from agent.web.given import Given
from agent.web.ports import Watching
from agent.web.problem import problem
from agent.web.streamed import streamed

EVENTS = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A proxy that gathers an answer before it passes it on would show nothing."""


def add_live(routes: Blueprint, watching: Watching) -> None:
    """Let these routes tell of calls that go on."""

    @routes.get("/live")
    async def live_calls() -> Response:
        """The calls that go on, as server-sent events: `calls` tells all of them, `changed` what has changed since.

        Of what is told of a call, `turns` counts answers, and `score` is the lead's so far. The answer ends by itself
        after some minutes, or when the process leaves: ask again.
        """
        Given().check()
        return _events(watching.calls(), "the live calls")

    @routes.get("/live/<call_sid>")
    async def live_call(call_sid: str) -> Response:
        """What goes on in one call, as server-sent events: `call`, then `moment` by `moment`, and its `record` as it
        grows; `end` is the last.

        Moments have an `id`: with it as Last-Event-ID, those behind it are told.
        """
        Given().check()
        if not watching.watchable(call_sid):
            return problem(404, f"There is no call {call_sid[:60]} that goes on.")
        return _events(watching.call(call_sid, _last()), "a live call")


def _last() -> int:
    """What the client has seen last; 0 where it does not tell, or not in our words."""
    told = request.headers.get("Last-Event-ID", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 16 else 0


def _events(pieces: AsyncGenerator[bytes, None], what: str) -> Response:
    quiet = request.method == "HEAD"
    response: Response = Response(b"" if quiet else streamed(pieces, what), content_type=EVENTS, headers=_HEADERS)
    if quiet:
        response.headers.pop("Content-Length", None)
    response.timeout = None  # as long as it goes on: the connection bounds each write
    return response
