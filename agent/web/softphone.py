"""The console's softphone: who may place calls asks; the address of a media socket, good for one call, is the answer.

A browser cannot sign as Twilio does. So the address has a one-time token in its path, bound to a call that is made up
here; what the browser then says in its `start` has to be that call.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Annotated

import msgspec
import structlog
from quart import Blueprint, g, request
from quart_schema import document_request, document_response
from quart_trio.wrappers import TrioResponse as Response

from agent import language
from agent.config import Settings
from agent.errors import AskedWrongly
from agent.guard.bounded_json import LARGEST, read
from agent.guard.tokens import Claims, Tokens
from agent.lines import Lines
from agent.trying import Present, Tried, check, present, refused
from agent.web.problem import problem
from agent.web.room import no_line
from agent.web.scope import needs
from agent.web.security import MEDIA_PATH, Gate
from agent.web.spending import Spending
from agent.web.state import ProcessState
from agent.web.tries import Tries
from agent.wire.media_stream import StartBody

_NO_ACCOUNT = "AC" + "0" * 32
_LATER = {"Retry-After": "5"}

LARGEST_TRIED = 60 * 1024
"""Bytes of a body that may have a prompt in it."""

_BODY = (
    "The body must be empty, or an object of line (a name in LINES_FILE), language (such as hi-IN), voice (letters, "
    "digits, _ . : and -, at most 32) and, in development, tried."
)

log = structlog.get_logger(__name__)


class SoftphoneCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the agent is to answer; all of it may be left out."""

    line: str = ""
    language: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,4})?)?$")] = ""
    voice: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.:-]{0,32}$")] = ""
    tried: Tried | None = None
    """In development: for this call alone."""


class Softphone(msgspec.Struct, frozen=True):
    """Where to connect to, and what to say there first."""

    url: str
    """Of a WebSocket, for one use."""
    expires_at: float
    """Seconds since the epoch."""
    start: StartBody
    """The body of the `start` message."""


def add_softphone(
    routes: Blueprint,
    settings: Settings,
    tokens: Tokens,
    state: ProcessState,
    gate: Gate,
    lines: Lines,
    now: Callable[[], float],
    spending: Spending | None = None,
    tries: Tries | None = None,
) -> None:
    """Let these routes hand out addresses; `tokens` are of this purpose alone. `tries` is where the process finds what
    a call is to try."""
    tries = tries if tries is not None else Tries()
    _add_trying(routes, settings, lines)

    @routes.post("/softphone")
    @document_request(SoftphoneCall)
    @document_response(Softphone)
    @needs("call")
    async def softphone() -> Response:
        """The address of a media socket for one call from a browser, and the `start` to send there."""
        asked = await _asked(settings, lines)
        if isinstance(asked, Response):
            return asked
        if asked.tried is not None:
            if why := refused(settings):
                return problem(403, why)
            check(asked.tried)
        base = gate.base(request.headers.get("Host", ""), request.headers.get("X-Forwarded-Proto", ""))
        if not base:
            return problem(400, "The Host header is missing or is not a host name.")
        call_sid, stream_sid = "CA" + secrets.token_hex(16), "MZ" + secrets.token_hex(16)
        account = settings.TWILIO_ACCOUNT_SID or _NO_ACCOUNT
        who = g.visitor.key.key_id if g.visitor.key is not None else "console"
        claims = Claims(
            call_sid,
            account,
            f"client:{who}",  # as Twilio names callers who use a browser
            settings.TWILIO_CALLER_ID,
            "inbound",
            asked.line,
            language.tag(asked.language),
            asked.voice,
        )
        if not state.taking:
            return problem(503, "No new calls are taken here now.", headers=_LATER)
        if why := await no_line(claims, state, spending, now()):
            return problem(429, f"{why[:1].upper()}{why[1:]}.", headers=_LATER)
        if asked.tried is not None:
            tries.keep(call_sid, asked.tried, now(), settings.SOFTPHONE_TOKEN_S)
        token = tokens.mint(claims, now())
        log.info("softphone announced", call_sid=call_sid, who=g.visitor.who)
        url = f"ws{base.removeprefix('http')}{MEDIA_PATH}/{token}"
        start = StartBody(stream_sid, account, call_sid, ("inbound",))
        found = Softphone(url, now() + settings.SOFTPHONE_TOKEN_S, start)
        return Response(msgspec.json.encode(found), content_type="application/json")


def _add_trying(routes: Blueprint, settings: Settings, lines: Lines) -> None:
    @routes.get("/try")
    @document_response(Present)
    async def tried() -> Response:
        """How the agent answers unless a softphone's call is told otherwise, and what it may be told."""
        if why := refused(settings):
            return problem(403, why)
        return Response(msgspec.json.encode(present(settings, lines)), content_type="application/json")


async def _asked(settings: Settings, lines: Lines) -> SoftphoneCall | Response:
    body: bytes = await request.get_data(as_text=False)  # type: ignore[assignment]  # as it is called
    if body and request.mimetype != "application/json":
        return problem(415, "The body must be application/json, or empty.")
    try:
        asked = read(body or b"{}", SoftphoneCall, LARGEST if settings.production else LARGEST_TRIED)
    except AskedWrongly:
        return problem(400, _BODY)
    if "\n" in asked.language + asked.voice:  # which "$" takes for the end
        return problem(400, _BODY)
    if asked.line and not lines.has(asked.line):
        return problem(404, f"There is no line {asked.line[:40]!r}.")
    return asked
