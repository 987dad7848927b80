"""One job at a time, replaceable: the structure behind "at most one pipeline".

One task runs all jobs, one after the other, each in a cancel scope of its own. To replace is to cancel the running job
and leave the next one; the same line of code both waits until the old one is gone and enters the new one, so two at
once cannot be written. The newest request wins; one that never began is forgotten.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
from trio.lowlevel import ParkingLot

Job = Callable[[], Awaitable[None]]


class Runner:
    """Runs jobs in the task that calls `run`; `replace` and `drop` may be called by anyone at any time."""

    def __init__(self) -> None:
        self._next: Job | None = None
        self._scope: trio.CancelScope | None = None
        self._wake = ParkingLot()

    @property
    def busy(self) -> bool:
        """A job is running, being cancelled, or about to run."""
        return self._scope is not None or self._next is not None

    def replace(self, job: Job, reason: str) -> None:
        """Cancel what runs; once it is gone, run this. Synchronous, not a checkpoint."""
        self.drop(reason)
        self._next = job
        self._wake.unpark_all()

    def drop(self, reason: str) -> None:
        """Cancel what runs and forget what was to run. Synchronous, not a checkpoint."""
        self._next = None
        if self._scope is not None:
            self._scope.cancel(reason)

    async def run(self) -> None:
        """Run jobs until cancelled. A job's exception ends it, and the runner with it."""
        while True:
            while self._next is None:
                await self._wake.park()
            job, self._next = self._next, None
            self._scope = trio.CancelScope()
            try:
                with self._scope:
                    await job()
            finally:
                self._scope = None
