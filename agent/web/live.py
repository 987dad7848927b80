"""Calls while they go on, over HTTP: who may read asks; server-sent events are the answer, until they end. Who may
place calls may end one, or have its caller passed on."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from quart import Blueprint, g, request
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.web.given import Given
from agent.web.orders import HangUp, unended
from agent.web.ports import Watching
from agent.web.problem import problem
from agent.web.scope import needs
from agent.web.streamed import streamed

EVENTS = "text/event-stream"
SOUND = "application/octet-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A proxy that gathers an answer before it passes it on would show nothing."""


def add_live(routes: Blueprint, settings: Settings, watching: Watching, carrier_ends: HangUp | None = None) -> None:
    """Let these routes tell of calls that go on, end them, and pass their callers on. `carrier_ends` ends a call that
    another process holds."""

    @routes.get("/live")
    async def live_calls() -> Response:
        """The calls that go on, as server-sent events: `calls` tells all of them, `changed` what has changed since.

        Of what is told of a call, `turns` counts answers, and `score` is the lead's so far. The answer ends by itself
        after some minutes, or when the process leaves: ask again.
        """
        Given().check()
        return _endless(watching.calls(), "the live calls", EVENTS)

    @routes.get("/live/<call_sid>")
    async def live_call(call_sid: str) -> Response:
        """What goes on in one call, as server-sent events: `call`, then `moment` by `moment`, and its `record` as it
        grows; `end` is the last.

        Moments have an `id`: with it as Last-Event-ID, those behind it are told. Of a call that another process holds
        there is its record alone.
        """
        Given().check()
        if not await watching.where(call_sid):
            return _unknown(call_sid)
        return _endless(watching.call(call_sid, _last()), "a live call", EVENTS)

    @routes.get("/live/<call_sid>/sound")
    async def live_sound(call_sid: str) -> Response:
        """What is heard in one call, from now on: mu-law, 8 kHz, in stereo, a byte of the caller and a byte of the
        agent in turn. Where RECORD_CALLS is on, and from when the caller has been told."""
        Given().check()
        if not settings.RECORD_CALLS:
            return problem(403, "Calls are not listened to here: their callers are not told. Set RECORD_CALLS=on.")
        if refused := await _elsewhere(watching, call_sid):
            return refused
        if not watching.audible(call_sid):
            return problem(409, "This call is not recorded.")
        return _endless(watching.sound(call_sid), "a call's sound", SOUND)

    _add_ends(routes, watching, carrier_ends)


def _add_ends(routes: Blueprint, watching: Watching, carrier_ends: HangUp | None) -> None:
    @routes.post("/live/<call_sid>/hang-up")
    @needs("call")
    async def hang_up(call_sid: str) -> Response:
        """End a call at once, without a goodbye. What was said is kept. A telephone's call that another process holds
        is ended by the carrier."""
        Given().check()
        if await watching.where(call_sid) == "elsewhere" and carrier_ends and not watching.from_browser(call_sid):
            return await unended(carrier_ends, call_sid) or _begun()
        return await _done(watching, call_sid, watching.hang_up)

    @routes.post("/live/<call_sid>/transfer")
    @needs("call")
    async def transfer(call_sid: str) -> Response:
        """Have the caller told that they are connected, and passed on to TRANSFER_TO (of their line, where there are
        several): as soon as what is not to be interrupted is over."""
        return await _done(watching, call_sid, watching.transfer)


def _last() -> int:
    """What the client has seen last; 0 where it does not tell, or not in our words."""
    told = request.headers.get("Last-Event-ID", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 16 else 0


async def _done(watching: Watching, call_sid: str, what: Callable[[str, str], str]) -> Response:
    Given().check()
    if refused := await _elsewhere(watching, call_sid):
        return refused
    why_not = what(call_sid, g.visitor.who)
    return problem(409, why_not) if why_not else _begun()


def _begun() -> Response:
    return Response(b"{}", 202, content_type="application/json")


async def _elsewhere(watching: Watching, call_sid: str) -> Response | None:
    """Why this process has no say in it."""
    match await watching.where(call_sid):
        case "here":
            return None
        case "elsewhere":
            return problem(409, "Another process holds this call: ask there, or once it is here.")
    return _unknown(call_sid)


def _unknown(call_sid: str) -> Response:
    return problem(404, f"There is no call {call_sid[:60]} that goes on.")


def _endless(pieces: AsyncGenerator[bytes, None], what: str, kind: str) -> Response:
    quiet = request.method == "HEAD"
    response: Response = Response(b"" if quiet else streamed(pieces, what), content_type=kind, headers=_HEADERS)
    if quiet:
        response.headers.pop("Content-Length", None)
    response.timeout = None  # as long as it goes on: the connection bounds each write
    return response
