"""What placing calls needs from outside: orders and attempts, kept where all processes see them; rules that may say
no."""

from __future__ import annotations

from typing import Protocol

from agent.guard.order import Order, Refused, Wanted


class OrderStore(Protocol):
    """Where orders are kept. Synchronous: nurseries run it in a thread of its own and bound it. Every method raises
    StoreError."""

    def begin(self, order: Order) -> Order:
        """Write a new order durably, before the carrier hears of it. Where one with its idempotency key is there, that
        one is returned, and nothing is written."""
        ...

    def get(self, order_id: str) -> Order | None: ...

    def by_call(self, call_sid: str) -> Order | None: ...

    def replace(self, before: Order, after: Order) -> bool:
        """Write `after` where the order still is `before`; False where somebody was faster: read it and think again."""
        ...

    def open(self, limit: int) -> list[Order]:
        """Orders whose call is not over, the oldest first."""
        ...


class DialRules(Protocol):
    """Whether a call may be placed at all."""

    async def refusals(self, wanted: Wanted) -> tuple[Refused, ...]:
        """Every rule that says no, without counting anything: for whoever wants to know before. Raises StoreError."""
        ...

    async def claim(self, wanted: Wanted) -> tuple[Refused, ...]:
        """The same, and where none says no, one attempt of the number's day is taken: it counts whatever becomes of
        the call, unless it is given back. Exact across processes. Raises StoreError."""
        ...

    async def give_back(self, wanted: Wanted) -> None:
        """The claimed attempt did not reach the carrier. Never raises."""
        ...
