"""Signals that nobody reads, and the one that means nothing here: else they would end a process in the middle of its
way out, or of its calls.

A process takes signals one after the other as long as it has something to do about them (see `leaving`). Those behind
that would find the system's handlers again, which end it with a code of their own before its stores are closed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from types import FrameType

import structlog
import trio

log = structlog.get_logger(__name__)

ALL = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

Handler = Callable[[int, FrameType | None], object] | int | None


def once_leaving(leaving: Callable[[], bool]) -> None:
    """From `leaving` on a signal that nobody reads has been told already, until the process is gone; before that it
    does what it would have done. Once a process, just before its signals are read: what is stuck below Python hears
    of none that Python handles. In the main thread."""
    for number in ALL:
        if (before := signal.getsignal(number)) not in {signal.SIG_IGN, None}:
            signal.signal(number, partial(_late, leaving, before))


def at_the_end() -> None:
    """Nothing is left to be told: the interpreter takes its handlers back as it ends, but not this."""
    for number in ALL:
        signal.signal(number, signal.SIG_IGN)


def _late(leaving: Callable[[], bool], before: Handler, number: int, _frame: FrameType | None) -> None:
    if not leaving():
        signal.signal(number, before)
        signal.raise_signal(number)


class HangUps:
    """Of one process, which nobody could go on for meanwhile: a supervisor's "reload" ends no call of it. Where its
    terminal is gone, it leaves."""

    def __init__(self) -> None:
        self._at_terminal = os.isatty(0)

    async def run(self) -> None:
        """Until cancelled."""
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup
            return
        with trio.open_signal_receiver(signal.SIGHUP) as signals:
            async for _ in signals:
                if self._at_terminal:
                    signal.raise_signal(signal.SIGTERM)
                else:
                    log.warning("SIGHUP changes nothing here: it renews workers, for their parent; SIGTERM is to leave")
