"""A worker, as its parent sees it: a process, the hatch that leads to it, and what it has said."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import trio

from agent.workers import words
from agent.workers.board import Row
from agent.workers.choice import Standing, standing
from agent.workers.words import Word, replaced
from nurseries.workers.hatch import Hatch, pair
from nurseries.workers.shared import Shared

SAY_S = 1.0
"""For a worker to take a word: who is stuck is not waited for."""


class Worker:
    """One."""

    def __init__(self, charter: words.Charter, process: trio.Process, hatch: Hatch, row: Row) -> None:
        self.charter = charter
        self.process = process
        self.hatch = hatch
        self.row = row
        self.began = trio.current_time()
        self.passed = 0
        """Connections that it has been given."""
        self.within_s = 0.0
        """How long it takes to leave, at most."""
        self.faults: tuple[str, ...] = ()
        """Of its configuration."""
        self.ready = trio.Event()
        self.gone = trio.Event()
        self.closing = False
        """It takes no more connections."""
        self.stage = 0
        """How often it has been told to leave."""
        self.replaced = False

    @property
    def name(self) -> str:
        """Of its series."""
        return replaced(self.process.pid) if self.replaced else str(self.charter.slot)

    @property
    def code(self) -> int:
        """Its exit code; below zero the signal that has ended it; 0 while it lives."""
        return self.process.returncode or 0

    @property
    def open(self) -> bool:
        """It may be given connections."""
        return self.ready.is_set() and not self.closing and not self.gone.is_set()

    def standing(self, now: float) -> Standing:
        """`now` by the machine's monotonic clock."""
        return standing(self.row, self.passed, now)

    def give(self, file: int) -> bool:
        """A connection; False where it takes none at present. Not a checkpoint."""
        given = self.hatch.put(words.Take(), file)
        self.passed += given
        return given

    def put(self, word: Word, file: int = -1) -> bool:
        """Say it now; False where it takes nothing at present. Not a checkpoint."""
        return self.hatch.put(word, file)

    async def leave(self, stage: int, *, replaced: bool = False) -> None:
        """Tell it to, once more. Who is not ready yet has nothing to lose. Bounded."""
        self.stage, self.replaced = max(self.stage, stage), self.replaced or replaced
        if not self.ready.is_set():
            self.process.terminate()
        with trio.move_on_after(SAY_S):
            await self.hatch.say(words.Leave(stage, replaced))

    def kill(self) -> None:
        """Whatever it is stuck in. Not a checkpoint."""
        with suppress(ProcessLookupError):
            self.process.kill()


async def start(charter: words.Charter, shared: Shared) -> Worker:
    """A new process, with its charter. Raises OSError."""
    ours, theirs = pair()
    with theirs:
        try:
            # A group of its own: the terminal's signals are the parent's to pass on.
            process = await trio.lowlevel.open_process(
                [sys.executable, "-P", "-m", "nurseries.working", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
        except BaseException:
            ours.close()
            raise
    row = shared.board.row(charter.row)
    row.clear()
    hatch = Hatch(ours)
    hatch.put(charter, shared.file)
    return Worker(charter, process, hatch, row)
