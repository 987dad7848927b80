"""What adapters tell of themselves is played as well: what was used, and who stood in for whom."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import Fault
from agent.providers.scripted import Trouble
from tests.calls.stage import configured
from tests.calls.test_hand_off import BOLD, LINES, NOT_SMALLER, TALK
from tests.examples import examples
from tests.replay.chained_stage import chained_stage
from tests.replay.taken_stage import taken
from tests.replay.test_played_again import same

TROUBLES = st.builds(
    Trouble,
    st.sampled_from(["hear", "think", "speak"]),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from([Fault.BROKEN, Fault.BUSY, Fault.TIMEOUT, None]),
)


@settings(max_examples=examples(6), phases=NOT_SMALLER)
@given(
    st.random_module(),
    st.lists(TROUBLES, max_size=2),
    st.sampled_from([None, 0.1, 0.35]),
    st.floats(0.01, 0.6),
    st.sampled_from([(LINES, {}), *BOLD.values()]),
)
def test_who_stood_in_and_what_was_used(
    _: object, troubles: list[Trouble], hedge_s: float | None, first_s: float, caller: Any
) -> None:
    lines, more = caller
    first, second = (
        TALK.__class__(heard=TALK.heard, replies=TALK.replies, troubles=tuple(those), jitter=0.5, first_token_s=s)
        for those, s in ((troubles, 0.3), ((), first_s))
    )
    stage = chained_stage(configured(FILLER_S=2, SILENCE_S=6), (first, second), hedge_s=hedge_s)
    recorded = taken(stage, partial(stage.place, *lines, **{"patience_ms": 15_000, "max_ms": 60_000, **more}))

    record = recorded[0][1][-1].record  # type: ignore[union-attr]
    assert record["usage"]
    same(recorded)
