"""Everything over HTTP that has to do with calls we place: whom we may call, placing, what became of it, ending it."""

from __future__ import annotations

from dataclasses import dataclass

from quart import Blueprint

from agent.config import Settings
from agent.guard.ports import DialRules
from agent.web.dialling import add_dialling
from agent.web.do_not_call import add_do_not_call
from agent.web.orders import HangUp, OrderBook, add_hanging_up, add_orders
from agent.web.placed import News
from agent.web.ports import DoNotCallList, Placing


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingOut:
    """What the process offers. None: not there, where calling out is not set up."""

    rules: DialRules | None = None
    placing: Placing | None = None
    do_not_call: DoNotCallList | None = None
    orders: OrderBook | None = None
    hang_up: HangUp | None = None
    news: News | None = None
    """Told by the carrier's callbacks."""

    def add_to(self, routes: Blueprint, settings: Settings) -> None:
        """Let the API's routes offer it."""
        add_dialling(routes, settings, self.rules, self.placing)
        add_do_not_call(routes, self.do_not_call)
        if self.orders is not None:
            add_orders(routes, self.orders)
            add_hanging_up(routes, self.hang_up)
