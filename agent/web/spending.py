"""What budgets stand at, over HTTP; and what the voice webhook asks of them."""

from __future__ import annotations

from typing import Protocol

import msgspec
from quart import Blueprint
from quart_schema import document_response
from quart_trio.wrappers import TrioResponse as Response

from agent.guard.budget import No
from agent.model import CallInfo
from agent.web.given import Given
from agent.web.scope import needs


class PotView(msgspec.Struct, frozen=True):
    """One cap, in US dollars."""

    budget: str
    """day; or a campaign's or line's name with /day or /total."""
    cap_usd: float
    spent_usd: float
    """By all processes, as far as they have told."""
    reserved_usd: float
    """By this process's calls, for what goes on."""
    held_usd: float
    """By this process, unspent."""
    held_by_others_usd: float
    processes: int
    """That hold something."""
    day: str
    """Of which day, ISO 8601; empty for a total."""
    past: dict[str, float]
    """What earlier days have spent."""
    seen_s_ago: float | None
    """Since the store told this; null: it never has."""
    store: str
    """answers, or: does not answer."""


class Spend(msgspec.Struct, frozen=True):
    """All budgets."""

    budgets: list[PotView]


class Spending(Protocol):
    """What pays for calls."""

    async def admits(self, call_sid: str, info: CallInfo, until_s: float) -> No | None:
        """Why this new call cannot be paid for, or None: then what it needs to begin is put by for that many seconds.
        Bounded in time."""
        ...

    def spend(self) -> Spend:
        """How all budgets stand. Not a checkpoint."""
        ...


def add_spend(routes: Blueprint, spending: Spending | None) -> None:
    """Let these routes tell of money."""

    @routes.get("/spend")
    @needs("read")
    @document_response(Spend)
    async def spend() -> Response:
        """What each budget has spent, holds and may spend; empty where none is set."""
        Given().check()
        told = spending.spend() if spending is not None else Spend([])
        return Response(msgspec.json.encode(told), content_type="application/json")
