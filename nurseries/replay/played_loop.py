"""The loop of Trio as a recording is played in it: its clock stands where it is put, and its batches are drawn by
whoever plays. See ops/adr/0037."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import trio
from trio._core import _run


class PlayedClock(trio.abc.Clock):
    """Stands where the player puts it."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.next = now

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        self.next = deadline
        return 0


@contextmanager
def drawing(player: object) -> Iterator[None]:
    """The player draws for Trio's loop meanwhile, or dice do."""
    before = _run._r, _run._ALLOW_DETERMINISTIC_SCHEDULING  # noqa: SLF001  see above
    _run._r, _run._ALLOW_DETERMINISTIC_SCHEDULING = player, True  # type: ignore[assignment, misc]  # noqa: SLF001
    try:
        yield
    finally:
        _run._r, _run._ALLOW_DETERMINISTIC_SCHEDULING = before  # type: ignore[misc]  # noqa: SLF001
