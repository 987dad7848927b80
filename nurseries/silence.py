"""Watches for a line on which nobody speaks: prompts, prompts again, then ends the call.

Started by the call inside the conversation. Silence counts from the end of playback as the caller hears it. The
deadline re-arms itself: at each wake-up it is set to the earliest moment at which the line could have been quiet for
long enough.
"""

from __future__ import annotations

from collections.abc import Callable

import trio


async def watch(quiet_since: Callable[[], float], limit_s: float, too_quiet: Callable[[], None]) -> None:
    """Call `too_quiet` whenever nothing has been heard from either side for `limit_s`; run until cancelled.

    `quiet_since` gives the moment (trio's clock) since which nobody has spoken: now or later while somebody does.
    """
    while True:
        due = quiet_since() + limit_s
        if due <= trio.current_time():
            too_quiet()
            due = trio.current_time() + limit_s
        await trio.sleep_until(due)
