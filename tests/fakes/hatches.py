"""Both ends of what lies between a parent and a worker, in memory: words, and copies of files, arrive in order."""

from __future__ import annotations

import os
from collections import deque

import trio

from agent.workers.words import Word


class FakeHatch:
    """One end."""

    def __init__(self) -> None:
        self.other: FakeHatch
        self.inbox: deque[tuple[Word, int]] = deque()
        self.closed = False
        self.full = False
        """It takes nothing at present."""
        self._news = trio.lowlevel.ParkingLot()

    def put(self, word: Word, file: int = -1) -> bool:
        other = self.other
        if self.closed or other.closed or other.full:
            return False
        other.inbox.append((word, os.dup(file) if file >= 0 else file))
        other._news.unpark_all()
        return True

    async def say(self, word: Word, file: int = -1) -> bool:
        await trio.lowlevel.checkpoint()
        while self.other.full and not self.other.closed:
            await self.other._news.park()
        return self.put(word, file)

    async def hear(self) -> tuple[Word, int] | None:
        await trio.lowlevel.checkpoint()
        while not self.inbox and not self.closed and not self.other.closed:
            await self._news.park()
        return self.inbox.popleft() if self.inbox else None

    def close(self) -> None:
        self.closed = True
        self._news.unpark_all()
        self.other._news.unpark_all()


def ends() -> tuple[FakeHatch, FakeHatch]:
    one, other = FakeHatch(), FakeHatch()
    one.other, other.other = other, one
    return one, other
