"""The workers of one server: who starts them, hears them, replaces them and has them leave.

A slot has one worker after the other. One that ends by itself is told and started again, with a pause that grows; one
that is renewed goes on until its replacement takes calls, and leaves then. A worker that cannot even begin, at the
start, ends the server.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import structlog
import trio

from agent.workers import words
from agent.workers.choice import order
from agent.workers.pauses import Pauses, worst
from agent.workers.words import Word
from nurseries.workers.hatch import close
from nurseries.workers.relay import Relay
from nurseries.workers.shared import Shared
from nurseries.workers.worker import Worker, start

log = structlog.get_logger(__name__)

START_S = 120.0
"""For a replacement to take calls; then the old worker stays."""

MORE_S = 5.0
"""Beyond what a worker takes to leave, before it is ended: its own watchdog comes first, and tells why."""

STUCK_S, LOOK_S = 60.0, 1.0
"""A worker whose loop has not run for so long is ended, so that others take its calls up: whoever asks the server
whether it lives is answered by one that does. Between two looks."""

Start = Callable[[words.Charter, Shared], Awaitable[Worker]]


class Crew:
    """One server's."""

    def __init__(self, shared: Shared, workers: int, port: int, seed: str, *, begin: Start = start) -> None:
        """The board has two rows more than there are workers: for a replacement, and for a worker that is about to be
        gone. `begin` starts a process."""
        self._shared, self._begin = shared, begin
        self._port, self._seed = port, seed
        self._rows = list(range(shared.board.rows))
        self.slots = tuple(range(workers))
        self.there: dict[int, Worker] = {}
        """By slot: who takes calls, or is about to."""
        self.all: set[Worker] = set()
        self._renew = [trio.Event() for _ in self.slots]
        self._renewed = [trio.Event() for _ in self.slots]
        self._deaths = [0 for _ in self.slots]
        self._up: set[int] = set()
        self.up = trio.Event()
        """All slots have taken calls."""
        self.news = trio.lowlevel.ParkingLot()
        """Unparked when somebody takes connections, or takes none any more."""
        self.left = trio.Event()
        """Told to leave, or failed."""
        self.stage = 0
        self.faults: tuple[str, ...] = ()
        """Why there is nothing to serve with."""
        self._codes: list[int] = []
        self._relay = Relay()
        self._nursery: trio.Nursery
        self.back: Callable[[int], object] = close
        """Told of a connection that a worker has handed back, an open file. Not a checkpoint."""

    @property
    def code(self) -> int:
        """What the server is to exit with, once it has left."""
        return worst(self._codes)

    @property
    def shut(self) -> bool:
        """On the way out, and nobody takes a connection any more."""
        return self.left.is_set() and not any(worker.open for worker in self.all)

    def candidates(self) -> list[Worker]:
        """Whom to give the next connection, one after the other. Not a checkpoint."""
        there, now = [worker for worker in self.all if worker.open], time.monotonic()
        return [there[place] for place in order([worker.standing(now) for worker in there])]

    async def run(self) -> None:
        """Until all have left."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._watch, name="watch")
            async with trio.open_nursery() as slots:
                for slot in self.slots:
                    slots.start_soon(self._keep, slot, name=f"slot {slot}")
            self._nursery.cancel_scope.cancel("all workers are gone")

    async def leave(self) -> None:
        """Once more: as a signal tells a process."""
        self.stage += 1
        self._shared.board.leaving = True
        self._begin_to_leave()
        await self._tell_all()

    async def renew(self) -> bool:
        """One after the other, each old one gone before the next is replaced; until then none is without a successor.
        False where a replacement does not come to take calls: the others are not renewed then."""
        for slot in self.slots:
            old, self._renewed[slot] = self.there.get(slot), trio.Event()
            self._renew[slot].set()
            await self._renewed[slot].wait()
            if old is not None and old is self.there.get(slot):
                return False
            if old is not None:
                await old.gone.wait()
        return True

    async def _keep(self, slot: int) -> None:
        pauses = Pauses()
        worker = self.there[slot] = await self._hire(slot)
        while True:
            await _first(worker.gone.wait, self._renew[slot].wait)
            if self.left.is_set():
                await worker.gone.wait()
                return
            if not worker.gone.is_set():
                worker = self.there[slot] = await self._replace(worker)
                self._renewed[slot].set()
                continue
            if slot not in self._up:
                await self._fail(worker)
                return
            self._deaths[slot] += 1
            pause_s = pauses.after(trio.current_time() - worker.began)
            log.error("a worker has ended", worker=slot, pid=worker.process.pid, code=worker.code, again_in_s=pause_s)
            with trio.move_on_after(pause_s):
                await self.left.wait()
                return
            worker = self.there[slot] = await self._hire(slot)

    async def _hire(self, slot: int) -> Worker:
        row, rows, deaths = self._rows.pop(), self._shared.board.rows, self._deaths[slot]
        charter = words.Charter(slot, row, rows, len(self.slots), self._port, self._seed, deaths)
        worker = await self._begin(charter, self._shared)
        self.all.add(worker)
        self._nursery.start_soon(self._attend, worker, name=f"worker {slot}")
        if self.left.is_set():
            await worker.leave(self.stage)
        return worker

    async def _replace(self, old: Worker) -> Worker:
        """Who is in the slot from now on."""
        slot = old.charter.slot
        self._renew[slot] = trio.Event()
        new = await self._hire(slot)
        with trio.move_on_after(START_S):
            await _first(new.ready.wait, new.gone.wait, self.left.wait)
        if new.ready.is_set():
            await self._send_off(old, 1, replaced=True)
            return new
        new.kill()
        await new.gone.wait()
        if not self.left.is_set():
            log.error("a worker is not replaced: the new one takes no calls", worker=slot, faults=new.faults)
        return old

    async def _fail(self, worker: Worker) -> None:
        """The server cannot begin."""
        self.faults = self.faults or worker.faults
        self._codes.append(worker.code or 1)
        log.error("a worker has not begun", worker=worker.charter.slot, code=worker.code)
        self.stage = 3
        self._begin_to_leave()
        await self._tell_all()

    def _begin_to_leave(self) -> None:
        self.left.set()
        self.news.unpark_all()

    async def _tell_all(self) -> None:
        async with trio.open_nursery() as nursery:
            for worker in tuple(self.all):
                nursery.start_soon(self._send_off, worker, self.stage)

    async def _send_off(self, worker: Worker, stage: int, *, replaced: bool = False) -> None:
        if not worker.stage:
            self._nursery.start_soon(self._bound, worker, name="bound")
        await worker.leave(stage, replaced=replaced)

    async def _bound(self, worker: Worker) -> None:
        with trio.move_on_after(worker.within_s + MORE_S):
            await worker.gone.wait()
            return
        log.error("a worker is cut off: it has not ended in time", worker=worker.charter.slot)
        worker.kill()

    async def _attend(self, worker: Worker) -> None:
        """Until it is gone."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hear, worker, name="hear")
            await worker.process.wait()
            nursery.cancel_scope.deadline = trio.current_time() + LOOK_S  # what it has said last is there by then
        worker.hatch.close()
        worker.row.clear()
        self._rows.append(worker.charter.row)
        self.all.discard(worker)
        if self.left.is_set() and worker.ready.is_set():
            self._codes.append(worker.code)
        worker.gone.set()
        self.news.unpark_all()

    async def _hear(self, worker: Worker) -> None:
        while (heard := await worker.hatch.hear()) is not None:
            self._heard(worker, *heard)

    def _heard(self, worker: Worker, word: Word, file: int) -> None:
        match word:
            case words.Ready():
                worker.within_s = word.within_s
                worker.ready.set()
                self._up.add(worker.charter.slot)
                self.news.unpark_all()
                if len(self._up) == len(self.slots):
                    self.up.set()
            case words.Faulty():
                worker.faults = word.faults
            case words.Closing():
                worker.closing = True
                self.news.unpark_all()
                worker.put(words.Closed())
            case words.Back():
                self.back(file)
                return
            case words.Ask():
                self._relay.ask(worker, word.n, [each for each in self.all if each is not worker and each.open])
            case words.Told():
                self._relay.told(worker, word.n, file)
                return
        close(file)

    async def _watch(self) -> None:
        """For workers that are stuck."""
        while True:
            await trio.sleep(LOOK_S)
            now = time.monotonic()
            for worker in tuple(self.all):
                if worker.ready.is_set() and now - worker.row.beat > STUCK_S:
                    log.error("a worker is stuck, and is ended", worker=worker.charter.slot, pid=worker.process.pid)
                    worker.kill()


async def _first(*waits: Callable[[], Awaitable[object]]) -> None:
    """Until one of them is over."""
    async with trio.open_nursery() as nursery:

        async def wait(each: Callable[[], Awaitable[object]]) -> None:
            await each()
            nursery.cancel_scope.cancel("one is over")

        for each in waits:
            nursery.start_soon(wait, each)
