"""Where a turn's time went."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.seen.turns import STAGE_NAMES, Turn, tell
from tests.calls.counted import Counted

moments = st.one_of(st.none(), st.floats(-5, 50))


@given(st.floats(0, 10), st.floats(0, 10), moments, moments, moments)
def test_stages_follow_one_another_without_a_gap(spoken, decided, heard, token, audio) -> None:
    stages = Turn(spoken, decided, heard, token, audio).stages()

    assert stages[0][1] == spoken
    assert all(began <= ended for _, began, ended in stages)
    assert all(one[2] == next_[1] for one, next_ in pairwise(stages))
    assert [name for name, *_ in stages] == [name for name in STAGE_NAMES if name in {each[0] for each in stages}]


def test_pressed_keys_are_no_speech() -> None:
    counted = Counted()

    tell(Turn(0.0, 1.5, 1.5, 2.0, 2.2, 5.0, keyed=True))

    assert counted("turns_total", outcome="answered") == 1
    assert counted("turn_seconds_count") == 0
    assert counted("turn_stage_seconds_count", stage="endpoint") == 0
