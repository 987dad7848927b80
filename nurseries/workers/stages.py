"""How often a worker has been told to leave: by its own signals, and by its parent, whichever says more.

A supervisor may signal all processes of a service, and the parent then tells its workers as well: that is one word, not
two, or calls would be cut short.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator

import trio


class Stages:
    """One worker's. Iterated over, it gives a signal's number each time that the way out goes one further."""

    def __init__(self) -> None:
        self._told = 0
        self._given = 0
        self._more = trio.lowlevel.ParkingLot()

    def reach(self, stage: int) -> None:
        """So many are due; fewer than before change nothing. Not a checkpoint."""
        self._told = max(self._told, stage)
        self._more.unpark_all()

    async def follow(self, signals: AsyncIterator[int]) -> None:
        """Count this process's own, until cancelled."""
        count = 0
        async for _ in signals:
            count += 1
            self.reach(count)

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        await trio.lowlevel.checkpoint()
        while self._given >= self._told:
            await self._more.park()
        self._given += 1
        return signal.SIGTERM
