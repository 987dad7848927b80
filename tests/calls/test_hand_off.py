"""A call is handed off from process to process: whenever that is asked for, the caller hears one call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest
import structlog
import trio
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from agent.keep.wav import Label
from agent.model import Ending
from agent.providers.scripted import MS_PER_CHARACTER, Script, call
from agent.rehearsal.plan import Line
from agent.rehearsal.stream import Hold, Rudeness
from agent.wire.ports import MediaSocket
from nurseries.legs.pick_up import pick_up
from nurseries.line.closing import BEFORE_CLOSE_S
from nurseries.line.moving import ASKED_S, QUIET_S
from nurseries.line.tape import Tape
from tests.calls.legs import Legs
from tests.calls.live_stage import LiveStage
from tests.calls.stage import GREETING, Stage, configured, tone
from tests.examples import examples

LONG = "We have several homes in Whitefield. Some of them are large, and some of them are by the lake. Which one?"
TALK_ENDS = "I need for now."
TALK = Script(
    heard=("I want to buy a flat", "in Whitefield", "eighty lakh rupees"),
    replies=("A flat, lovely. In which area?", LONG, f"Thank you, that is all {TALK_ENDS}"),
    token_gap_s=0.05,
)
TOOLS = replace(
    TALK,
    calls={2: (call("save_lead_details", location="Whitefield"),)},
    after_calls={2: LONG},
)
SLOW = replace(TALK, first_token_s=0.8, hear_s=0.5, token_gap_s=0.2, first_chunk_s=0.4)
TIMES = st.lists(st.integers(0, 12_000).map(lambda ms: ms / 1000), min_size=1, max_size=3)
NOT_SMALLER = (Phase.explicit, Phase.reuse, Phase.generate)
"""A case by itself tells enough, and to make it smaller takes minutes."""

STORIES = {"talks": TALK, "notes": TOOLS, "thinks long": SLOW}
LINES = (tone(1500), tone(900), tone(1200))
LONGEST_WORD_MS = 11 * MS_PER_CHARACTER
HEARD_MS = 150
"""From which on sound is known to be there: a word is longer."""
LAST_MS = 20
"""Of a sentence's last frame."""


def run(script: Script, *after_s: float, **changes: object) -> Legs:
    legs = Legs(Stage(script, configured(**({"FILLER_S": 5, "SILENCE_S": 60} | changes))), LINES)
    trio.run(lambda: legs.moved(*after_s, patience_ms=30_000), clock=MockClock(autojump_threshold=0))
    return legs


WHOLE = {name: run(script) for name, script in STORIES.items()}


@settings(max_examples=examples(25), phases=NOT_SMALLER)
@given(
    st.sampled_from(sorted(STORIES)),
    TIMES,
    st.sampled_from([0.0, 1.0, 20.0]),
)
def test_whenever_it_is_asked_for_no_word_is_lost_nor_said_twice(
    name: str, after_s: list[float], wait_s: float
) -> None:
    whole, legs = WHOLE[name], run(STORIES[name], *after_s, HAND_OFF_WAIT_S=wait_s)

    assert legs.stage.told == whole.stage.told
    assert (
        whole.heard_ms - LAST_MS * len(legs.records)
        <= legs.heard_ms
        <= whole.heard_ms + (LONGEST_WORD_MS + 400) * len(legs.records)
    )
    assert [leg.why for leg in legs.call.record().legs] == ["hand-off"] * len(legs.records) + [""]
    assert len(legs.call.record().turns) >= len(LINES)
    for one, next_ in pairwise(legs.call.record().legs):
        assert one.ended_ms is not None
        assert one.began_ms <= one.ended_ms <= next_.began_ms


def test_a_hand_off_is_no_reason_to_worry() -> None:
    with structlog.testing.capture_logs() as logged:
        legs = run(TALK, 3.0)

    assert [leg.why for leg in legs.call.record().legs] == ["hand-off", ""]
    assert [line["event"] for line in logged if line["log_level"] == "warning"] == []


BREAKS_IN = Script(
    heard=("mm-hm", "I want to sell my house", "In Hebbal", "it is new"),
    replies=("Where is it?", LONG, "Fine.", "Good."),
)
BOLD = {
    "while the agent speaks": ((tone(300, at_ms=700), tone(2000, at_ms=3600)), {}),
    "and presses keys": ((tone(1200), tone(800)), {"dtmf": "42"}),
    "in time": ((tone(1500), tone(1200)), {"barge_in_at_ms": 1500}),
}


@settings(max_examples=examples(15), phases=NOT_SMALLER)
@given(st.sampled_from(sorted(BOLD)), TIMES, st.sampled_from([0.0, 1.0, 20.0]))
def test_a_caller_who_breaks_in_is_understood_in_whichever_process(
    how: str, after_s: list[float], wait_s: float
) -> None:
    lines, more = BOLD[how]
    stage = Stage(BREAKS_IN, configured(GREETING=LONG, FILLER_S=5, SILENCE_S=60, HAND_OFF_WAIT_S=wait_s))
    legs = Legs(stage, lines)
    plan = {"patience_ms": 30_000, "quiet_ms": 2000, **more}
    trio.run(lambda: legs.moved(*after_s, **plan), clock=MockClock(autojump_threshold=0))

    entries = legs.call.record().entries
    assert [e.text for e in entries if e.role == "caller" and not e.keys] == list(BREAKS_IN.heard[: len(lines)])
    said = " ".join(e.text for e in entries if e.role == "agent")
    assert said.startswith("We have several homes")
    assert said.count("several homes") <= 1 + said.count("Where is it?")
    assert not any(e.text.startswith("Sorry") for e in entries)


@settings(max_examples=examples(5), phases=NOT_SMALLER)
@given(TIMES, st.sampled_from([0.0, 1.0, 20.0]))
def test_a_model_that_hears_and_speaks_itself_is_handed_off_likewise(after_s: list[float], wait_s: float) -> None:
    stage = LiveStage(TALK, configured(FILLER_S=5, SILENCE_S=60, HAND_OFF_WAIT_S=wait_s))
    legs = Legs(stage, LINES)
    trio.run(lambda: legs.moved(*after_s, patience_ms=30_000), clock=MockClock(autojump_threshold=0))

    assert stage.told == WHOLE["talks"].stage.told
    assert stage.objections == []


async def legs_of(script: Script, *after_s: float, lines: tuple[Line, ...] = LINES, **changes: object) -> Legs:
    legs = Legs(Stage(script, configured(**changes)), lines)
    await legs.moved(*after_s, patience_ms=30_000, quiet_ms=700 if lines else 5000)
    return legs


async def test_a_hand_off_is_no_call_that_was_left_too_early(autojump_clock) -> None:
    """What its caller has not heard yet, the next process says."""
    with structlog.testing.capture_logs() as logs:
        for after_s in (0.0, 3.0, 6.0):
            await legs_of(TALK, after_s)
    assert [line["event"] for line in logs if line["log_level"] not in ("debug", "info")] == []


async def test_behind_a_statement_it_takes_half_a_second_and_behind_a_question_longer(autojump_clock) -> None:
    for text, quiet_s in (("Hello, this is Priya.", QUIET_S), (GREETING, ASKED_S)):
        legs = await legs_of(TALK, 0.0, GREETING=text, lines=())
        (leg, _) = legs.call.record().legs
        assert leg.ended_ms is not None
        spoken = next(entry.end_ms for entry in legs.records[0].entries)
        assert quiet_s * 1000 <= leg.ended_ms - spoken <= quiet_s * 1000 + 100


async def test_a_call_that_waits_for_its_moment_can_be_told_to_stay_and_asked_again(autojump_clock) -> None:
    legs = Legs(Stage(TALK, configured(GREETING="Hello, this is Priya.", SILENCE_S=60)), ())
    asked_s = 15.0

    async def ask(while_it_speaks: float) -> None:
        while not legs.stage.calls:  # noqa: ASYNC110  virtual time
            await trio.sleep(0.01)
        await trio.sleep(while_it_speaks)
        call = legs.call
        call.move("a release")
        await trio.sleep(0.1)
        call.stay()
        await trio.sleep(asked_s - while_it_speaks - 0.1)
        assert call.ending is None
        call.move("a release")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, 0.3)
        await legs.moved(patience_ms=20_000, quiet_ms=30_000)
        nursery.cancel_scope.cancel("the leg is over")

    assert legs.call.ending is Ending.MOVED
    (leg,) = legs.call.record().legs
    assert leg.ended_ms is not None
    assert asked_s * 1000 <= leg.ended_ms <= asked_s * 1000 + 1000


async def test_where_the_caller_has_just_spoken_the_next_process_answers(autojump_clock) -> None:
    legs = await legs_of(TALK, 4.0, lines=(tone(1500, at_ms=3800), *LINES[1:]))

    (before,) = legs.records
    assert before.entries[-1].text == "I want to buy a flat"
    assert before.entries[-1].end_ms <= before.legs[-1].ended_ms <= before.entries[-1].end_ms + 1000
    assert legs.logs[0].unplayed_ms == 0
    first = next(piece.at_ms for piece in legs.logs[1].played)
    assert first <= 700  # thinking, and the voice's first sound
    assert legs.stage.told[2] == "agent: A flat, lovely. In which area?"


async def test_a_caller_who_speaks_is_not_moved(autojump_clock) -> None:
    legs = await legs_of(TALK, 4.0, lines=(tone(9000, at_ms=3500),), HAND_OFF_WAIT_S=0)

    (said,) = legs.logs[0].spoken
    assert legs.logs[0].duration_ms > said.end_ms
    assert said.end_ms - said.start_ms >= 9000 - 1


@settings(max_examples=examples(40), phases=NOT_SMALLER)
@given(st.integers(3500, 9000), st.integers(0, 1000), st.sampled_from([300, 1500]), st.integers(2, 6))
def test_whoever_begins_to_speak_while_the_store_is_written_is_understood_here(
    begins_ms: int, store_ms: int, lasts_ms: int, asked_s: int
) -> None:
    """The store takes its time; the call listens meanwhile, and goes on if there is something to be heard."""
    stage = Stage(TALK, configured(SILENCE_S=60, FILLER_S=5), store_s=store_ms / 1000)
    legs = Legs(stage, (tone(lasts_ms, at_ms=begins_ms),))
    trio.run(lambda: legs.moved(asked_s, patience_ms=20_000, quiet_ms=6000), clock=MockClock(autojump_threshold=0))

    assert len(legs.records) == 1
    left, (said, *_) = legs.logs[0].duration_ms, (one for log in legs.logs for one in log.spoken)
    if said.start_ms + HEARD_MS < left:
        assert said.end_ms <= left
        assert TALK.heard[0] in [entry.text for entry in legs.records[0].entries]
    assert stage.stores[0].record == legs.records[0]  # and nothing was written once nobody listened
    assert stage.stores[0].writes[-1] + store_ms / 1000 <= left / 1000 + 0.1
    assert left / 1000 - stage.stores[0].writes[-1] - store_ms / 1000 <= 0.1


async def test_a_noise_without_words_keeps_no_call(autojump_clock) -> None:
    noise = replace(TALK, heard=("",))
    legs = await legs_of(noise, 12.0, lines=(tone(60_000, at_ms=4000),), HAND_OFF_WAIT_S=4)

    (before,) = legs.records
    assert 12_000 <= (before.legs[-1].ended_ms or 0) <= 4000 + 30_000 + 1000  # it may be one utterance for so long


async def test_a_call_without_a_quiet_moment_is_handed_off_when_its_time_is_over(autojump_clock) -> None:
    endless = "This is the first of many sentences that I say. " * 12
    legs = await legs_of(replace(TALK, replies=(endless,)), 7.0, lines=LINES[:1], HAND_OFF_WAIT_S=8)

    (leg, _) = legs.call.record().legs
    assert leg.ended_ms is not None
    assert 15_000 <= leg.ended_ms <= 15_000 + 3100
    (before,) = legs.records
    assert before.entries[-1].text.endswith("say.")  # at the end of a sentence
    assert before.thread is not None
    assert before.thread.unsaid[0].startswith("This")
    assert legs.stage.told[-1] == f"agent: {endless.strip()}"


async def test_a_long_sentence_is_cut_at_a_word(autojump_clock) -> None:
    endless = "word " * 42 + "end."
    legs = await legs_of(replace(TALK, replies=(endless,)), 9.0, lines=LINES[:1], HAND_OFF_WAIT_S=0, FILLER_S=5)

    (before,) = legs.records
    assert before.entries[-1].interrupted
    assert before.entries[-1].text.endswith("word")
    assert legs.stage.told[-1] == f"agent: {endless.strip()}"
    assert len(legs.logs[0].clears) == 1


async def test_neither_a_goodbye_nor_a_tool_is_handed_off(autojump_clock) -> None:
    bye = replace(TALK, replies=("Goodbye then, and thank you very much for calling us today!",))
    legs = await legs_of(bye, 7.5, lines=LINES[:1], HAND_OFF_WAIT_S=0)

    assert legs.call.ending is Ending.AGENT_SAID_GOODBYE
    assert legs.records == []


async def test_the_caller_is_told_once_that_they_are_recorded_and_that_a_machine_speaks(autojump_clock) -> None:
    notice, machine = "This call is recorded.", "I am a machine."
    stage = Stage(
        TALK,
        configured(RECORD_NOTICE=notice, AI_DISCLOSURE=machine, DISCLOSE="always"),
        tape=lambda: Tape(Label("CA1", "2026-11-27T10:00:00+00:00")),
    )
    legs = Legs(stage, LINES)
    await legs.moved(1.0, 3.0, patience_ms=30_000)

    assert len(legs.records) == 2
    told = " ".join(stage.told)
    assert told.count(notice) == told.count(machine) == told.count(GREETING) == 1
    assert all(call._tape is not None and call._tape.allowed for call in stage.calls)


class Told:
    """A socket that tells when it is closed."""

    def __init__(self, socket: MediaSocket, seen: list[str]) -> None:
        self._socket, self._seen = socket, seen
        self.receive, self.each = socket.receive, socket.each
        self.send, self.abort = socket.send, socket.abort

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._seen.append("closed")
        await self._socket.close(code, reason)


async def test_who_is_handed_off_in_silence_has_been_listened_to_until_the_socket_is_closed(autojump_clock) -> None:
    stage = Stage(TALK)
    seen: list[str] = []

    @asynccontextmanager
    async def ready() -> AsyncIterator[bool]:
        await trio.sleep(0.3)
        seen.append("ready")
        yield True
        seen.append("gone")

    async def at_close() -> None:
        seen.append("left")

    async def serve(socket: MediaSocket) -> None:
        info = await pick_up(socket, stage.tokens, 5)
        assert info is not None
        stage.calls.append(stage.call(info, Told(socket, seen), ready=ready, at_close=at_close))
        stage.calls[0].move("a release")
        await stage.calls[0].run()

    await stage.place(serve=serve, quiet_ms=5000)

    assert seen[0] == "ready"
    assert sorted(seen[1:3]) == ["closed", "left"]
    assert seen[3:] == ["gone"]


async def test_what_became_known_while_the_store_was_written_is_known_elsewhere_before_the_close(
    autojump_clock,
) -> None:
    stage = Stage(TALK)
    seen: list[str] = []

    @asynccontextmanager
    async def ready() -> AsyncIterator[bool]:
        await trio.sleep(0.3)
        stage.calls[0].meter.add("llm", "a model", {"requests": 1})  # a bill that came late
        seen.append("ready")
        yield True
        seen.append("gone")

    async def before_close() -> None:
        seen.append("written")

    async def serve(socket: MediaSocket) -> None:
        info = await pick_up(socket, stage.tokens, 5)
        assert info is not None
        stage.calls.append(stage.call(info, Told(socket, seen), ready=ready, before_close=before_close))
        stage.calls[0].move("a release")
        await stage.calls[0].run()

    await stage.place(serve=serve, quiet_ms=5000)

    assert seen == ["ready", "gone", "written", "closed"]


async def test_what_is_to_be_known_elsewhere_is_written_before_the_socket_is_closed(autojump_clock) -> None:
    stage = Stage(TALK)
    seen: list[str] = []

    async def known() -> None:
        seen.append("known")
        await trio.sleep(0.3)
        seen.append("written")
        await trio.sleep_forever()

    async def serve(socket: MediaSocket) -> None:
        info = await pick_up(socket, stage.tokens, 5)
        assert info is not None
        stage.calls.append(stage.call(info, Told(socket, seen), before_close=known))
        stage.calls[0].end(Ending.AGENT_SAID_GOODBYE, "lost to another line")
        await stage.calls[0].run()

    log = await stage.place(serve=serve, quiet_ms=5000)

    assert seen == ["known", "written", "closed"]
    assert stage.record.legs[0].ended_ms is not None
    assert log.duration_ms == pytest.approx(stage.record.legs[0].ended_ms + BEFORE_CLOSE_S * 1000, abs=50)


async def test_a_caller_whose_sound_comes_late_is_not_taken_for_silent(autojump_clock: MockClock) -> None:
    """The network stalls as the caller begins to speak, and the process is asked to leave meanwhile."""
    stage = Stage(TALK, configured(SILENCE_S=60))
    stall = Rudeness(holds=(Hold(5000, 1500),))

    async def leave() -> None:
        await trio.sleep(5.4)
        stage.calls[0].move("a release")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave)
        await stage.place(tone(1200, at_ms=5050), rudeness=stall, patience_ms=20_000, quiet_ms=9000)
    assert stage.calls[0].ending is Ending.MOVED
    assert stage.told[-1] == "caller: I want to buy a flat"
