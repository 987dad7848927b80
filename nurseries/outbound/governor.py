"""Lets calls out one by one: so many a second, so many at once; first come, first served.

Who waits holds nothing, and waits for no longer than told; more than a few are told at once to come again.
"""

from __future__ import annotations

import trio

from agent.guard.order import Refused

FREE_S = 15.0
"""Until one of several calls that are on is likely to be over."""


class Governor:
    """One process's."""

    def __init__(self, *, most: int, per_second: float, queue: int) -> None:
        """`most` calls at once; `queue` requests that may wait."""
        self._turn = trio.Lock()  # first in, first out
        self._slots = trio.Semaphore(most)
        self._pause = 1 / per_second
        self._next = 0.0
        """When the next call may go, on trio's clock."""
        self._most = queue
        self._waiting = 0

    @property
    def waiting(self) -> int:
        return self._waiting

    async def enter(self, limit_s: float) -> Refused | None:
        """None once a call may go: then `leave` is owed. Cancelled, nothing is held."""
        if self._waiting > self._most:
            return self._busy("more calls are waiting to be placed than may wait here")
        self._waiting += 1
        try:
            with trio.move_on_after(limit_s):
                async with self._turn:
                    await self._go()
                    return None
        finally:
            self._waiting -= 1
        if not self._slots.value:
            return self._busy("as many calls as may be are on (MAX_OUTBOUND_CALLS)")
        return self._busy("calls go out no faster (CALLS_PER_SECOND)")

    def leave(self) -> None:
        """The call is over. Not a checkpoint."""
        self._slots.release()

    async def _go(self) -> None:
        await self._slots.acquire()
        try:
            await trio.sleep_until(self._next)
        except BaseException:
            self._slots.release()
            raise
        self._next = trio.current_time() + self._pause

    def _busy(self, why: str) -> Refused:
        after = max(self._waiting * self._pause, self._pause if self._slots.value else FREE_S)
        return Refused("busy", f"The call cannot be placed now: {why}.", retry_after_s=round(after, 1))
