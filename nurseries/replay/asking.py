"""What a call waits for outside of itself, as it is recorded: one of its tasks asks, and whatever comes of it is fed to
that task, in the pass in which it comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import trio

from agent.replay.events import Fed, How
from agent.replay.plain import of_error
from nurseries.replay.pass_clock import OUTSIDE


class Recording(Protocol):
    """What is fed is written into it. Not checkpoints: see Take."""

    def place(self, task: trio.lowlevel.Task) -> object: ...

    def feed(self, fed: Fed) -> None: ...


class Asking:
    """One ask. Nothing here is a checkpoint."""

    def __init__(self, take: Recording, number: int) -> None:
        """To be made in the task that asks."""
        self.take = take
        self.task = trio.lowlevel.current_task()
        self._number = number
        self._place = take.place(self.task)
        """The last step in which something of it was the call's own."""
        self._through: BaseException | None = None

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Within it this task is in code that is not the call's own. How it ends, but for an answer, is fed."""
        asking, beyond = ASKING.set(self), OUTSIDE.set(True)
        try:
            yield
        except Exception as error:
            self.fed(*(("through",) if error is self._through else ("error", of_error(error))))
            raise
        except BaseException:
            self.fed("through" if self._through is not None else "cancelled")
            raise
        finally:
            OUTSIDE.reset(beyond)
            ASKING.reset(asking)

    def fed(self, how: How, value: Any = None) -> None:
        """It gets this."""
        place = self.take.place(self.task)
        self.take.feed(Fed(self._number, how, value, place == self._place))
        self._place = place

    @contextmanager
    def handing(self, piece: Any) -> Iterator[None]:
        """It gets a piece of the answer: within this, the call's own code takes it."""
        self.fed("piece", piece)
        OUTSIDE.set(False)
        try:
            yield
        except BaseException as error:
            self._through = error
            raise
        finally:
            self._place = self.take.place(self.task)
            OUTSIDE.set(True)


ASKING: ContextVar[Asking | None] = ContextVar("ASKING", default=None)
"""What is waited for here; of use only outside."""
