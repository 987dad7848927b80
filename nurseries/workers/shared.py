"""The board's memory, and the right to claim a line on it: the parent makes it, a worker gets it as an open file.

The lock belongs to a process and to no file descriptor: the system lets go of it when its holder is gone, however it
went. It is held for microseconds, so whoever cannot get it for `PATIENCE_S` goes on without: one call too many is less
than a loop that stands still.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agent.workers.board import Board, size

PATIENCE_S = 0.02
AGAIN_S = 0.0002


class Shared:
    """One process's view of it."""

    def __init__(self, file: int, rows: int) -> None:
        """`file` is this object's from here on. Raises OSError."""
        self.file = file
        self.board = Board(memoryview(mmap.mmap(file, size(rows))), rows)

    @classmethod
    def new(cls, rows: int) -> Shared:
        """All zero. Raises OSError."""
        file = os.memfd_create("calling-agent workers", os.MFD_CLOEXEC)
        os.ftruncate(file, size(rows))
        return cls(file, rows)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process claims a line in this block. Not a checkpoint."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > until:
                    break
                time.sleep(AGAIN_S)
            else:
                break
        try:
            yield
        finally:
            fcntl.lockf(self.file, fcntl.LOCK_UN)
