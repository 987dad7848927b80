"""Where one call's crash ends: the only `except* Exception`.

Cancellation passes through untouched, also when it arrives together with an error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)


async def contain(work: Callable[[], Awaitable[None]], what: str) -> bool:
    """Run the work; True when it crashed. The crash is logged with the context's call_sid and goes no further."""
    crashed = False
    try:
        await work()
    except* Exception as errors:
        crashed = True
        log.exception("crashed", what=what, exc_info=errors)
    return crashed
