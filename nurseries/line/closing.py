"""How a leg's socket is closed, once all is said: what is to be known elsewhere first, for the carrier then asks
whoever it reaches what comes next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import trio

from agent.wire.ports import MediaSocket
from nurseries.boundary import contain

log = structlog.get_logger(__name__)

LAST_WORDS_S = 1.0
"""For what the caller was saying when the line was lost to be understood, so that whoever goes on with the call knows
it; later it is added to the record alone."""

BEFORE_CLOSE_S = 1.0
"""For what is to be known elsewhere before the carrier asks what comes next, shielded: the caller hears nothing
meanwhile."""

CLOSE_S = 0.5
"""For the closing handshake, shielded: a hang-up must not wait for a silent peer."""


class Closing:
    """One leg's."""

    def __init__(
        self,
        socket: MediaSocket,
        before: Callable[[], Awaitable[None]] | None,
        beside: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`before` is awaited, for BEFORE_CLOSE_S at most, then the socket is closed, and `beside` runs meanwhile, in
        CLOSE_S; neither where the leg was fenced off."""
        self._socket = socket
        self._before = before
        self._beside = beside
        self._fenced = False
        self._closed = False
        self._late = trio.CancelScope()

    def fence(self) -> None:
        """Another process has the call: it needs nothing from here. Not a checkpoint."""
        self._fenced = True
        self._late.cancel("fenced off")

    async def close_at_once(self) -> None:
        """Nothing is to be known before: close in this step, whatever is cancelled."""
        self._closed = True
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                if self._beside is not None and not self._fenced:
                    nursery.start_soon(self._bounded, self._beside, name="beside the close")
                with trio.move_on_after(CLOSE_S) as polite:
                    await self._socket.close()
        if polite.cancelled_caught:
            log.info("closed without the peer's goodbye")

    async def close(self) -> None:
        """Whatever happens, this does, within the bounds above."""
        if self._before is not None and not self._fenced:
            with trio.move_on_after(BEFORE_CLOSE_S, shield=True) as bounded:
                await contain(self._before, "before the close")
            if bounded.cancelled_caught:
                log.warning("closed before all was known elsewhere", limit_s=BEFORE_CLOSE_S)
        if not self._closed:
            await self.close_at_once()

    async def _bounded(self, work: Callable[[], Awaitable[None]]) -> None:
        with trio.move_on_after(CLOSE_S):
            await contain(work, "beside the close")

    async def lose(self, understand: Callable[[], Awaitable[None]]) -> None:
        """The line was lost: close after what the caller was saying is understood, if that is soon; else it is waited
        for afterwards, unless the leg is fenced off or all is cancelled."""
        if self._fenced:
            await self.close()
            return
        known = trio.Event()

        async def understood() -> None:
            await contain(understand, "last words")
            known.set()

        self._late.shield = True
        with self._late:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(understood, name="last words")
                with trio.move_on_after(LAST_WORDS_S):
                    await known.wait()
                await self.close()
                self._late.shield = False
        if not self._closed:  # it was fenced off meanwhile
            await self.close()
