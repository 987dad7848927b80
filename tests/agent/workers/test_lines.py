"""The lines of several workers, on one board: nobody is turned away while a sibling has room, and no line is counted
twice."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.web.state import PROMISE_S, ProcessState
from agent.workers.board import LINES, Board, Row, Stance, digest, size
from agent.workers.lines import SharedLines

MOST = 3


class House:
    """Two workers on one board, and what is being claimed at the moment."""

    def __init__(self, workers: int = 2) -> None:
        self.board = Board(memoryview(bytearray(size(workers))), workers)
        self.claiming = 0
        self.states = [ProcessState(ready=True, most=MOST) for _ in range(workers)]
        for row, state in enumerate(self.states):
            state.siblings = SharedLines(self.board, row, self.alone)
            self.board.row(row).tell(Stance.OPEN | Stance.ACCEPTING, 1.0, 0, 0)

    @contextmanager
    def alone(self) -> Iterator[None]:
        assert not self.claiming
        self.claiming += 1
        yield
        self.claiming -= 1


@pytest.fixture
def house() -> House:
    return House()


def test_a_worker_takes_calls_as_long_as_a_sibling_has_room(house: House) -> None:
    one, other = house.states

    assert all(one.claim(f"CA{n}", 0) for n in range(5))
    assert other.claim("CA5", 0)
    assert not one.claim("CA6", 0)
    assert not other.room("CA6", 0)
    assert one.lines(0) == other.lines(0) == (0, 6, 6)


def test_a_promise_is_kept_by_whoever_the_stream_comes_to_and_is_one_line(house: House) -> None:
    one, other = house.states
    for n in range(6):
        assert one.claim(f"CA{n}", 0)

    assert other.room("CA0", 1), "it was promised a line"
    other.begin("CA0", 1)

    assert one.lines(1) == (1, 5, 6)
    assert "CA0" not in one.promised, "nobody waits for it any more"
    other.end("CA0", 0)
    assert one.claim("CA6", 2)


def test_what_nobody_comes_for_is_free_again(house: House) -> None:
    one, other = house.states
    for n in range(6):
        assert one.claim(f"CA{n}", 0)

    one.expire(PROMISE_S)
    assert other.claim("CA6", PROMISE_S)


def test_a_call_that_is_told_twice_takes_no_second_line(house: House) -> None:
    for state in house.states * 3:
        assert state.claim("CA0", 0)
    assert house.states[0].lines(0) == (0, 1, 6)


def test_who_leaves_has_lines_no_more_but_answers_for_its_siblings(house: House) -> None:
    one, other = house.states
    one.begin("CA0", 1)
    one.draining = True
    house.board.row(0).tell(Stance.OPEN | Stance.LEAVING, 1.0, 1, 1)

    assert one.taking
    assert not one.accepting
    assert one.lines(0) == other.lines(0) == (1, 0, MOST)

    house.board.leaving = True
    assert not one.taking


def test_a_row_holds_no_more_than_it_has_room_for(house: House) -> None:
    house.board.row(0).hold([f"CA{n}" for n in range(LINES + 5)], ["CAlast"])
    assert len(house.board.lines()) == LINES

    house.board.row(0).clear()
    assert house.board.lines() == set()
    with pytest.raises(IndexError):
        house.board.row(2)


CALLS = st.sampled_from([f"CA{n}" for n in range(8)])
STEP = st.tuples(st.integers(0, 2), st.sampled_from(["claim", "begin", "end", "give up"]), CALLS)


@given(st.lists(STEP, max_size=60))
def test_the_board_counts_each_call_once(steps: list[tuple[int, str, str]]) -> None:
    """Against the sets themselves: no more calls are claimed than there are lines, and one less is always a yes."""
    house = House(3)
    for worker, what, call_sid in steps:
        state = house.states[worker]
        every = {sid for each in house.states for sid in (*each.held, *each.promised)}
        if what == "claim":
            assert state.claim(call_sid, 0) == (call_sid in every or len(every) < 3 * MOST)
        elif what == "begin" and not any(call_sid in each.held for each in house.states):
            state.begin(call_sid, len(state.held | {call_sid}))
        elif what == "end" and call_sid in state.held:
            state.end(call_sid, len(state.held) - 1)
        elif what == "give up":
            state.give_up(call_sid)
        every = {sid for each in house.states for sid in (*each.held, *each.promised)}
        streams = {sid for each in house.states for sid in each.held}
        assert state.lines(0) == (len(streams), len(every - streams), 3 * MOST)


def test_whoever_reads_a_row_while_it_is_written_sees_calls_only_that_are_or_were_there() -> None:
    words = memoryview(bytearray(size(1))).cast("Q")[1:]
    seen: list[int] = []

    class Watched:
        def __getitem__(self, at: object) -> object:
            return words[at]  # type: ignore[call-overload]

        def __setitem__(self, at: int, value: int) -> None:
            words[at] = value
            seen.extend(line & ~1 for line in Row(words).lines)

    row = Row(Watched())  # type: ignore[arg-type]
    row.hold(["CA1"], ["CA2"])
    row.hold(["CA1", "CA2"], ["CA3", "CA4"])
    assert set(seen) == {digest(sid) for sid in ("CA1", "CA2", "CA3", "CA4")}
