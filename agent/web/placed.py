"""What the carrier tells of calls that we placed: signed callbacks with the order's id in their address.

They come in any order, twice, of orders that are long gone, and to a process that does not hold the call: what is new
goes to the orders, and every one is answered 204.
"""

from __future__ import annotations

from typing import Protocol

import structlog
from quart import Blueprint
from quart_trio.wrappers import TrioResponse as Response

from agent.guard.order import Order
from agent.guard.progress import Told, is_other_call, told
from agent.guard.tokens import Claims
from agent.web.problem import nothing
from agent.web.webhook import field, ordered

ANSWER_S = 1.0
"""For the store, while somebody who has just answered listens to nothing."""
CALLBACK_S = 8.0
"""The same, while nobody waits but the carrier, for 15 s."""

log = structlog.get_logger(__name__)


class News(Protocol):
    """Takes what is heard of an order's call."""

    async def hear(self, order_id: str, news: Told, within_s: float) -> Order | None:
        """The order, with it; None where there is no such order, or none is known in time. Never raises."""
        ...


async def news_of_answer(news: News, claims: Claims) -> bool:
    """Whether this call, which has been answered, is the one that its order has; where nobody knows, it is."""
    order = await news.hear(claims.order, _told(), ANSWER_S)
    return order is None or not is_other_call(order, claims.call_sid)


async def news_of_status(news: News) -> None:
    if order_id := ordered():
        await news.hear(order_id, _told(), CALLBACK_S)


def add_placed(routes: Blueprint, news: News | None) -> None:
    """Let these routes hear who has answered."""

    @routes.post("/amd")
    async def amd() -> Response:
        log.info(
            "answered by",
            call_sid=field("CallSid"),
            who=field("AnsweredBy"),
            after_ms=field("MachineDetectionDuration"),
        )
        if news is not None and (order_id := ordered()):
            await news.hear(order_id, told(field("CallSid"), "", "", field("AnsweredBy")), CALLBACK_S)
        return nothing()


def _told() -> Told:
    sip, code = field("SipResponseCode"), field("ErrorCode")
    words = [f"SIP {sip}" if sip else "", f"error {code}" if code else ""]
    detail = ", ".join(filter(None, words))
    return told(
        field("CallSid"),
        field("CallStatus"),
        field("SequenceNumber"),
        field("AnsweredBy"),
        f"the carrier could not complete the call ({detail})" if detail else "",
    )
