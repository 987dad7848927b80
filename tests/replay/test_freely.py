"""A recorded call is played again by the same code, answered by what it asks: it decides the same. With another setting
exactly what depends on it changes."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import Fault
from agent.providers.scripted import Script, Trouble
from agent.rehearsal.plan import HangUp
from agent.replay.comparison import compared
from agent.replay.decisions import decisions
from agent.replay.events import Over
from agent.replay.file import NotARecording
from nurseries.replay.changed import with_settings
from nurseries.replay.freely import freely
from nurseries.replay.play import play_events
from tests.calls.legs import Legs
from tests.calls.live_stage import LiveStage
from tests.calls.stage import Stage, configured
from tests.calls.test_hand_off import BOLD, BREAKS_IN, LINES, LONG, NOT_SMALLER, STORIES, TALK
from tests.examples import examples
from tests.replay.taken_stage import taken

TIMES = st.lists(st.integers(0, 12_000).map(lambda ms: ms / 1000), max_size=2)


def decides_the_same(legs: list[Any]) -> None:
    for header, events in legs:
        again = freely(header, events)
        changes = compared(decisions(header, events), decisions(again.header, again.events)).changes
        assert not changes, [str(change) for change in changes]


@settings(max_examples=examples(2), phases=NOT_SMALLER)
@given(st.random_module(), st.sampled_from(sorted(STORIES)), TIMES, st.sampled_from([0.0, 20.0]))
def test_whatever_was_said_and_however_often_it_was_handed_off(
    _: object, name: str, after_s: list[float], wait_s: float
) -> None:
    stage = Stage(STORIES[name], configured(FILLER_S=2, SILENCE_S=20, HAND_OFF_WAIT_S=wait_s), store_s=0.1)
    decides_the_same(taken(stage, partial(Legs(stage, LINES).moved, *after_s, patience_ms=30_000)))


@settings(max_examples=examples(2), phases=NOT_SMALLER)
@given(st.random_module(), st.sampled_from(sorted(BOLD)), st.sampled_from(HangUp), st.integers(1000, 15_000))
def test_whoever_breaks_in_or_hangs_up(_: object, how: str, hang_up: HangUp, leaves_ms: int) -> None:
    lines, more = BOLD[how]
    stage = Stage(BREAKS_IN, configured(GREETING=LONG, FILLER_S=2, SILENCE_S=20))
    plan = {"hang_up": hang_up, "hang_up_at_ms": leaves_ms, **more}
    decides_the_same(taken(stage, partial(stage.place, *lines, **plan)))


@settings(max_examples=examples(2), phases=NOT_SMALLER)
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


CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "END_SILENCE_MS": st.sampled_from([250, 900]),
        "BARGE_IN_MS": st.sampled_from([64, 500]),
        "FILLER_S": st.sampled_from([0.6, 6]),
        "SILENCE_S": st.sampled_from([3, 60]),
        "EARLY_TRANSCRIPTIONS": st.just(0),
        "LEAD_MS": st.sampled_from([200, 1500]),
        "VAD_THRESHOLD": st.just(0.9),
        "LLM_TIMEOUT_S": st.just(0.3),
        "GREETING": st.just("Good morning. What can I do for you?"),
        "CALL_MAX_MINUTES": st.just(0.5),
    },
)


@settings(max_examples=examples(2), phases=NOT_SMALLER)
@given(st.random_module(), st.sampled_from(sorted(STORIES)), CHANGES)
def test_a_call_that_goes_another_way_is_a_call_like_any_other(_: object, name: str, changes: dict[str, Any]) -> None:
    stage = Stage(STORIES[name], configured(FILLER_S=2, SILENCE_S=20))
    ((header, events),) = taken(stage, partial(stage.place, *LINES, patience_ms=30_000))
    again = freely(with_settings(header, changes), events)

    assert isinstance(again.events[-1], Over)
    assert again.events[-1].record["ending"]
    assert play_events(again.header, again.events).difference is None
    assert freely(with_settings(header, changes), events).events == again.events, "the same seed, the same replay"


def test_what_the_recording_does_not_have_is_made_up_and_counted() -> None:
    stage = Stage(TALK, configured(FILLER_S=2, SILENCE_S=20))
    ((header, events),) = taken(stage, partial(stage.place, *LINES, patience_ms=30_000))
    assert set(freely(header, events).made_up) <= {"frames of silence behind the recording's end"}

    greeted = freely(with_settings(header, {"GREETING": "Good morning. What can I do for you?"}), events)
    assert greeted.made_up["sounds of texts that were not spoken"] == 2
    said = [entry["text"] for entry in greeted.events[-1].record["entries"]]  # type: ignore[union-attr]
    assert said[0] == "Good morning. What can I do for you?"


def test_a_recording_that_breaks_off_goes_on_in_silence() -> None:
    stage = Stage(TALK, configured(FILLER_S=2, SILENCE_S=5))
    ((header, events),) = taken(stage, partial(stage.place, *LINES, patience_ms=30_000))
    again = freely(header, events[: len(events) // 2])

    assert isinstance(again.events[-1], Over)
    assert again.made_up["frames of silence behind the recording's end"] > 100


def test_a_call_with_a_realtime_server_is_not_played_freely() -> None:
    stage = LiveStage(TALK, configured(FILLER_S=5, SILENCE_S=60))
    ((header, events),) = taken(stage, partial(stage.place, *LINES[:1]))
    with pytest.raises(NotARecording, match="Realtime server"):
        freely(header, events)
