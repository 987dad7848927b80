"""A queue that never makes its sender wait: when full, the oldest item goes, and the drop is counted.

For live sound, where the old is worthless and a sender that waits would keep the socket from being read.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import trio
from trio.lowlevel import ParkingLot

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One sender, one receiver."""

    def __init__(self, depth: int) -> None:
        self._items: deque[T] = deque(maxlen=depth)
        self._arrived = ParkingLot()
        self.dropped = 0

    def put(self, item: T) -> None:
        """Leave an item. Not a checkpoint."""
        if len(self._items) == self._items.maxlen:
            self.dropped += 1
        self._items.append(item)
        self._arrived.unpark_all()

    async def get(self) -> T:
        """The oldest item left. A checkpoint; cancelled, it takes nothing."""
        while not self._items:
            await self._arrived.park()
        await trio.lowlevel.checkpoint_if_cancelled()
        return self._items.popleft()

    def __len__(self) -> int:
        return len(self._items)
