"""What Twilio asks of us over HTTP: signed forms in, TwiML (or nothing) out.

While the process leaves or is not ready yet, a new call is answered 503 rather than with words: Twilio then goes at
once to the number's fallback address, where another process can take the call. A spoken "busy" would end it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

import structlog
from quart import Blueprint, g, request
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.guard.tokens import Claims, Tokens
from agent.lines import LANGUAGE, VOICE, Lines
from agent.model import CallInfo
from agent.profile import Profile
from agent.web.problem import problem
from agent.web.security import MEDIA_PATH, Gate
from agent.web.state import ProcessState
from agent.wire import twiml

log = structlog.get_logger(__name__)

_MAX_FIELDS = 500


HandedOver = Callable[[str], Awaitable[str | None]]
"""Where a call, by its CallSid, is to be passed on to, as far as any process knows. Bounded; never raises."""

NOBODY_FREE = "I am sorry, nobody is free right now. We will call you back. Goodbye!"
"""Said when the colleague that a call was passed on to did not answer."""


def twilio_routes(
    settings: Settings,
    tokens: Tokens,
    state: ProcessState,
    gate: Gate,
    lines: Lines,
    handed_over: HandedOver,
    now: Callable[[], float],
) -> Blueprint:
    routes = Blueprint("twilio", __name__, url_prefix="/twilio")

    @routes.before_request
    async def check() -> Response | None:
        return await _refusal(gate)

    @routes.post("/voice")
    async def voice() -> Response:
        if not state.accepting:
            return problem(503, "No new calls are taken here now.")
        claims = _claims(g.form, request.args)
        if not claims.call_sid:
            return problem(400, "CallSid is missing: this address answers Twilio's voice webhook, a form sent by POST.")
        try:
            token = tokens.mint(claims, now())
        except ValueError as error:
            return problem(400, f"CallSid or AccountSid is not usable: {error}.")
        state.promise(claims.call_sid, now())
        log.info(
            "call announced",
            call_sid=claims.call_sid,
            caller=masked(claims.caller),
            called=masked(claims.called),
            direction=claims.direction[:16],
        )
        return _twiml(_greeting(lines.profile(_info(claims)), g.base, token))

    @routes.post("/after")
    async def after() -> Response:
        call_sid = _field("CallSid")
        to = state.hand_overs.pop(call_sid, None) or await handed_over(call_sid)
        log.debug("stream over", call_sid=call_sid, passed_on=bool(to))
        if not to:
            return _twiml(twiml.after())
        return _twiml(
            twiml.dial(
                to,
                action_url=g.base + "/twilio/after-transfer",
                caller_id=settings.TWILIO_CALLER_ID,
                ring_s=settings.TRANSFER_RING_S,
            )
        )

    @routes.post("/after-transfer")
    async def after_transfer() -> Response:
        status = _field("DialCallStatus")
        log.info("transfer over", call_sid=_field("CallSid"), status=status)
        if status in {"completed", "answered"}:
            return _twiml(twiml.after())
        return _twiml(twiml.busy(NOBODY_FREE, voice=settings.SAY_VOICE, language=settings.LANGUAGE))

    @routes.post("/stream-status")
    async def stream_status() -> Response:
        event, call_sid = _field("StreamEvent"), _field("CallSid")
        if event == "stream-error":
            log.warning("twilio reports a stream error", call_sid=call_sid, error=_field("StreamError"))
        else:
            log.debug("stream status", call_sid=call_sid, stream=event)
        return _nothing()

    @routes.post("/call-status")
    async def call_status() -> Response:
        log.info("call status", call_sid=_field("CallSid"), status=_field("CallStatus"))
        return _nothing()

    return routes


async def _refusal(gate: Gate) -> Response | None:
    """Why this request may not pass; where it may, its form is in `g.form` and our public address in `g.base`."""
    g.base = gate.base(request.headers.get("Host", ""), request.headers.get("X-Forwarded-Proto", ""))
    if not g.base:
        return problem(400, "The Host header is missing or is not a host name.")
    raw = bytes(await request.get_data(as_text=False, cache=True, parse_form_data=False))
    is_form = not raw or request.mimetype == "application/x-www-form-urlencoded"
    try:
        text = raw.decode("utf-8", "replace") if is_form else ""
        fields = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return problem(400, f"The form has more than {_MAX_FIELDS} fields.")
    g.form = dict(fields)
    query = request.query_string.decode("latin-1")
    url = g.base + request.scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    if not gate.webhook(url, request.headers.get("X-Twilio-Signature", ""), fields, None if is_form else raw):
        return problem(403, "X-Twilio-Signature is missing or does not fit.")
    if not gate.account(g.form.get("AccountSid", "")):
        return problem(403, "AccountSid is not the account this server belongs to.")
    return None


def _claims(form: dict[str, str], query: Mapping[str, str]) -> Claims:
    """`?line=`, `?language=` and `?voice=` of the webhook's own address: what makes no sense is left out, for a refused
    webhook is a refused caller."""
    told = {name: query.get(name, "") for name in ("line", "language", "voice")}
    for name, allowed in (("line", VOICE), ("language", LANGUAGE), ("voice", VOICE)):
        if told[name] and not allowed.fullmatch(told[name]):
            log.warning("webhook parameter ignored", name=name, value=told[name][:40])
            told[name] = ""
    return Claims(
        call_sid=form.get("CallSid", ""),
        account_sid=form.get("AccountSid", ""),
        caller=form.get("From", ""),
        called=form.get("To", ""),
        direction=form.get("Direction") or "inbound",
        **told,
    )


def _info(claims: Claims) -> CallInfo:
    return CallInfo(
        claims.call_sid,
        claims.account_sid,
        "",
        called=claims.called,
        line=claims.line,
        language=claims.language,
        voice=claims.voice,
    )


def _greeting(profile: Profile, base: str, token: str) -> str:
    return twiml.connect(
        stream_url="ws" + base.removeprefix("http") + MEDIA_PATH,
        action_url=base + "/twilio/after",
        status_url=base + "/twilio/stream-status",
        parameters={"token": token},
        say=profile.say_first,
        voice=profile.say_voice,
        language=profile.language,
    )


def _field(name: str) -> str:
    """A field for the log: whatever was sent, in bounds."""
    return str(g.form.get(name, ""))[:200]


def masked(number: str) -> str:
    """A phone number for the log: its last two digits; nothing of a name or of what is too short to hide."""
    digits = number.removeprefix("+")
    return f"*{digits[-2:]}" if digits.isdecimal() and len(digits) > 6 else "*"


def _nothing() -> Response:
    response = Response(b"", 204)
    for header in ("Content-Length", "Content-Type"):  # both say something about a body
        response.headers.pop(header, None)
    return response


def _twiml(document: str) -> Response:
    return Response(document, content_type=f"{twiml.MEDIA_TYPE}; charset=utf-8")
