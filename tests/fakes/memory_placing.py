"""Places calls in memory: orders by their keys, and what the carrier makes of them as a test asks for."""

from __future__ import annotations

from datetime import UTC, datetime

import trio

from agent.guard.order import Order, Placed, Refused, State, Wanted


class MemoryPlacing:
    """The Placing port."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.refused: tuple[Refused, ...] = ()
        self.outcome: State = "queued"

    async def place(self, wanted: Wanted) -> Placed | tuple[Refused, ...]:
        await trio.lowlevel.checkpoint()
        known = next(
            (o for o in self.orders.values() if wanted.idempotency_key == o.wanted.idempotency_key != ""), None
        )
        if known is not None:
            return Placed(known, new=False)
        if self.refused:
            return self.refused
        order_id = f"OR{len(self.orders) + 1}"
        call_sid = "" if self.outcome == "unknown" else f"CA{len(self.orders) + 1:032}"
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.orders[order_id] = Order(order_id, wanted, at, self.outcome, call_sid)
        return Placed(self.orders[order_id], new=True)

    async def order(self, order_id: str) -> Order | None:
        await trio.lowlevel.checkpoint()
        return self.orders.get(order_id)
