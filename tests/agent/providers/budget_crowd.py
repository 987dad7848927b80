"""One process of a crowd that pays from one budget: calls whose turns cost exactly what was reserved. Prints how many
turns it could pay for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import trio

from agent.guard.budget import Budget, Caps, Needs
from agent.guard.budget_store import BudgetStore
from agent.keep.prices import Price
from agent.keep.usage import Meter
from agent.model import CallInfo
from agent.providers.mongo_budgets import MongoBudgets
from agent.providers.mongo_database import Mongo
from agent.providers.sqlite_budgets import SqliteBudgets
from nurseries.purse import Purse

MODEL, PRICES = "m", {"m": Price(input=1.0)}
"""A token is a micro-dollar."""


@contextmanager
def opened(where: str) -> Iterator[BudgetStore]:
    with ExitStack() as stack:
        if where.startswith("mongodb"):
            yield MongoBudgets(stack.enter_context(closing(Mongo(where))))
        else:
            yield stack.enter_context(closing(SqliteBudgets(Path(where))))


async def crowd(where: str, name: str, calls: int, turns: int, cap: int, unit: int) -> int:
    paid = 0
    with opened(where) as store:
        budget = Budget(Caps(day=cap), Needs(call=0, turn=unit), name)
        purse = Purse(budget, store, PRICES, ZoneInfo("Asia/Kolkata"), wait_s=5.0)

        async def call(n: int) -> None:
            nonlocal paid
            meter = Meter()
            account = purse.open(CallInfo(f"CA{name}{n}", "", ""), meter)
            for _ in range(turns):
                if await account.afford() is None:
                    paid += 1
                    meter.add("llm", MODEL, {"tokens_in": unit})
                account.settle()
            account.close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(purse.run)
            async with trio.open_nursery() as calling:
                for n in range(calls):
                    calling.start_soon(call, n)
            nursery.cancel_scope.cancel()
        await purse.leave()
    return paid


if __name__ == "__main__":
    sys.stdout.write(str(trio.run(crowd, sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))))
