"""SIGHUP to a process that has no workers to renew: it goes on, and so do its calls, which Python would end with it.

At a terminal it still ends the process: that is how a terminal tells that it is closed.
"""

from __future__ import annotations

import os
import signal

import structlog
import trio

log = structlog.get_logger(__name__)


async def not_here(*, alone: bool) -> None:
    """A child of the process, until cancelled. Who is not `alone` has a parent, which renews and tells."""
    if os.isatty(0):
        return
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        async for _ in signals:
            if alone:
                log.warning("SIGHUP renews nothing here: that takes WORKERS of 2 or more. A restart does it")
