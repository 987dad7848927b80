"""How the process is, for supervisors and load balancers: nothing in, JSON out. Open to all, tells little."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from quart import Blueprint

from agent.web.state import ProcessState

Answer = tuple[dict[str, Any], int]


def health_routes(state: ProcessState, now: Callable[[], float]) -> Blueprint:
    """`now` is that of the webhooks, in seconds since the epoch."""
    routes = Blueprint("health", __name__)

    def word() -> str:
        if not state.taking:
            if state.draining:
                return "draining"
            return "journal cannot be written" if state.journal_fault else "starting"
        down = state.degraded()
        return f"degraded: {', '.join(down)}" if down else "ready"

    def doubt() -> dict[str, Any]:
        return {"journal": state.journal_doubt} if state.journal_doubt else {}

    def lines() -> dict[str, int]:
        """Calls, and how many there may be, those told to connect included."""
        return dict(zip(("calls", "promised", "most"), state.lines(now()), strict=True))

    @routes.get("/health")
    async def health() -> Answer:
        return {"status": word()} | lines() | doubt(), 200

    @routes.get("/health/live")
    async def live() -> Answer:
        return {"status": "alive", "pid": os.getpid()}, 200

    @routes.get("/health/ready")
    async def ready() -> Answer:
        """200 while new calls are welcome, 503 before and after: load balancers act upon the status alone."""
        return {"status": word()} | doubt(), 200 if state.taking else 503

    return routes
