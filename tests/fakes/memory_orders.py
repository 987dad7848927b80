"""The OrderStore port in memory."""

from __future__ import annotations

from agent.errors import StoreError
from agent.guard.order import FINAL, Order, State


class MemoryOrders:
    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.away = ""

    def begin(self, order: Order) -> Order:
        self._check()
        known = self.by_key(order.wanted.idempotency_key)
        return known or self.orders.setdefault(order.order_id, order)

    def get(self, order_id: str) -> Order | None:
        self._check()
        return self.orders.get(order_id)

    def by_call(self, call_sid: str) -> Order | None:
        self._check()
        return next((order for order in self.orders.values() if call_sid and order.call_sid == call_sid), None)

    def by_key(self, idempotency_key: str) -> Order | None:
        self._check()
        keys = {order.wanted.idempotency_key: order for order in self.orders.values()}
        return keys.get(idempotency_key) if idempotency_key else None

    def find(self, state: State | None, limit: int, after: str = "") -> list[Order]:
        self._check()
        newest = sorted(self.orders.values(), key=lambda order: order.order_id, reverse=True)
        return [o for o in newest if (not state or o.state == state) and (not after or o.order_id < after)][:limit]

    def open(self, limit: int) -> list[Order]:
        self._check()
        return [order for order in sorted(self.orders.values(), key=lambda o: o.order_id) if order.state not in FINAL][
            :limit
        ]

    def replace(self, before: Order, after: Order) -> bool:
        self._check()
        if self.orders.get(before.order_id) != before:
            return False
        self.orders[before.order_id] = after
        return True

    def erase(self, number: str) -> tuple[int, int]:
        self._check()
        theirs = [order for order in self.orders.values() if order.wanted.to == number]
        for order in theirs:
            if order.state in FINAL:
                del self.orders[order.order_id]
        return sum(o.state in FINAL for o in theirs), sum(o.state not in FINAL for o in theirs)

    def expire(self, days: int | None, most: int) -> int:
        self._check()
        return 0

    def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.away:
            raise StoreError(self.away)
