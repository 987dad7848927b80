"""Whether a new call is promised a line: there has to be one, and it has to be paid for."""

from __future__ import annotations

from agent.guard.tokens import Claims
from agent.web.spending import Spending
from agent.web.state import PROMISE_S, ProcessState
from agent.web.webhook import info


async def no_line(told: Claims, state: ProcessState, spending: Spending | None, now: float) -> str:
    """Why this call is not promised a line; "": it is."""
    if not state.claim(told.call_sid, now):
        return "all lines are busy"
    no = await spending.admits(told.call_sid, info(told), PROMISE_S) if spending is not None else None
    if no is not None:
        state.give_up(told.call_sid)
    return no.words if no is not None else ""
