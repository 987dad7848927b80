"""One request of Twilio's: let in or refused, and what it tells; what is answered to it.

To be used within a request: `let_in` comes first, and leaves the form in `g.form`, our public address in `g.base`, and
in `g.seed` what this request has in common with its repetitions alone, or "".
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import structlog
from quart import g, request
from quart_trio.wrappers import TrioResponse as Response

from agent import language
from agent.guard.progress import ORDER_ID
from agent.guard.tokens import Claims
from agent.lines import Lines
from agent.lines_file import VOICE
from agent.model import CallInfo
from agent.web.problem import problem
from agent.web.security import Gate, the_one
from agent.wire import twiml

_MAX_FIELDS = 500
_LONGEST_NUMBER = 12

INSIST = "#rc=5&rp=ct,rt,5xx&ct=2000&rt=5000&tt=15000"
"""Behind an address that Twilio must not give up on: five more tries after no connection within 2 s, no answer within
5 s or a server's fault, within Twilio's own bound of 15 s. By itself it tries once more, after no connection alone. A
fragment is neither sent nor signed. <https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides>"""

log = structlog.get_logger(__name__)


async def let_in(gate: Gate) -> Response | None:
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
    given = the_one(request.headers.getlist("X-Twilio-Signature"))
    if not gate.webhook(url, given, fields, None if is_form else raw):
        return problem(403, "X-Twilio-Signature is missing or does not fit.")
    if not gate.account(g.form.get("AccountSid", "")):
        return problem(403, "AccountSid is not the account this server belongs to.")
    # The same signature is the same request. I-Twilio-Idempotency-Token would say so as well, but nobody has signed it.
    g.seed = given if gate.required else ""
    return None


def claims(lines: Lines) -> Claims:
    """What this request tells of its call: the form, and `?line=`, `?language=` and `?voice=` of the address, which is
    as signed as the form. What makes no sense there is left out, for a refused webhook is a refused caller."""
    told = {name: request.args.get(name, "") for name in ("line", "language", "voice")}
    taken = {
        "line": told["line"] if lines.has(told["line"]) else "",
        "language": language.tag(told["language"]),
        "voice": told["voice"] if VOICE.fullmatch(told["voice"]) else "",
    }
    for name, value in told.items():
        if value and not taken[name]:
            log.warning("webhook parameter ignored", name=name, value=value[:40])
    return Claims(
        call_sid=g.form.get("CallSid", ""),
        account_sid=g.form.get("AccountSid", ""),
        caller=g.form.get("From", ""),
        called=g.form.get("To", ""),
        direction=g.form.get("Direction") or "inbound",
        order=ordered(),
        campaign=request.args.get("campaign", "") if ordered() else "",
        line=taken["line"],
        language=taken["language"],
        voice=taken["voice"],
    )


def ordered() -> str:
    """The order that this request's call is of, as we told the carrier; "" where there is none."""
    order_id = request.args.get("order", "")
    return order_id if ORDER_ID.fullmatch(order_id) else ""


def info(told: Claims) -> CallInfo:
    """The same for `Lines.profile`, before there is a stream."""
    return CallInfo(
        told.call_sid,
        told.account_sid,
        "",
        told.caller,
        told.called,
        told.direction,
        told.line,
        told.language,
        told.voice,
        told.order,
        told.campaign,
    )


def address(path: str, line: str = "", **more: object) -> str:
    """One of ours, as Twilio will call it. The line goes along, since any process may be the one that is asked."""
    return str(g.base) + target(path, line=line, **more)


def begins(path: str, told: Claims, **more: object) -> str:
    """One of ours about a call of which nobody may know yet: all that it was begun with goes along."""
    begun = {"language": told.language, "voice": told.voice, "order": told.order, "campaign": told.campaign}
    return address(path, told.line, **begun, **more)


def target(path: str, **told: object) -> str:
    """The part of it behind our public address. What is empty or 0 is left out."""
    query = urlencode({name: value for name, value in told.items() if value})
    return path + (f"?{query}" if query else "")


def same_but(**more: object) -> str:
    """This request's own address, as Twilio has called it, with these parameters instead of what it has of them."""
    told: dict[str, object] = dict(parse_qsl(request.query_string.decode("latin-1")))
    return str(g.base) + target(request.path, **(told | more))


def number(name: str) -> int:
    """A number of ours in this request's address, which is as signed as the form; 0 where there is none."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _LONGEST_NUMBER else 0


def field(name: str) -> str:
    """A field for the log: whatever was sent, in bounds."""
    return str(g.form.get(name, ""))[:200]


def as_twiml(document: str) -> Response:
    return Response(document, content_type=f"{twiml.MEDIA_TYPE}; charset=utf-8")
