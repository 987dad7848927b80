"""Where a peer's bad manners end: work on one connection in, nothing out.

A peer that breaks HTTP or WebSocket makes the libraries raise; that is its own connection's end, worth one line in
the log and no traceback. Anything else is our fault and passes on to the boundary.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import h11
import structlog
import trio
import wsproto.utilities

log = structlog.get_logger(__name__)

PEER_FAULTS = (
    h11.ProtocolError,
    wsproto.utilities.ProtocolError,
    UnicodeError,
    OSError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
)


async def tolerate(work: Callable[[], Awaitable[None]], what: str) -> None:
    """Run the work; a fault of the peer ends it early."""
    try:
        await work()
    except* PEER_FAULTS as errors:
        log.info("peer broke the protocol", what=what, faults=sorted({type(error).__name__ for error in _each(errors)}))


def peers_fault(error: BaseException | None) -> bool:
    """Whether the peer alone is to blame for this; what was cancelled along the way does not count."""
    if isinstance(error, BaseExceptionGroup):
        return all(peers_fault(one) for one in error.exceptions)
    return isinstance(error, (*PEER_FAULTS, trio.Cancelled))


def _each(group: BaseExceptionGroup[Exception]) -> list[Exception]:
    found: list[Exception] = []
    for error in group.exceptions:
        found += _each(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
