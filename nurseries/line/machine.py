"""Waits for the carrier's verdict on who has answered a call that we placed, while the agent talks as to a person.

Started by the call inside the conversation; with a person on the line it is over soon, and nobody notices it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import trio

from agent.guard.machines import Policy, deed

log = structlog.get_logger(__name__)

VERDICT_S = 75.0
"""From the stream's start. Twilio looks for 30 s, and for the end of a greeting that long."""


async def watch(
    verdict: Callable[[], Awaitable[str]],
    policy: Policy,
    *,
    hang_up: Callable[[str], None],
    leave_message: Callable[[str], None],
) -> None:
    """Call one of them, with the verdict, where it was a machine; return where not, or where nobody knows in time."""
    answered_by = ""
    with trio.move_on_after(VERDICT_S):
        answered_by = await verdict()
    what = deed(answered_by, policy)
    log.info("answered by", who=answered_by or "nobody knows", deed=what)
    match what:
        case "hang up":
            hang_up(answered_by)
        case "leave a message":
            leave_message(answered_by)
