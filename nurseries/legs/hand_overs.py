"""Calls that are to be passed on: told to this process's face and to the store, because any process may be asked.

Both directions are bounded, for a caller is on the line.
"""

from __future__ import annotations

import structlog
import trio

from agent.errors import StoreError
from agent.keep.ports import CallStore
from agent.web.state import ProcessState

log = structlog.get_logger(__name__)

LIMIT_S = 3.0
"""For the store to take it, or to tell it. Without it, only this process knows."""


class HandOvers:
    """One process's."""

    def __init__(self, store: CallStore, state: ProcessState) -> None:
        self._store = store
        self._state = state
        self._threads = trio.CapacityLimiter(4)

    async def hand_over(self, call_sid: str, to: str) -> bool:
        """Arrange it. True also where the store is away: this process will most likely be the one that is asked."""
        self._state.hand_over(call_sid, to)
        try:
            with trio.move_on_after(LIMIT_S) as scope:
                await trio.to_thread.run_sync(
                    self._store.hand_over, call_sid, to, limiter=self._threads, abandon_on_cancel=True
                )
        except StoreError as error:
            log.warning("hand-over not stored", error=str(error))
        if scope.cancelled_caught:
            log.warning("hand-over not stored", error=f"nothing for {LIMIT_S:g} s")
        return True

    async def handed_over(self, call_sid: str) -> str | None:
        """Where to, as far as the store knows."""
        try:
            with trio.move_on_after(LIMIT_S):
                return await trio.to_thread.run_sync(
                    self._store.handed_over, call_sid, limiter=self._threads, abandon_on_cancel=True
                )
        except StoreError as error:
            log.warning("hand-over not known", call_sid=call_sid, error=str(error))
        return None
