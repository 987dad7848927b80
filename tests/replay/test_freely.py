"""A recorded call is played again by the same code, answered by what it asks: it decides the same. With another setting
exactly what depends on it changes."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import Fault
from agent.providers.scripted import Script, Trouble
from agent.rehearsal.plan import HangUp
from agent.replay.comparison import compared
from agent.replay.decisions import decisions
from nurseries.replay.freely import freely
from tests.calls.legs import Legs
from tests.calls.stage import Stage, configured
from tests.calls.test_hand_off import BOLD, BREAKS_IN, LINES, LONG, NOT_SMALLER, STORIES, TALK
from tests.replay.taken_stage import taken

TIMES = st.lists(st.integers(0, 12_000).map(lambda ms: ms / 1000), max_size=2)


def decides_the_same(legs: list[Any]) -> None:
    for header, events in legs:
        again = freely(header, events)
        changes = compared(decisions(header, events), decisions(again.header, again.events)).changes
        assert not changes, [str(change) for change in changes]


@settings(max_examples=10, phases=NOT_SMALLER)
@given(st.random_module(), st.sampled_from(sorted(STORIES)), TIMES, st.sampled_from([0.0, 20.0]))
def test_whatever_was_said_and_however_often_it_was_handed_off(
    _: object, name: str, after_s: list[float], wait_s: float
) -> None:
    stage = Stage(STORIES[name], configured(FILLER_S=2, SILENCE_S=20, HAND_OFF_WAIT_S=wait_s), store_s=0.1)
    decides_the_same(taken(stage, partial(Legs(stage, LINES).moved, *after_s, patience_ms=30_000)))


@settings(max_examples=10, phases=NOT_SMALLER)
@given(st.random_module(), st.sampled_from(sorted(BOLD)), st.sampled_from(HangUp), st.integers(1000, 15_000))
def test_whoever_breaks_in_or_hangs_up(_: object, how: str, hang_up: HangUp, leaves_ms: int) -> None:
    lines, more = BOLD[how]
    stage = Stage(BREAKS_IN, configured(GREETING=LONG, FILLER_S=2, SILENCE_S=20))
    plan = {"hang_up": hang_up, "hang_up_at_ms": leaves_ms, **more}
    decides_the_same(taken(stage, partial(stage.place, *lines, **plan)))


@settings(max_examples=10, phases=NOT_SMALLER)
@given(
    st.random_module(),
    st.sampled_from(["hear", "think", "speak"]),
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from([Fault.BROKEN, Fault.REFUSED, None]),
)
def test_whatever_a_provider_did(_: object, port: Any, at: int, after: int, fault: Fault | None) -> None:
    script = Script(heard=TALK.heard, replies=TALK.replies, troubles=(Trouble(port, at, after, fault),), jitter=0.5)
    stage = Stage(script, configured(FILLER_S=2, SILENCE_S=6))
    decides_the_same(taken(stage, partial(stage.place, *LINES, patience_ms=15_000, max_ms=60_000)))
