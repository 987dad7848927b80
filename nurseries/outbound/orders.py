"""One process's way to the orders: in threads, bounded; and who waits here for what is new of one.

What the carrier tells comes to any process. It goes into the store, where the others look; who waits in this process
is told at once, also where the store is away.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.errors import StoreError
from agent.guard import progress
from agent.guard.order import FINAL, Order, State
from agent.guard.ports import OrderStore
from agent.guard.progress import Told

T = TypeVar("T")

log = structlog.get_logger(__name__)

LIMIT_S = 5.0
"""For one thing asked of the store. A write that takes longer may still happen."""

TRIES = 20
"""Of a change, where others change the same order in the same moment."""

LOOK_S = 1.0
"""Between two looks for a verdict that another process may have got."""

REMEMBERED = 1000
"""Verdicts of this process."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Orders:
    """See `agent.guard.ports.OrderStore`; every method raises StoreError."""

    def __init__(self, store: OrderStore, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self.now = now
        self._threads = trio.CapacityLimiter(4)
        self._verdicts: dict[str, str] = {}
        self._told = ParkingLot()
        self.changed: Callable[[Order], None] = lambda _: None
        """Called with each order that this process has changed."""

    async def begin(self, order: Order) -> Order:
        return await self._do(lambda: self._store.begin(order))

    async def get(self, order_id: str) -> Order | None:
        return await self._do(lambda: self._store.get(order_id))

    async def by_call(self, call_sid: str) -> Order | None:
        return await self._do(lambda: self._store.by_call(call_sid))

    async def by_key(self, idempotency_key: str) -> Order | None:
        return await self._do(lambda: self._store.by_key(idempotency_key))

    async def find(self, state: State | None, limit: int, after: str = "") -> list[Order]:
        return await self._do(lambda: self._store.find(state, limit, after))

    async def open(self, limit: int) -> list[Order]:
        return await self._do(lambda: self._store.open(limit))

    async def change(self, order_id: str, how: Callable[[Order], Order]) -> Order | None:
        """Have the newest state of the order be what `how` makes of it; returns it, or None where there is no such
        order. `how` may be asked more than once."""
        for _ in range(TRIES):
            before = await self.get(order_id)
            if before is None:
                return None
            after = how(before)
            if after == before:
                return before
            if await self._do(lambda b=before, a=after: self._store.replace(b, a)):  # type: ignore[misc]
                self._note(before, after)
                return after
        raise StoreError(f"the order {order_id} is changed by too many at once")

    async def heard(self, order_id: str, news: Told) -> Order | None:
        """What the carrier tells of an order's call. None where there is no such order."""
        if news.answered_by:
            self._keep_verdict(order_id, news.answered_by)
        return await self.change(order_id, lambda order: progress.after(order, news, self.now()))

    async def hear(self, order_id: str, news: Told, within_s: float) -> Order | None:
        """The same for whoever cannot wait: None also where the store does not answer in time. Never raises."""
        try:
            with trio.move_on_after(within_s) as limit:
                order = await self.heard(order_id, news)
                if order is None:
                    log.warning("news of an order that is not known", order=order_id, call_sid=news.call_sid)
                elif progress.is_other_call(order, news.call_sid):
                    log.error("an order has another call", order=order_id, call_sid=news.call_sid, its=order.call_sid)
                return order
        except StoreError as error:
            log.warning("news of an order is not kept", order=order_id, error=str(error))
        if limit.cancelled_caught:
            log.warning("news of an order is not kept", order=order_id, error=f"nothing for {within_s:g} s")
        return None

    async def verdict(self, order_id: str) -> str:
        """Who has answered, in the carrier's word, once any process has heard. Runs until then."""
        while True:
            with trio.move_on_after(LOOK_S):
                while order_id not in self._verdicts:
                    await self._told.park()
            if order_id in self._verdicts:
                return self._verdicts.pop(order_id)
            try:
                order = await self.get(order_id)
            except StoreError as error:
                log.debug("no verdict yet", error=str(error))
            else:
                if order is not None and (order.answered_by or order.state in FINAL):
                    return order.answered_by

    def _keep_verdict(self, order_id: str, answered_by: str) -> None:
        self._verdicts[order_id] = answered_by
        while len(self._verdicts) > REMEMBERED:
            del self._verdicts[next(iter(self._verdicts))]
        self._told.unpark_all()

    def _note(self, before: Order, after: Order) -> None:
        if after.state != before.state:
            log.info("order", order=after.order_id, state=after.state, call_sid=after.call_sid, reason=after.reason)
        self.changed(after)

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            with trio.fail_after(LIMIT_S):
                return await trio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)
        except trio.TooSlowError:
            raise StoreError(f"no answer of the store of orders within {LIMIT_S:g} s") from None
