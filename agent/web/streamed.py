"""A body that is made as it is read: pieces in, the same out, broken off where they cannot go on."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import structlog

from agent.errors import StoreError

log = structlog.get_logger(__name__)


async def streamed(pieces: AsyncGenerator[bytes, None], what: str) -> AsyncGenerator[bytes, None]:
    """Its status is long sent when a store goes away, so the connection is broken off: a client must not take a part
    for all. Raises ConnectionAbortedError, which is no fault of ours to the door."""
    try:
        async for piece in pieces:
            yield piece
    except StoreError as error:
        log.warning("an answer is broken off", what=what, error=str(error))
        raise ConnectionAbortedError(str(error)) from None
    finally:
        await pieces.aclose()
