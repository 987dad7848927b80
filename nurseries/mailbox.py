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
        self._least = 1
        self.dropped = 0

    def put(self, item: T) -> None:
        """Leave an item. Not a checkpoint."""
        if len(self._items) == self._items.maxlen:
            self.dropped += 1
        self._items.append(item)
        if len(self._items) >= self._least:
            self._arrived.unpark_all()

    async def get(self, least: int = 1) -> T:
        """The oldest item left; where none is, waits until `least` are there, or all that can be. A checkpoint;
        cancelled, it takes nothing."""
        if not self._items:
            self._least = min(least, self._items.maxlen or least)
            while len(self._items) < self._least:
                await self._arrived.park()
        await trio.lowlevel.checkpoint_if_cancelled()
        return self._items.popleft()

    def offer(self, least: int) -> None:
        """If so many are there, whoever waits for more takes them now. Not a checkpoint."""
        if least <= len(self._items) < self._least:
            self._least = least
            self._arrived.unpark_all()

    def empty(self) -> list[T]:
        """Take all that is left, in order. Not a checkpoint."""
        items = list(self._items)
        self._items.clear()
        return items

    def __len__(self) -> int:
        return len(self._items)
