"""Ends a call that has lasted as long as a call may, with a word before.

Started by the call inside the conversation; whatever else runs, its deadlines stand.
"""

from __future__ import annotations

from collections.abc import Callable

import trio


async def limit(
    seconds: float,
    notice_s: float,
    *,
    notice: Callable[[], None],
    insist: Callable[[], None],
    reached: Callable[[], None],
    passed_s: float = 0.0,
    told: bool = False,
) -> None:
    """`notice` that much before the end, `insist` half as much before it, `reached` at the end; each once.

    A call shorter than twice its notice gets none; nor does one that has been `told`. So much of it has passed already.
    """
    end = trio.current_time() + seconds - passed_s
    if 0 < notice_s <= seconds / 2 and not told:
        await trio.sleep_until(end - notice_s)
        notice()
        await trio.sleep_until(end - notice_s / 2)
        insist()
    await trio.sleep_until(end)
    reached()
