"""A media socket without a network: two ends in memory, what one sends the other receives. For calls on virtual time.

Behaves like the real one where it matters: ordered, a bounded buffer that makes a sender wait, what was sent before
a close still arrives, sending to a closed peer fails.
"""

from __future__ import annotations

import trio

from agent.wire.ports import MediaSocket

ROOM = 64
"""Messages on the way in one direction before a sender has to wait: some kilobytes, as in a kernel's buffers."""


class LoopbackSocket(MediaSocket):
    """One end; a `MediaSocket`."""

    def __init__(self, out: trio.MemorySendChannel[str | bytes], into: trio.MemoryReceiveChannel[str | bytes]) -> None:
        self._out = out
        self._in = into
        self.closed: tuple[int, str] | None = None
        """Code and reason of this end's own close; None while open, (1006, "") after an abort."""
        self.peer: LoopbackSocket | None = None

    @property
    def goodbye(self) -> tuple[int, str] | None:
        """Code and reason of the other end's close; None while it is open."""
        return None if self.peer is None else self.peer.closed

    async def receive(self) -> str | bytes | None:
        try:
            return await self._in.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            return None

    async def send(self, text: str | bytes) -> None:
        """A `str`, as the seam says; `bytes` make a binary frame, for those who want to misbehave."""
        try:
            await self._out.send(text)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionError("the other end is closed") from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.drop(code, reason)
        await trio.lowlevel.checkpoint()

    async def abort(self) -> None:
        self.drop()
        await trio.lowlevel.checkpoint()

    def drop(self, code: int = 1006, reason: str = "") -> None:
        """Close at once, without a checkpoint: for cleanup."""
        self.closed = self.closed or (code, reason)
        self._out.close()
        self._in.close()


def loopback(room: int = ROOM) -> tuple[LoopbackSocket, LoopbackSocket]:
    """Two connected ends."""
    one_out, other_in = trio.open_memory_channel[str | bytes](room)
    other_out, one_in = trio.open_memory_channel[str | bytes](room)
    one, other = LoopbackSocket(one_out, one_in), LoopbackSocket(other_out, other_in)
    one.peer, other.peer = other, one
    return one, other
