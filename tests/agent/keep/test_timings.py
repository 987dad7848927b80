"""Percentiles of turns, against what sorting by hand gives."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.keep.record import CallRecord, TurnTimes
from agent.keep.timings import LAST_MS, Slowest, Stage, Timings, timings
from tests.agent.providers.test_stores import record


def call(sid: str, *turns: tuple[int, int, int], silence: int | None = None) -> CallRecord:
    return msgspec.structs.replace(record(sid), turns=tuple(TurnTimes(*each, endpoint_ms=silence) for each in turns))


def test_without_turns_there_is_nothing_to_tell() -> None:
    assert timings([]) == Timings(0, 0)
    assert timings([call("CA1")]) == Timings(1, 0)


def test_each_stage_begins_where_the_one_before_ends() -> None:
    told = timings([call("CA1", (100, 400, 450), (50, 60, 2060)), call("CA2", (10, 20, 30), silence=450)])
    assert (told.calls, told.turns) == (2, 3)
    assert told.stages == (
        Stage("silence", 0, 450, 450),
        Stage("transcription", 50, 100, 100),
        Stage("first token", 10, 300, 300),
        Stage("first audio", 50, 2000, 2000),
        Stage("answer", 480, 2060, 2060),
    )
    assert told.slowest == Slowest("CA1", 2, 2060, "first audio")
    assert {at * 100: n for at, n in enumerate(told.spread) if n} == {400: 2, 2000: 1}


@given(st.lists(st.integers(0, 9000), min_size=1, max_size=300))
def test_percentiles_are_of_some_turn_and_the_spread_has_all(answers: list[int]) -> None:
    told = timings([call("CA1", *((0, 0, answer) for answer in answers))])
    stage, ordered = told.stages[-1], sorted(answers)
    for figure, share in ((stage.p50, 50), (stage.p95, 95), (stage.p99, 99)):
        assert figure in answers
        assert sum(each <= figure for each in ordered) * 100 >= share * len(ordered)
        assert sum(each < figure for each in ordered) * 100 < share * len(ordered)
    assert sum(told.spread) == len(answers)
    assert told.spread[-1] == sum(answer >= LAST_MS for answer in answers)
