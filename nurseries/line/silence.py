"""Watches for a line on which nobody speaks: prompts, prompts again, then ends the call.

Started by the call inside the conversation. Silence counts from the end of playback as the caller hears it. Sounds are
short and looks are rare, so it is looked again every second: a caller who mumbles now and then must not be met in the
middle of a sound each time.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import trio

LOOK_S = 1.0


async def watch(quiet_since: Callable[[], float], limit_s: float, too_quiet: Callable[[], None]) -> None:
    """Call `too_quiet` whenever nothing has been heard from either side for `limit_s`; run until cancelled.

    `quiet_since` gives the moment (trio's clock) since which nobody has spoken: now or later while somebody does.
    """
    told = -math.inf
    while True:
        now = trio.current_time()
        due = max(quiet_since(), told) + limit_s
        if due <= now:
            too_quiet()
            told = now
            due = now + limit_s
        await trio.sleep_until(min(due, now + LOOK_S))
