"""Calls to be placed, over HTTP: who, why and what is known of them in; the order out, or every rule that says no."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Annotated

import msgspec
from quart import Blueprint, request
from quart_schema import document_request, document_response
from quart_trio.wrappers import TrioResponse as Response

from agent.config import Settings
from agent.errors import AskedWrongly, StoreError
from agent.guard.order import Order, Refused, Wanted
from agent.guard.ports import DialRules
from agent.web.body import body
from agent.web.given import Given
from agent.web.parameters import Number
from agent.web.ports import Placing
from agent.web.problem import problem
from agent.web.scope import needs

MOST_VARIABLES = 20

TEXT = r"^[^\x00]*$"
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,31}$")]
Value = Annotated[str, msgspec.Meta(max_length=200, pattern=TEXT)]
KEY = r"^[!-~]{1,200}$"

NO_CARRIER = (
    "This server places no calls: it needs TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_CALLER_ID and PUBLIC_URL."
)


class CallRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A call that somebody wants to be placed."""

    to: Number
    purpose: Annotated[
        str, msgspec.Meta(min_length=1, max_length=500, pattern=TEXT, description="For the agent: why it calls.")
    ]
    from_: Annotated[
        str, msgspec.Meta(max_length=40, pattern=TEXT, description="One of our numbers; TWILIO_CALLER_ID.")
    ] = msgspec.field(name="from", default="")
    variables: Annotated[
        dict[Name, Value], msgspec.Meta(max_length=MOST_VARIABLES, description="What is known of the person.")
    ] = msgspec.field(default_factory=dict)
    campaign: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{0,40}$")] = ""
    idempotency_key: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{0,200}$", description="Or as a header.")] = ""


class Verdict(msgspec.Struct, frozen=True):
    """What would become of a call."""

    allowed: bool
    refused: tuple[Refused, ...]
    """Every rule that says no."""


def add_dialling(
    routes: Blueprint,
    settings: Settings,
    rules: DialRules | None,
    placing: Placing | None,
) -> None:
    """Let these routes place calls; without these ports they tell that they cannot."""

    @routes.post("/calls/check")
    @needs("call")
    @document_request(CallRequest)
    @document_response(Verdict)
    async def check() -> Response:
        """Whether a call would be placed now. Nothing is counted, and nobody is called."""
        Given().check()
        wanted = await _wanted()
        if rules is None:
            raise StoreError("this server has no rules of calling out")
        lacking = (Refused("carrier", NO_CARRIER),) if placing is None else ()
        refused = lacking + await rules.refusals(wanted)
        return _json(Verdict(not refused, refused), 200)

    @routes.post("/calls")
    @needs("call")
    @document_request(CallRequest)
    @document_response(Order, 200)
    @document_response(Order, 201)
    @document_response(Order, 202)
    async def place() -> Response:
        """Place a call. The same idempotency key is the same call: asked again, the answer is its order (200).

        201: the carrier has it, or has refused it (`state`, `reason`). 202: nobody could say yet whether the carrier
        has it; it is never placed a second time, and what became of it is told at `Location`.
        """
        Given().check()
        wanted = await _wanted()
        header = request.headers.get("Idempotency-Key", "").strip()
        if header not in {"", wanted.idempotency_key}:
            return problem(409, "idempotency_key differs from the header Idempotency-Key: send one of them.")
        if placing is None:
            return problem(403, NO_CARRIER)
        placed = await placing.place(wanted)
        if isinstance(placed, tuple):
            return _refusal(placed)
        order = placed.order
        if order.wanted != wanted:
            return problem(409, "This idempotency key has been used for another call: take a new one for this.")
        unsure = order.state in {"placing", "unknown"}
        status = 202 if unsure else 201 if placed.new else 200
        return _json(order, status, {"Location": f"/api/orders/{order.order_id}"})

    async def _wanted() -> Wanted:
        asked = await body(CallRequest)
        header = request.headers.get("Idempotency-Key", "").strip()
        if header and not re.fullmatch(KEY, header):
            raise AskedWrongly((("Idempotency-Key", "it must have 1 to 200 letters, digits and signs."),))
        return Wanted(
            to=_bare(asked.to),
            purpose=_line(asked.purpose),
            caller_id=_bare(asked.from_) or (settings.dial_from[0] if settings.dial_from else ""),
            variables={name: _line(value) for name, value in asked.variables.items()},
            campaign=asked.campaign,
            idempotency_key=asked.idempotency_key or header,
        )


def _refusal(refused: Iterable[Refused]) -> Response:
    """Told as one: with whatever can be waited for, when; else by what cannot."""
    every = tuple(refused)
    lasting = [each for each in every if each.retry_after_s is None]
    headers = {}
    if not lasting:
        headers["Retry-After"] = str(math.ceil(max(each.retry_after_s or 0.0 for each in every)))
        status = 429
    else:
        status = 422 if any(each.rule in {"number", "caller-id"} for each in lasting) else 403
    detail = " ".join(each.detail for each in every)
    return problem(status, detail, headers=headers, more={"refused": msgspec.to_builtins(every)})


def _bare(number: str) -> str:
    """As E.164 has it, where it is written with its country code."""
    bare = "".join(each for each in number if each not in " ()-./\u00a0")
    return bare if bare[:1] == "+" and bare[1:].isascii() and bare[1:].isdigit() else number.strip()


def _line(text: str) -> str:
    """Without what no one could say: control characters, and more than one space at a time."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _json(told: object, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(told), status, headers, content_type="application/json")
