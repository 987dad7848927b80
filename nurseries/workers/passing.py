"""Accepts connections and passes each on to the worker with the fewest calls. Nothing of what they carry is read here.

A connection is accepted only while somebody is there to take it; until then it waits in the system's backlog.
"""

from __future__ import annotations

import errno

import structlog
import trio

from nurseries.workers.crew import Crew
from nurseries.workers.hatch import close

log = structlog.get_logger(__name__)

LOOK_S, TRIES = 0.05, 100
"""Between two looks for a worker that takes an accepted connection, and how many: all are stuck."""

AGAIN_S = 0.1
"""Before the system is asked again that has no file left."""

_FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Passing:
    """One parent's."""

    def __init__(self, crew: Crew, nursery: trio.Nursery) -> None:
        """`nursery` is for connections that come back."""
        self._crew = crew
        self._nursery = nursery
        crew.back = self.back

    def back(self, file: int) -> None:
        """A worker has not taken it. Not a checkpoint."""
        self._nursery.start_soon(self._pass, file)

    async def accept(self, listener: trio.SocketListener) -> None:
        """Until cancelled."""
        while True:
            while not self._crew.candidates():
                await self._crew.news.park()
            try:
                connection, _ = await listener.socket.accept()
            except OSError as error:
                if error.errno in _FULL:
                    log.error("no connection is accepted: the system has no file left", error=str(error))  # noqa: TRY400
                    await trio.sleep(AGAIN_S)
                continue
            await self._pass(connection.detach())

    async def _pass(self, file: int) -> None:
        """It is closed here once another process has it."""
        try:
            for _ in range(TRIES):
                if any(worker.give(file) for worker in self._crew.candidates()):
                    return
                await trio.sleep(LOOK_S)
            log.warning("a connection is not passed on: no worker takes it")
        finally:
            close(file)
