"""A worker's listener: connections that the parent has accepted and handed on."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Awaitable, Callable

import trio

from nurseries.workers.hatch import close


class Handed(trio.abc.Listener[trio.SocketStream]):
    """One worker's. Closed, it hands back what nobody has accepted."""

    def __init__(self, closing: Callable[[], Awaitable[object]], back: Callable[[int], Awaitable[object]]) -> None:
        """`closing` says that no more are wanted, and returns once none comes; `back` hands one back. Neither raises
        anything but Cancelled."""
        self._files: deque[int] = deque()
        self._more = trio.lowlevel.ParkingLot()
        self._closing = closing
        self._back = back
        self.open = True

    def hand(self, file: int) -> None:
        """One more; not once it is closed. Not a checkpoint."""
        self._files.append(file)
        self._more.unpark()

    async def accept(self) -> trio.SocketStream:
        await trio.lowlevel.checkpoint()
        while self.open:
            if self._files:
                return trio.SocketStream(trio.socket.from_stdlib_socket(socket.socket(fileno=self._files.popleft())))
            await self._more.park()
        raise trio.ClosedResourceError

    async def aclose(self) -> None:
        """Bounded by whoever bounds `closing`."""
        if not self.open:
            await trio.lowlevel.checkpoint()
            return
        self.open = False
        self._more.unpark_all()
        try:
            await self._closing()
            while self._files:
                await self._back(self._files[0])
                close(self._files.popleft())  # whoever has it now has a copy
        finally:
            while self._files:
                close(self._files.popleft())
