"""What the first process of a container owes: those whose parent is gone become its children, and somebody has to wait
for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

import trio

EVERY_S = 5.0


async def reap(ours: Callable[[], Collection[int]]) -> None:
    """Until cancelled. `ours` are the processes that somebody else waits for, by their numbers."""
    while True:
        await trio.sleep(EVERY_S)
        reap_now(ours())


def reap_now(ours: Collection[int]) -> int:
    """Those that have ended; returns how many. Not a checkpoint."""
    count = 0
    for pid in _children():
        if pid not in ours:
            try:
                count += os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is not None
            except ChildProcessError:
                continue
    return count


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []
