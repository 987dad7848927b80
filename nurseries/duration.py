"""Ends a call that has lasted as long as a call may.

Started by the call inside the conversation; whatever else runs, its deadline stands.
"""

from __future__ import annotations

from collections.abc import Callable

import trio


async def limit(seconds: float, reached: Callable[[], None]) -> None:
    """Call `reached` once, after so many seconds."""
    await trio.sleep(seconds)
    reached()
