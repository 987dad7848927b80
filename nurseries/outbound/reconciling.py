"""Finds out what has become of orders that nobody tells of: by looking at the carrier, which is always safe.

For calls whose creation was never answered, for processes that were killed between writing an order and sending it, and
for callbacks that were lost. Nothing is ever created here. Every process does it, for all orders: what one concludes,
the others find in the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
import trio

from agent.config import Settings
from agent.errors import CarrierError, StoreError
from agent.guard import progress
from agent.guard.order import FINAL, Order
from agent.guard.progress import Told, age_s, lives_s
from agent.wire.carrier import CarrierCall
from agent.wire.ports import Carrier
from nurseries.outbound.orders import Orders

log = structlog.get_logger(__name__)

MOST = 500
"""Open orders looked at in one round, the oldest first."""

LONGEST_ROUND_S = 5.0
"""Between two rounds: whoever waits for a place of a call that another process has heard the end of waits so long."""

SKEW = timedelta(seconds=60)
"""Between our clock and the carrier's, and to its second."""

AFTER_S = 60.0
"""For a callback after the longest time that a call may ring, or be on."""


class Reconciling:
    """One process's."""

    def __init__(self, carrier: Carrier, orders: Orders, settings: Settings, sending: Callable[[str], bool]) -> None:
        """`sending`: whether this process is at an order, by its id."""
        self._carrier = carrier
        self._orders = orders
        self._settings = settings
        self._sending = sending
        self._looked: dict[str, float] = {}
        """When an order was looked for, on trio's clock."""

    async def run(self, look: Callable[[], Awaitable[None]]) -> None:
        """Round after round, until cancelled; `look` is done in each of them as well."""
        while True:
            await look()
            await self.once()
            await trio.sleep(min(self._settings.RECONCILE_S / 2, LONGEST_ROUND_S))

    async def once(self) -> None:
        """All open orders. What fails is tried again in the next round."""
        try:
            found = await self._orders.open(MOST)
        except StoreError as error:
            log.debug("orders are not reconciled", error=str(error))
            return
        ids = {order.order_id for order in found}
        self._looked = {order_id: at for order_id, at in self._looked.items() if order_id in ids}
        for order in found:
            try:
                await self._look_at(order)
            except (StoreError, CarrierError) as error:
                log.warning("an order is not reconciled yet", order=order.order_id, error=str(error))

    async def _look_at(self, order: Order) -> None:
        now = self._orders.now()
        if self._sending(order.order_id) or age_s(order, now) < self._patience_s(order):
            return
        if order.state == "placing":
            reason = "whoever placed it was gone before it could tell whether the carrier took the call"
            await self._orders.change(
                order.order_id, lambda it: progress.unknown(it, reason, now) if it.state == "placing" else it
            )
            return
        if trio.current_time() < self._looked.get(order.order_id, -1e9) + self._settings.RECONCILE_S:
            return
        self._looked[order.order_id] = trio.current_time()
        if order.call_sid:
            await self._ask(order, now)
        else:
            await self._search(order, now)

    def _patience_s(self, order: Order) -> float:
        settings = self._settings
        match order.state:
            case "answered":
                return settings.CALL_MAX_MINUTES * 60 + settings.GOODBYE_TIMEOUT_S + AFTER_S
            case "queued" | "ringing":
                return max(settings.RING_S + AFTER_S, settings.RECONCILE_S)
            case _:
                return settings.RECONCILE_S

    async def _ask(self, order: Order, now: datetime) -> None:
        call = await self._carrier.fetch(order.call_sid)
        if call is None:
            await self._orders.change(
                order.order_id, lambda it: _lost(it, "the carrier does not know its call any more", now)
            )
        else:
            await self._found(order, call)

    async def _search(self, order: Order, now: datetime) -> None:
        """Among the carrier's newest calls to this number: one of ours that has no order."""
        began = _time(order.created_at, now)
        last = began + timedelta(seconds=self._settings.PLACE_TIMEOUT_S + self._settings.TWILIO_API_TIMEOUT_S) + SKEW
        for call in sorted(await self._carrier.recent(order.wanted.to), key=lambda call: call.created_s or 0):
            created = datetime.fromtimestamp(call.created_s or 0, UTC)
            ours = call.direction == "outbound-api" and call.caller_id == self._from(order)
            if ours and began - SKEW <= created <= last and await self._orders.by_call(call.call_sid) is None:
                await self._found(order, call)
                return
        if lives_s(order, now) >= self._settings.LOST_S:
            reason = f"nobody has heard of its call, and the carrier has none ({order.reason})"
            await self._orders.change(order.order_id, lambda it: _lost(it, reason, now))

    def _from(self, order: Order) -> str:
        return order.wanted.caller_id or self._settings.TWILIO_CALLER_ID

    async def _found(self, order: Order, call: CarrierCall) -> None:
        log.info("order found at the carrier", order=order.order_id, call_sid=call.call_sid, status=call.status)
        await self._orders.heard(order.order_id, Told(call.call_sid, call.status, answered_by=call.answered_by))


def _lost(order: Order, reason: str, now: datetime) -> Order:
    return order if order.state in FINAL else progress.failed(order, reason, now)


def _time(text: str, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return now
