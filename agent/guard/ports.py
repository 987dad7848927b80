"""What placing calls needs from outside: orders and attempts, kept where all processes see them; rules that may say
no."""

from __future__ import annotations

from typing import Protocol

from agent.guard.order import Order, Refused, State, Wanted


class OrderStore(Protocol):
    """Where orders are kept. Synchronous: nurseries run it in a thread of its own and bound it. Every method raises
    StoreError."""

    def begin(self, order: Order) -> Order:
        """Write a new order durably, before the carrier hears of it. Where one with its idempotency key is there, that
        one is returned, and nothing is written."""
        ...

    def get(self, order_id: str) -> Order | None: ...

    def by_call(self, call_sid: str) -> Order | None: ...

    def by_key(self, idempotency_key: str) -> Order | None: ...

    def find(self, state: State | None, limit: int, after: str = "") -> list[Order]:
        """Orders in that state, or all, newest first: those behind the one with the id `after`."""
        ...

    def replace(self, before: Order, after: Order) -> bool:
        """Write `after` where the order still is `before`; False where somebody was faster: read it and think again."""
        ...

    def open(self, limit: int) -> list[Order]:
        """Orders whose call is not over, the oldest first."""
        ...

    def erase(self, number: str) -> tuple[int, int]:
        """Forget what was ordered for the person with this number. Returns how many orders are gone, and how many are
        left because their call is not over."""
        ...

    def expire(self, days: int | None, most: int) -> int:
        """Forget orders older than so many days, at most so many now; returns how many. None: none."""
        ...

    def close(self) -> None: ...


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
