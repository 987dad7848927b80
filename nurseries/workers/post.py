"""What a worker has of its parent: connections, the word to leave, what its siblings have counted; and what it tells.

One of the worker's children, cancelled behind its last call. A parent that is gone has left it nothing to take: then it
leaves as if it had been told to.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable

import structlog
import trio

from agent import metrics
from agent.metrics import Count, Reading
from agent.web.state import ProcessState
from agent.workers import words
from agent.workers.board import Stance
from agent.workers.lines import SharedLines
from agent.workers.words import Word, replaced
from nurseries.workers.handed import Handed
from nurseries.workers.hatch import NONE, Hatch, close
from nurseries.workers.question import Question, read_all
from nurseries.workers.shared import Shared
from nurseries.workers.stages import Stages

log = structlog.get_logger(__name__)

BEAT_S = 0.1
"""Between two times that a worker tells how it stands."""

CHARTER_S = 10.0
"""For the parent's first word."""

CLOSE_S = 1.0
"""For the parent to pass nothing on any more."""

GATHER_S = 1.0
"""For what the siblings have counted: whoever scrapes waits for ten."""

DEATHS = Count("worker_deaths", "Workers of this slot that have ended without being told to.")
SILENT = Count("workers_silent", "Workers that did not tell in time what they have counted.")


class Post:
    """One worker's."""

    def __init__(self, hatch: Hatch, charter: words.Charter, shared: Shared) -> None:
        self.charter = charter
        self.name = str(charter.slot)
        """A slot's, stable over restarts; or of one that has left it."""
        self._state = ProcessState()
        self._readings: Callable[[], Iterable[Reading]] = tuple
        self._lines = SharedLines(shared.board, charter.row, shared.alone)
        self.stages = Stages()
        self.elsewhere = trio.Event()
        """The next request is a sibling's."""
        self.listener = Handed(self._closing, self._back)
        self._row = shared.board.row(charter.row)
        self._hatch = hatch
        self._closed = trio.Event()
        self._questions: dict[int, Question] = {}
        self._asked = 0
        DEATHS.add(charter.deaths)

    @property
    def first(self) -> bool:
        """It tells what needs to be told once."""
        return self.charter.slot == 0

    @classmethod
    def open(cls, end: socket.socket) -> Post | None:
        """Before there is a loop. None where there is no parent. Raises OSError."""
        os.set_inheritable(end.fileno(), False)
        end.settimeout(CHARTER_S)
        data, files, _, _ = socket.recv_fds(end, words.LONGEST, 1)
        if not data or not files:
            return None
        os.set_inheritable(files[0], False)
        charter = words.decode(data)
        if not isinstance(charter, words.Charter):
            return None
        return cls(Hatch(end), charter, Shared(files[0], charter.rows))

    def join(self, state: ProcessState, readings: Callable[[], Iterable[Reading]]) -> None:
        """Before anything is run: what is told of is this process's, and a line of its siblings is one of its own."""
        self._state, self._readings = state, readings
        state.siblings = self._lines

    def faulty(self, faults: tuple[str, ...]) -> None:
        """There is nothing to serve with. Not a checkpoint."""
        self._hatch.put(words.Faulty(faults))

    def ready(self, within_s: float) -> None:
        """Calls are taken; the way out takes so long at most. Not a checkpoint."""
        self._tell()
        self._hatch.put(words.Ready(within_s))

    async def run(self) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._beat, name="beat")
            while (heard := await self._hatch.hear()) is not None:
                await self._heard(*heard)
            log.warning("the parent is gone: leaving")
            self._closed.set()
            self.stages.reach(1)

    async def others(self) -> tuple[str, dict[str, str]]:
        """This worker's name, and what its siblings have counted, by theirs. Within GATHER_S; whoever is late is left
        out, and counted."""
        self._asked += 1
        n, question = self._asked, Question(self.charter.workers - 1)
        self._questions[n] = question
        try:
            with trio.move_on_after(GATHER_S):
                if await self._hatch.say(words.Ask(n)):
                    await question.answered()
        finally:
            del self._questions[n]
        SILENT.add(question.missing)
        return self.name, question.told

    async def _heard(self, word: Word, file: int) -> None:
        match word:
            case words.Take() if file != NONE and self.listener.open:
                self.listener.hand(file)
                return
            case words.Take() if file != NONE:
                await self._back(file)
            case words.Leave():
                if word.replaced:
                    self.name = replaced(os.getpid())
                self.stages.reach(word.stage)
            case words.Closed():
                self._closed.set()
            case words.Ask():
                await self._count(word.n)
            case words.Asked() if (question := self._questions.get(word.n)) is not None:
                self.name = word.name
                question.asked(word.of)
            case words.Told() if (question := self._questions.get(word.n)) is not None and file != NONE:
                question.add(word.name, read_all(file))
        close(file)

    async def _count(self, n: int) -> None:
        """Tell what has been counted here."""
        file = os.memfd_create("calling-agent metrics", os.MFD_CLOEXEC)
        try:
            os.pwrite(file, metrics.exposition(self._readings()), 0)
            await self._hatch.say(words.Told(n), file)
        finally:
            close(file)

    async def _beat(self) -> None:
        while True:
            self._tell()
            if self._state.draining and self._lines.accepting:
                self.elsewhere.set()
            await trio.sleep(BEAT_S)

    def _tell(self) -> None:
        state = self._state
        stance = (
            (Stance.OPEN if self.listener.open else Stance(0))
            | (Stance.ACCEPTING if state.accepting else Stance(0))
            | (Stance.LEAVING if state.draining else Stance(0))
        )
        self._row.tell(stance, time.monotonic(), state.streams, state.taken)

    async def _closing(self) -> None:
        with trio.move_on_after(CLOSE_S, shield=True):
            self._tell()
            if await self._hatch.say(words.Closing()):
                await self._closed.wait()

    async def _back(self, file: int) -> None:
        await self._hatch.say(words.Back(), file)
