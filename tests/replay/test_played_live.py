"""A call over sockets to a Realtime server is played again without one: the same bytes to both, the same record."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.guard.breaker import Rules
from agent.hear.ports import Recogniser
from agent.keep.usage import charged
from agent.model import Utterance
from agent.providers.scripted import Script
from agent.replay.events import Event, Header, Sent
from agent.replay.timeline import timeline
from nurseries.chain.breakers import Breakers
from tests.calls.legs import Legs
from tests.calls.live_stage import LiveStage
from tests.calls.stage import configured
from tests.calls.test_hand_off import BOLD, BREAKS_IN, LINES, LONG, NOT_SMALLER, STORIES
from tests.examples import examples
from tests.fakes.realtime_plan import Wrong
from tests.replay.taken_stage import taken
from tests.replay.test_played_again import TIMES, same

FAR = {"max_ms": 90_000, "patience_ms": 20_000}


class Files:
    """A recogniser of files that costs something."""

    name = "files"

    def __init__(self, own: Recogniser) -> None:
        self._own = own

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        charged("stt", self.name).told(seconds=utterance.duration_ms / 1000)
        return await self._own.transcribe(utterance, language)


def live_stage(script: Script, *, more: dict[str, Any] | None = None, **changes: Any) -> LiveStage:
    lag_s = changes.pop("lag_s", 0.0)
    breaker = Breakers(Rules(failures=2)).of("realtime", "openai")
    stage = LiveStage(script, configured(**changes), more=more or {}, lag_s=lag_s, breaker=breaker)
    stage.files = Files(stage.ears)
    stage.parts = replace(stage.parts, recogniser=stage.files)
    return stage


def known(legs: list[tuple[Header, list[Event]]]) -> int:
    """Each leg is played as it was recorded; the messages of sound to the server."""
    same(legs)
    sent = [event.kind for _, events in legs for event in events if isinstance(event, Sent)]
    return sent.count("input_audio_buffer.append")


@settings(max_examples=examples(5), phases=NOT_SMALLER)
@given(st.random_module(), st.sampled_from(sorted(STORIES)), TIMES, st.sampled_from([0.0, 20.0]))
def test_whatever_was_said_and_however_often_it_was_handed_off(
    _: object, name: str, after_s: list[float], wait_s: float
) -> None:
    stage = live_stage(STORIES[name], FILLER_S=2, SILENCE_S=20, HAND_OFF_WAIT_S=wait_s)
    stage.store_s = 0.1
    legs = Legs(stage, LINES)
    recorded = taken(stage, partial(legs.moved, *after_s, patience_ms=30_000))

    assert len(recorded) == len(legs.records) + 1
    assert known(recorded) > 20


def test_the_line_of_time_has_what_the_server_was_asked_and_what_it_told() -> None:
    stage = live_stage(STORIES["notes"], FILLER_S=2)
    ((header, events),) = taken(stage, partial(stage.place, *LINES, **FAR))
    told = [entry.text for entry in timeline(header.began, events) if entry.lane == "live"]

    assert told[0].endswith(": connected")
    for words in (": SessionUpdated", ": HeardAll: ", ": ResponseCreated: ", ": SpokenWhole: ", ": ResponseDone: "):
        assert any(words in each for each in told), (words, told)
    assert "asks: response.create" in told
    assert sum(": ResponseCreated: " in each for each in told) == sum("response.create" in each for each in told)
    assert not any(name in each for name in ("AudioPart", "SpokenPart") for each in told)


WRONG = st.builds(
    Wrong,
    st.sampled_from(["abort", "close", "stall", "garbage", "error", "deaf", "refuse"]),
    st.integers(0, 140),
    st.sampled_from([0, 1, None]),
    st.sampled_from([1011, 1013, 4000, 401, 503]),
)


@settings(max_examples=examples(8), phases=NOT_SMALLER)
@given(
    st.random_module(),
    st.lists(WRONG, max_size=3),
    st.sampled_from(sorted(BOLD)),
    st.sampled_from([0.0, 0.04]),
    st.sampled_from([{}, {"session_s": 98.0}, {"pace": 1.1}]),
)
def test_whatever_happened_to_the_sockets_and_whoever_broke_in(
    _: object, wrong: list[Wrong], how: str, lag_s: float, more: dict[str, Any]
) -> None:
    lines, plan = BOLD[how]
    stage = live_stage(BREAKS_IN, more={"wrong": wrong, **more}, lag_s=lag_s, GREETING=LONG, FILLER_S=2, SILENCE_S=6)
    known(taken(stage, partial(stage.place, *lines, **{**FAR, **plan})))


def test_two_calls_that_share_a_breaker() -> None:
    """What the one finds out keeps the other one from trying: both are played by themselves."""
    stage = live_stage(STORIES["notes"], more={"wrong": [Wrong("refuse", code=503, connection=None)]}, FILLER_S=2)

    async def both() -> None:
        await stage.place(*LINES, **FAR)
        await stage.place(*LINES, **FAR)

    recorded = taken(stage, both)

    assert len(recorded) == 2
    known(recorded)
    assert all(events[-1].record["stand_ins"] for _, events in recorded)  # type: ignore[union-attr]
