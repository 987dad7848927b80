"""Orders over HTTP: a page of them, one; and the end of a call, whoever placed it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol, get_args

import msgspec
import structlog
from msgspec import UNSET, Meta, Struct, UnsetType
from quart import Blueprint
from quart_schema import document_querystring, document_response
from quart_trio.wrappers import TrioResponse as Response

from agent.errors import CarrierError, CarrierFault
from agent.guard.order import Order, State
from agent.guard.progress import ORDER_ID
from agent.web.given import Given
from agent.web.parameters import LARGEST_PAGE
from agent.web.problem import nothing, problem
from agent.web.scope import needs

HangUp = Callable[[str], Awaitable[None]]
"""Ends the call with this CallSid. Bounded; raises CarrierError."""

PAGE = 20
STATES: tuple[State, ...] = get_args(State)
SID = re.compile(r"CA[0-9a-f]{32}")

AGAIN_S = 5

log = structlog.get_logger(__name__)


class OrderBook(Protocol):
    """Orders of calls. Every method raises StoreError where they are away or do not answer in time."""

    async def find(self, state: State | None, limit: int, after: str = "") -> list[Order]:
        """Newest first, those behind the order `after`."""
        ...

    async def get(self, order_id: str) -> Order | None: ...


class OrderPage(Struct, frozen=True):
    """Orders, newest first."""

    orders: list[Order]
    next: str | None
    """The `cursor` of the next page; null on the last one."""


class OrderParameters(Struct):
    """Which orders, and how many."""

    state: Annotated[str, Meta(description="In this state only.", extra_json_schema={"enum": STATES})] | UnsetType = (
        UNSET
    )
    limit: Annotated[int, Meta(description="Orders in a page.", ge=1, le=LARGEST_PAGE)] | UnsetType = UNSET
    cursor: (
        Annotated[str, Meta(description="`next` of the page before.", pattern=f"^{ORDER_ID.pattern}$")] | UnsetType
    ) = UNSET


def add_orders(routes: Blueprint, orders: OrderBook) -> None:
    """Let these routes tell of calls that were to be placed."""

    @routes.get("/orders")
    @document_querystring(OrderParameters)
    @document_response(OrderPage)
    async def list_orders() -> Response:
        """Calls that were to be placed, and what became of them: newest first, a page at a time."""
        given = Given("state", "limit", "cursor")
        state = given.read("state", _state, None)
        limit = given.read("limit", _limit, PAGE)
        after = given.read("cursor", _cursor, "")
        given.check()
        found = await orders.find(state, limit + 1, after)
        page = found[:limit]
        return _json(OrderPage(page, page[-1].order_id if len(found) > limit else None))

    @routes.get("/orders/<order_id>")
    @document_response(Order)
    async def order(order_id: str) -> Response:
        """One call that was to be placed, and what became of it."""
        Given().check()
        found = await orders.get(order_id) if ORDER_ID.fullmatch(order_id) else None
        return problem(404, f"There is no order {order_id[:60]}.") if found is None else _json(found)


def add_hanging_up(routes: Blueprint, hang_up: HangUp | None) -> None:
    """Let these routes end calls."""

    @routes.delete("/calls/<call_sid>")
    @needs("call")
    async def end(call_sid: str) -> Response:
        """Hang a call up, whether it still rings or goes on. Done also where it is over already."""
        Given().check()
        if not SID.fullmatch(call_sid):
            return problem(404, f"{call_sid[:60]!r} is no CallSid: CA and 32 digits and letters a to f.")
        if hang_up is None:
            return problem(
                403, "This server cannot reach the carrier: set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and PUBLIC_URL."
            )
        return await unended(hang_up, call_sid) or nothing()


async def unended(hang_up: HangUp, call_sid: str) -> Response | None:
    """Have the carrier end a call; why it does not, if it does not."""
    try:
        await hang_up(call_sid)
    except CarrierError as error:
        log.warning("not hung up", call_sid=call_sid, error=str(error))
        if error.fault is CarrierFault.REFUSED:
            return problem(502, f"The carrier has refused: {error.detail}.")
        wait = {"Retry-After": f"{error.retry_after_s or AGAIN_S:.0f}"}
        return problem(503, f"The carrier does not answer: {error.detail}. Try again.", headers=wait)
    return None


def _state(text: str) -> State:
    for state in STATES:
        if text == state:
            return state
    raise ValueError(f"{text[:60]!r} is none of {', '.join(STATES)}.")


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= LARGEST_PAGE):
        raise ValueError(f"{text[:60]!r} is no whole number from 1 to {LARGEST_PAGE}.")
    return int(text)


def _cursor(text: str) -> str:
    if not ORDER_ID.fullmatch(text):
        raise ValueError("it is not one that this server gave: take `next` of the page before, or leave it out.")
    return text


def _json(told: object) -> Response:
    return Response(msgspec.json.encode(told), content_type="application/json")
