"""What one worker asks of its siblings: how many were asked, and what they have told so far."""

from __future__ import annotations

import os

import trio


class Question:
    """One."""

    def __init__(self, most: int) -> None:
        """`most` is who there is to be asked, as long as nothing else is known."""
        self.told: dict[str, str] = {}
        """What they have counted, by their names."""
        self._of = most
        self._known = False
        self._news = trio.lowlevel.ParkingLot()

    @property
    def missing(self) -> int:
        """Who has not told."""
        return max(self._of - len(self.told), 0)

    def asked(self, of: int) -> None:
        """So many were asked. Not a checkpoint."""
        self._of, self._known = of, True
        self._news.unpark_all()

    def add(self, name: str, text: str) -> None:
        """Not a checkpoint."""
        self.told[name] = text
        self._news.unpark_all()

    async def answered(self) -> None:
        """Until all have told. Always a checkpoint."""
        await trio.lowlevel.checkpoint()
        while not self._known or self.missing:
            await self._news.park()


def read_all(file: int) -> str:
    """A file in memory, from its beginning. Not a checkpoint."""
    return os.pread(file, os.fstat(file).st_size, 0).decode("utf-8", "replace")
