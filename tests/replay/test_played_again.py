"""A call that was recorded is played again: the same bytes, the same record, whatever happened in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import Fault
from agent.providers.scripted import Script, Trouble
from agent.rehearsal.plan import HangUp
from agent.rehearsal.stream import Hold, Rudeness
from agent.replay.events import Event, Over, Sent
from nurseries.replay.play import play_events
from tests.calls.legs import Legs
from tests.calls.stage import Stage, configured, tone
from tests.calls.test_hand_off import BOLD, BREAKS_IN, LINES, LONG, NOT_SMALLER, STORIES, TALK
from tests.examples import examples
from tests.replay.taken_stage import taken

TIMES = st.lists(st.integers(0, 12_000).map(lambda ms: ms / 1000), max_size=2)


def same(legs: list[Any]) -> None:
    """Each leg is played as it was recorded."""
    for header, events in legs:
        played = play_events(header, events)
        assert played.difference is None, str(played.difference)
        assert played.messages == sum(isinstance(event, Sent) for event in events)


@settings(max_examples=examples(8), phases=NOT_SMALLER)
@given(st.random_module(), st.sampled_from(sorted(STORIES)), TIMES, st.sampled_from([0.0, 20.0]))
def test_whatever_was_said_and_however_often_it_was_handed_off(
    _: object, name: str, after_s: list[float], wait_s: float
) -> None:
    stage = Stage(STORIES[name], configured(FILLER_S=2, SILENCE_S=20, HAND_OFF_WAIT_S=wait_s), store_s=0.1)
    legs = Legs(stage, LINES)
    recorded = taken(stage, partial(legs.moved, *after_s, patience_ms=30_000))

    assert len(recorded) == len(legs.records) + 1
    same(recorded)


@settings(max_examples=examples(8), phases=NOT_SMALLER)
@given(
    st.random_module(),
    st.sampled_from(sorted(BOLD)),
    st.sampled_from(HangUp),
    st.integers(1000, 15_000),
    st.integers(0, 2000),
)
def test_whoever_breaks_in_or_hangs_up(_: object, how: str, hang_up: HangUp, leaves_ms: int, holds_ms: int) -> None:
    lines, more = BOLD[how]
    stage = Stage(BREAKS_IN, configured(GREETING=LONG, FILLER_S=2, SILENCE_S=20))
    rude = Rudeness(holds=(Hold(4000, holds_ms),) if holds_ms else ())
    plan = {"hang_up": hang_up, "hang_up_at_ms": leaves_ms, "rudeness": rude, **more}
    same(taken(stage, partial(stage.place, *lines, **plan)))


@settings(max_examples=examples(8), phases=NOT_SMALLER)
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
    same(taken(stage, partial(stage.place, *LINES, patience_ms=15_000, max_ms=60_000)))


def talk() -> tuple[Any, list[Event]]:
    stage = Stage(TALK, configured(FILLER_S=5))
    ((header, events),) = taken(stage, partial(stage.place, *LINES, patience_ms=30_000))
    return header, events


def test_another_setting_goes_another_way_and_that_is_told() -> None:
    header, events = talk()
    played = play_events(header, events, END_SILENCE_MS=header.settings["END_SILENCE_MS"] + 300)

    assert played.difference is not None
    assert 3 < played.difference.at_s < 9
    assert str(played.difference).startswith("at ")


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Sent", lambda event: type(event)(event.kind, event.size, "0" * 16, event.text)),
        ("Value", lambda event: type(event)(event.port, 1.0 if event.port == "vad" else event.value)),
        ("Asked", lambda event: type(event)(event.port, "another")),
        ("Told", lambda event: type(event)(event.event, event.fields | {"and": "more"})),
    ],
)
def test_a_recording_that_was_changed_is_found_out(kind: str, change: Callable[[Any], Event]) -> None:
    header, events = talk()
    for n in [n for n, event in enumerate(events) if type(event).__name__ == kind][5:45]:
        events[n] = change(events[n])

    assert play_events(header, events).difference is not None


def test_what_a_recording_has_more_of_than_its_replay_is_found_out() -> None:
    header, events = talk()
    *before, over = events
    assert isinstance(over, Over)
    other = Over(over.record | {"barge_ins": over.record["barge_ins"] + 1})

    played = play_events(header, [*before, other])
    assert played.difference is not None
    assert played.difference.what == "barge_ins of the record"
    played = play_events(header, [*before, Sent("media", 1, "0" * 16), over])
    assert played.difference is not None
    assert played.difference.what == "a message was not sent"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_recording_that_breaks_off_is_played_as_far_as_it_goes(share: float) -> None:
    header, events = talk()
    played = play_events(header, events[: round(len(events) * share)])

    assert played.breaks_off
    assert played.difference is None
    assert played.seconds == pytest.approx(share * 23, abs=6)


def test_a_caller_who_says_nothing() -> None:
    stage = Stage(TALK, configured(SILENCE_S=4))
    same(taken(stage, partial(stage.place, tone(10), patience_ms=60_000)))
