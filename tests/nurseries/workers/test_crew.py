"""The parent's workers in virtual time: who is begun, heard, replaced, told to leave, ended; and when."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio

from agent.workers import words
from agent.workers.board import Board, Stance, size
from agent.workers.pauses import CUT_OFF
from nurseries.workers.crew import LOOK_S, MORE_S, START_S, STUCK_S, Crew
from nurseries.workers.worker import Worker
from tests.fakes.hatches import FakeHatch, ends

WITHIN_S = 20.0
TAKES_S = 3.0
"""For a worker to leave."""
UP_S = 1.0
"""For a worker to be ready."""


class Process:
    """Ends when it is told to, or by itself."""

    def __init__(self, pid: int) -> None:
        self.pid, self.returncode = pid, None
        self.over = trio.Event()

    async def wait(self) -> int:
        await self.over.wait()
        return self.returncode

    def end(self, code: int) -> None:
        if self.returncode is None:
            self.returncode = code
            self.over.set()

    def terminate(self) -> None:
        self.end(-signal.SIGTERM)

    def kill(self) -> None:
        self.end(-signal.SIGKILL)


class Shared:
    def __init__(self, rows: int) -> None:
        self.board = Board(memoryview(bytearray(size(rows))), rows)


class House:
    """A crew, and the workers that it has begun."""

    def __init__(self, workers: int = 2) -> None:
        self.shared = Shared(workers + 2)
        self.crew = Crew(self.shared, workers, 3000, "seed", begin=self.begin)
        self.begun: list[tuple[float, Worker]] = []
        self.heard: dict[Worker, list[words.Word]] = {}
        self.side: dict[Worker, FakeHatch] = {}
        self.stubborn = False
        self.sick = False
        """Who is begun from now on does not get ready."""
        self.nursery: trio.Nursery
        self.start = trio.current_time()

    @property
    def now(self) -> float:
        return trio.current_time() - self.start

    async def begin(self, charter: words.Charter, shared: Shared) -> Worker:
        await trio.lowlevel.checkpoint()
        row = shared.board.row(charter.row)
        row.clear()
        ours, theirs = ends()
        worker = Worker(charter, Process(1000 + len(self.begun)), ours, row)
        self.begun.append((self.now, worker))
        self.side[worker], self.heard[worker] = theirs, []
        self.nursery.start_soon(self._live, worker, self.sick)
        return worker

    async def _live(self, worker: Worker, sick: bool) -> None:
        side = self.side[worker]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, worker)
            with trio.move_on_after(UP_S):
                await worker.process.over.wait()
            if not sick and worker.process.returncode is None:
                worker.row.tell(Stance.OPEN | Stance.ACCEPTING, time.monotonic() + 1e6, 0, 0)
                side.put(words.Ready(WITHIN_S))
            await worker.process.over.wait()
            nursery.cancel_scope.cancel()
        side.close()

    async def _listen(self, worker: Worker) -> None:
        while (heard := await self.side[worker].hear()) is not None:
            self.heard[worker].append(heard[0])
            if isinstance(heard[0], words.Leave) and not self.stubborn:
                await trio.sleep(TAKES_S)
                worker.process.end(0)

    @property
    def up(self) -> list[int]:
        """The slots that somebody takes calls in."""
        return sorted({worker.charter.slot for worker in self.crew.all if worker.open and not worker.stage})


@asynccontextmanager
async def open_house(workers: int = 2, **given: bool) -> AsyncIterator[House]:
    """All of its workers are up within the block, and gone after it."""
    house = House(workers)
    for name, value in given.items():
        setattr(house, name, value)
    async with trio.open_nursery() as house.nursery:
        over = trio.Event()

        async def run() -> None:
            await house.crew.run()
            over.set()

        house.nursery.start_soon(run)
        if not house.sick:
            await house.crew.up.wait()
        yield house
        if not house.crew.left.is_set():
            await house.crew.leave()
        with trio.fail_after(WITHIN_S + MORE_S + START_S):
            await over.wait()
        assert not house.crew.all
        house.nursery.cancel_scope.cancel()


async def test_who_ends_is_begun_again_with_pauses_that_grow(autojump_clock):
    async with open_house() as house:
        for _ in range(4):
            await trio.sleep(2 * UP_S)
            house.crew.there[0].process.end(1)
            await trio.sleep(0.1)
        await trio.sleep(10)
        at = [round(when) for when, worker in house.begun if worker.charter.slot == 0]
        assert at[:3] == [0, 3, 6]  # ended at 3, at 5 (and begun a second later), ...
        gaps = [later - earlier for earlier, later in pairwise(at)]
        assert gaps == sorted(gaps)
        assert [worker.charter.deaths for _, worker in house.begun if worker.charter.slot == 0] == [0, 1, 2, 3, 4][
            : len(at)
        ]
        assert house.up == [0, 1]
    assert house.crew.code == 0, "who has died before is not what the server ends with"


async def test_a_renewal_leaves_no_slot_empty_and_takes_one_at_a_time(autojump_clock):
    async with open_house(3) as house:
        first = dict(house.crew.there)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.crew.renew)
            while nursery.child_tasks:
                assert house.up == [0, 1, 2]
                assert len(house.crew.all) <= 4
                await trio.sleep(0.1)

        assert all(house.crew.there[slot] is not first[slot] for slot in first)
        assert all(house.heard[worker] == [words.Leave(1, replaced=True)] for worker in first.values())
        names = {worker.name for worker in first.values()}
        assert len(names) == 3, "one's counters would go on where another's had ended"
        assert all(name.startswith("replaced-") for name in names)
        assert house.now == pytest.approx(UP_S + 3 * (UP_S + TAKES_S), abs=0.5)


async def test_where_a_replacement_does_not_come_the_old_one_stays_and_so_do_the_others(autojump_clock):
    async with open_house() as house:
        first = dict(house.crew.there)
        house.sick = True
        assert not await house.crew.renew()

        assert house.now == pytest.approx(UP_S + START_S, abs=0.5)
        assert house.crew.there == first
        assert len(house.begun) == 3
        assert house.begun[2][1].process.returncode == -signal.SIGKILL
        assert house.up == [0, 1]

        house.sick = False
        assert await house.crew.renew()
        assert house.up == [0, 1]
        assert not set(house.crew.there.values()) & set(first.values())


async def test_who_ends_in_the_middle_of_a_renewal_is_replaced_nevertheless(autojump_clock):
    async with open_house() as house:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(house.crew.renew)
            await trio.sleep(UP_S / 2)
            house.crew.there[0].process.end(1)
            house.crew.there[1].process.end(1)
        await trio.sleep(3 * UP_S)
        assert house.up == [0, 1]


async def test_all_are_told_each_time_that_the_server_is_and_the_worst_end_is_its_own(autojump_clock):
    async with open_house() as house:
        one, other = house.crew.there[0], house.crew.there[1]
        house.stubborn = True
        await house.crew.leave()
        assert house.shared.board.leaving
        await house.crew.leave()
        await trio.sleep(1)
        assert house.heard[one] == house.heard[other] == [words.Leave(1), words.Leave(2)]

        house.side[one].put(words.Closing())
        await trio.sleep(1)
        assert house.heard[one][-1] == words.Closed()
        assert house.crew.candidates() == [other]
        assert not house.crew.shut
        other.process.end(0)
        await trio.sleep(0.1)
        assert house.crew.shut, "nobody takes connections any more"
        began = house.now

    assert one.process.returncode == -signal.SIGKILL, "it has not ended in time"
    assert house.now == pytest.approx(began + WITHIN_S + MORE_S - 2.1, abs=0.5)
    assert house.crew.code == CUT_OFF


async def test_who_is_being_begun_as_the_server_leaves_goes_at_once(autojump_clock):
    async with open_house() as house:
        house.crew.there[0].process.end(1)
        await trio.sleep(UP_S / 2)
        await house.crew.leave()
        await trio.sleep(0.1)
        assert house.begun[-1][1].process.returncode == -signal.SIGTERM
    assert house.now < 2 * UP_S + TAKES_S + 0.5
    assert house.crew.code == 0


async def test_a_server_that_cannot_begin_says_why_and_ends(autojump_clock):
    async with open_house(sick=True) as house:
        await trio.sleep(0.5)
        worker = house.crew.there[0]
        house.side[worker].put(words.Faulty(("TOOLS_FILE: is not there.",)))
        worker.process.end(2)
        await trio.sleep(1)
        assert house.crew.left.is_set()
    assert house.crew.faults == ("TOOLS_FILE: is not there.",)
    assert house.crew.code == 2
    assert house.now < 2


async def test_a_worker_whose_loop_stands_still_is_ended_and_begun_again(autojump_clock):
    async with open_house() as house:
        stuck = house.crew.there[1]
        stuck.row.tell(Stance.OPEN | Stance.ACCEPTING, time.monotonic() - STUCK_S - 1, 0, 0)
        assert house.crew.candidates()[-1] is stuck
        await trio.sleep(LOOK_S + 0.1)
        assert stuck.process.returncode == -signal.SIGKILL
        await trio.sleep(2 * UP_S)
        assert house.up == [0, 1]


async def test_what_others_have_counted_is_asked_of_all_of_them_and_what_comes_back_is_passed_on(autojump_clock):
    async with open_house(3) as house:
        one, other, deaf = (house.crew.there[slot] for slot in range(3))
        house.side[deaf].full = True
        house.side[one].put(words.Ask(7))
        await trio.sleep(0.1)
        assert house.heard[one] == [words.Asked(7, 1, "0")]
        (question,) = house.heard[other]
        house.side[other].put(words.Told(question.n), 0)
        await trio.sleep(0.1)
        assert house.heard[one][-1] == words.Told(7, "1")

        handed_back = []
        house.crew.back = handed_back.append
        house.side[other].put(words.Back(), 0)
        await trio.sleep(0.1)
        (file,) = handed_back
        os.close(file)


@pytest.mark.parametrize("seed", range(10))
async def test_whatever_happens_each_slot_has_a_worker_again(seed, autojump_clock):
    dice = random.Random(seed)
    async with open_house(3) as house:
        async with trio.open_nursery() as nursery:
            for _ in range(12):
                await trio.sleep(dice.uniform(0, 4))
                match dice.randrange(3):
                    case 0:
                        dice.choice(sorted(house.crew.all, key=lambda worker: worker.process.pid)).process.end(-9)
                    case 1 if not nursery.child_tasks:
                        nursery.start_soon(house.crew.renew)
                    case _:
                        assert len(house.crew.all) <= 5
        await trio.sleep(100)
        assert house.up == [0, 1, 2]
        assert len(house.crew.all) == 3
        assert len({worker.charter.row for worker in house.crew.all}) == 3
