"""The last resort on the way out: a thread that ends the process, however stuck it is.

Trio waits for every task, and a task that ignores its cancellation, or a thread that hangs in a disk, would keep it for
ever; a supervisor's SIGKILL comes later, and tells nobody why. What is in the journal by then is the next start's.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import structlog
import trio

log = structlog.get_logger(__name__)

TELL_S = 1.0
"""For the log to take what is told of that."""
MOST_TOLD = 20

NAP_S = 3600.0
"""Waited for at once: the system takes no time that is too long for it."""

CUT_OFF = 4
"""Exit code: something was not finished on the way out, and was cut off or is lost; the log says what."""


class Watchdog:
    """One process's. Nothing happens before it is armed."""

    def __init__(self, root: trio.lowlevel.Task | None = None) -> None:
        """`root` of the tasks that are told of where they hold it up."""
        self._root = root
        self._changed = threading.Condition()
        self._at = float("inf")
        self._thread: threading.Thread | None = None

    def due(self, within_s: float) -> None:
        """The process has to be gone by then, if it has not been told an earlier time. Quick, from any thread."""
        with self._changed:
            self._at = min(self._at, time.monotonic() + within_s)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()

    @contextmanager
    def on_signals(self, within_s: Sequence[float]) -> Iterator[None]:
        """Armed by the signals that end the process as well, since a loop that is stuck does not see them: with the
        first of these times by the first signal, and so on; the last time stands for all that follow. Inside of what
        handles them; in the main thread."""
        kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        due = list(within_s)

        def handle(number: int, frame: FrameType | None) -> None:
            self._arm(due.pop(0) if len(due) > 1 else due[0])
            before = kept[signal.Signals(number)]
            if callable(before):
                before(number, frame)

        for number in kept:
            signal.signal(number, handle)
        try:
            yield
        finally:
            for number, before in kept.items():
                signal.signal(number, before)

    def _arm(self, within_s: float) -> None:
        # In the main thread, which may be inside `due`: a lock that is taken is not waited for.
        threading.Thread(target=self.due, args=(within_s,), daemon=True).start()

    def _watch(self) -> None:
        with self._changed:
            while (left := self._at - time.monotonic()) > 0:
                self._changed.wait(min(left, NAP_S))
        # Whoever reads the log may be stuck as well.
        teller = threading.Thread(target=self._tell, daemon=True)
        teller.start()
        teller.join(TELL_S)
        os._exit(CUT_OFF)

    def _tell(self) -> None:
        log.error("cut off: the process has not ended in time", code=CUT_OFF, tasks=self._tasks())
        sys.stdout.flush()

    def _tasks(self) -> list[str]:
        """Those that have no child, as they were a moment ago: somebody else may be running them."""
        found, due = [], [self._root] if self._root is not None else []
        with suppress(RuntimeError):
            while due:
                task = due.pop()
                children = [child for nursery in task.child_nurseries for child in nursery.child_tasks]
                due += children
                found += [] if children else [task.name]
        return sorted(set(found))[:MOST_TOLD]
