"""Who gets the next connection."""

import pytest

from agent.workers.board import Board, Stance, size
from agent.workers.choice import STALE_S, Standing, order, standing
from agent.workers.pauses import CUT_OFF, LONGEST_S, WELL_S, Pauses, worst

TAKES = Stance.OPEN | Stance.ACCEPTING


def test_the_one_with_the_fewest_calls_and_of_equals_the_one_that_was_asked_least() -> None:
    busy, idle, new = Standing(TAKES, False, 5, 9), Standing(TAKES, False, 1, 9), Standing(TAKES, False, 1, 2)
    assert order([busy, idle, new]) == [2, 1, 0]


def test_who_leaves_is_asked_after_those_that_take_calls_and_who_is_stuck_last() -> None:
    stuck = Standing(TAKES, True, 0, 0)
    leaving = Standing(Stance.OPEN | Stance.LEAVING, False, 0, 0)
    full_disk = Standing(Stance.OPEN, False, 0, 0)
    busy = Standing(TAKES, False, 40, 99)
    shut = Standing(Stance.LEAVING, False, 0, 0)
    assert order([stuck, leaving, full_disk, busy, shut]) == [3, 2, 1, 0]
    assert order([shut]) == []


def test_what_was_passed_on_and_is_not_told_yet_counts() -> None:
    row = Board(memoryview(bytearray(size(1))), 1).row(0)
    row.tell(TAKES, 100.0, streams=3, taken=10)

    assert standing(row, 12, 100.0) == Standing(TAKES, False, 5, 12)
    assert standing(row, 10, 100.0 + STALE_S + 0.1) == Standing(TAKES, True, 3, 10)


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_a_thousand_calls_at_once_are_shared_out_evenly(workers: int) -> None:
    """A call is two connections, of which the first is over at once; workers tell how they stand now and then."""
    board = Board(memoryview(bytearray(size(workers))), workers)
    rows, passed, streams = [board.row(n) for n in range(workers)], [0] * workers, [0] * workers
    for row in rows:
        row.tell(TAKES, 0.0, 0, 0)

    def pass_on() -> int:
        (to, *_) = order([standing(row, n, 0.0) for row, n in zip(rows, passed, strict=True)])
        passed[to] += 1
        return to

    for call in range(1000):
        pass_on()
        streams[pass_on()] += 1
        if call % 10 == 0:
            for row, n, there in zip(rows, passed, streams, strict=True):
                row.tell(TAKES, 0.0, there, n)
    assert max(streams) - min(streams) <= 20


def test_pauses_grow_and_begin_anew_behind_a_worker_that_was_well() -> None:
    pauses = Pauses()
    assert [pauses.after(0.1) for _ in range(7)] == [0, 1, 2, 4, 8, 16, LONGEST_S]
    assert pauses.after(0.1) == LONGEST_S
    assert pauses.after(WELL_S) == 0


def test_the_worst_end_is_the_server_s() -> None:
    assert worst([]) == worst([0, 0]) == 0
    assert worst([0, 1]) == 1
    assert worst([-9, 0]) == worst([CUT_OFF, 1]) == CUT_OFF
