"""What a call that we placed is about, loaded as it is picked up: its order in the store, or nothing in time."""

from __future__ import annotations

import structlog
import trio

from agent.errors import StoreError
from agent.guard.ports import OrderStore
from agent.model import CallInfo
from agent.think.errand import Errand, errand_of

log = structlog.get_logger(__name__)

LIMIT_S = 1.0
"""The callee is on the line: without it, the call goes on as a plain one."""


class Errands:
    """One process's."""

    def __init__(self, orders: OrderStore | None) -> None:
        self._orders = orders
        self._threads = trio.CapacityLimiter(4)

    async def of(self, info: CallInfo) -> Errand | None:
        """Of this call. None: it was not placed by an order, or that is not to be had in time. Never raises."""
        if not info.order or self._orders is None:
            return None
        found = None
        try:
            with trio.move_on_after(LIMIT_S) as scope:
                found = await trio.to_thread.run_sync(
                    self._orders.get, info.order, limiter=self._threads, abandon_on_cancel=True
                )
        except StoreError as error:
            log.warning("what the call is about is not known", order=info.order, error=str(error))
            return None
        if found is None:
            why = f"nothing for {LIMIT_S:g} s" if scope.cancelled_caught else "there is no such order"
            log.warning("what the call is about is not known", order=info.order, error=why)
            return None
        return errand_of(found.wanted.purpose, found.wanted.variables)
