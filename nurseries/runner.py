"""One job at a time, replaceable: the structure behind "at most one pipeline".

One task runs all jobs, one after the other, each in a cancel scope of its own. To replace is to cancel the running job
and leave the next one; the same line of code both waits until the old one is gone and enters the new one, so two at
once cannot be written. The newest request wins; one that never began is forgotten. A job may shield a step with side
effects: what would cancel it then waits until the step is done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import trio
from trio.lowlevel import ParkingLot

Job = Callable[[], Awaitable[None]]


class Runner:
    """Runs jobs in the task that calls `run`; `replace` and `drop` may be called by anyone at any time."""

    def __init__(self) -> None:
        self._next: Job | None = None
        self._scope: trio.CancelScope | None = None
        self._shields = 0
        self._due: str | None = None
        """Why the job is to be cancelled once its shields are gone."""
        self._wake = ParkingLot()

    @property
    def busy(self) -> bool:
        """A job is running, being cancelled, or about to run."""
        return self._scope is not None or self._next is not None

    @property
    def shielded(self) -> bool:
        """The running job is in a step that is not to be interrupted."""
        return self._shields > 0

    @property
    def superseded(self) -> bool:
        """The running job is on its way out, or will be once its shields are gone."""
        return self._due is not None or (self._scope is not None and self._scope.cancel_called)

    def replace(self, job: Job, reason: str) -> None:
        """Cancel what runs; once it is gone, run this. Synchronous, not a checkpoint."""
        self.drop(reason)
        self._next = job
        self._wake.unpark_all()

    def drop(self, reason: str) -> None:
        """Cancel what runs and forget what was to run. Synchronous, not a checkpoint."""
        self._next = None
        if self._shields:
            self._due = reason
        elif self._scope is not None:
            self._scope.cancel(reason)

    def shield(self) -> None:
        """From now on nothing cancels the running job but the end of `run`; undone by `unshield`, or with the job."""
        self._shields += 1

    def unshield(self) -> None:
        """Undo one `shield`; with the last one, what was put off happens."""
        self._shields = max(self._shields - 1, 0)
        if not self._shields and self._due is not None and self._scope is not None:
            self._scope.cancel(self._due)

    @contextmanager
    def shielding(self) -> Iterator[None]:
        """A step that is not to be interrupted."""
        self.shield()
        try:
            yield
        finally:
            self.unshield()

    async def run(self) -> None:
        """Run jobs until cancelled. A job's exception ends it, and the runner with it."""
        while True:
            while self._next is None:
                await self._wake.park()
            job, self._next = self._next, None
            self._scope = trio.CancelScope()
            self._shields, self._due = 0, None
            try:
                with self._scope:
                    await job()
            finally:
                self._scope, self._shields, self._due = None, 0, None
