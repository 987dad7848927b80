"""Words that were typed instead of said, on a softphone's call. In virtual time.

The greeting's first sentence plays from 0.2 to 1.5 s, its second until 2.6 s.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest
import trio

from agent.model import Ending
from agent.providers.scripted import Script
from agent.rehearsal.log import CallLog
from agent.wire.ports import MediaSocket
from nurseries.legs.pick_up import pick_up
from nurseries.replay.play import play_events
from tests.calls.stage import GREETING, Stage, tone
from tests.replay.taken_stage import taken

GREETED = f"agent: {GREETING}"
WHERE = "Where would you like to live?"


class Typing:
    """The server's end of a softphone's line, on which this is typed at these times."""

    def __init__(self, socket, typed: dict[float, object]) -> None:
        self._socket = socket
        self._typed = [(at, json.dumps({"event": "typed", "typed": {"text": text}})) for at, text in typed.items()]
        self._began = trio.current_time()

    async def receive(self):
        if self._typed and trio.current_time() >= self._began + self._typed[0][0]:
            await trio.lowlevel.checkpoint()
            return self._typed.pop(0)[1]
        return await self._socket.receive()

    each = MediaSocket.each

    def __getattr__(self, name: str):
        return getattr(self._socket, name)


async def call(stage: Stage, typed: dict[float, object], *lines, softphone: bool = True, **plan) -> CallLog:
    async def serve(socket) -> None:
        info = await pick_up(socket, stage.tokens, stage.settings.START_TIMEOUT_S)
        assert info is not None
        stage.calls.append(stage.call(replace(info, softphone=softphone), Typing(socket, typed)))
        await stage.calls[-1].run()

    return await stage.place(*lines, serve=serve, quiet_ms=20_000, **plan)


def stage_with(*replies: str, **script) -> Stage:
    return Stage(Script(replies=replies, **script))


async def test_it_is_answered_as_if_it_had_been_said(autojump_clock) -> None:
    stage = stage_with(WHERE)

    await call(stage, {4.0: "  I want to buy\n a flat "}, hang_up_at_ms=9000)

    assert stage.told == [GREETED, "caller: I want to buy a flat", f"agent: {WHERE}"]
    (asked,) = (entry for entry in stage.record.entries if entry.role == "caller")
    assert asked.start_ms == asked.end_ms
    assert stage.record.turns[0].first_audio_ms < 1000
    assert stage.record.barge_ins == 0
    assert stage.ending is Ending.CALLER_HUNG_UP


@pytest.mark.parametrize("text", ["What about Indiranagar?", "okay", "how may I help you"])
async def test_over_the_agent_it_silences_it_at_once_whatever_the_words(autojump_clock, text: str) -> None:
    stage = stage_with(WHERE)

    log = await call(stage, {1.0: text}, hang_up_at_ms=6000)

    assert len(log.clears) == 1
    assert log.clears[0].at_ms < 1060
    assert stage.told == ["agent: Hello, this -", f"caller: {text}", f"agent: {WHERE}"]
    assert stage.record.barge_ins == 1


async def test_while_the_agent_thinks_it_is_answered_with_what_was_said_before(autojump_clock) -> None:
    stage = stage_with(first_token_s=1.0)

    await call(stage, {4.0: "I want to buy", 4.5: "a flat"}, hang_up_at_ms=12_000)

    assert stage.told == [GREETED, "caller: I want to buy", "caller: a flat", "agent: You said: I want to buy a flat"]
    assert stage.answers == 2
    assert stage.record.barge_ins == 0


async def test_it_goes_with_sound_in_one_call(autojump_clock) -> None:
    stage = stage_with(WHERE, "Near the lake?", heard=("in Whitefield",))

    await call(stage, {4.0: "I want to buy a flat"}, tone(900, at_ms=8000), hang_up_at_ms=14_000)

    assert stage.told[1::2] == ["caller: I want to buy a flat", "caller: in Whitefield"]
    assert stage.told[2::2] == [f"agent: {WHERE}", "agent: Near the lake?"]


async def test_whoever_watches_is_told_of_it_as_of_a_turn_that_nobody_waited_for(autojump_clock) -> None:
    stage = stage_with(WHERE, "Near the lake?", heard=("in Whitefield",))

    await call(stage, {9.0: "I want to buy a flat"}, tone(900, at_ms=4000), hang_up_at_ms=14_000)

    seen = [json.loads(moment.data) for moment in stage.calls[-1].feed.since(0)]
    spoken, typed = (moment for moment in seen if moment["kind"] == "turn")
    assert (spoken["text"], typed["text"]) == ("in Whitefield", "I want to buy a flat")
    assert spoken["endpoint_ms"] >= 448
    assert typed["endpoint_ms"] is None
    assert typed["start_ms"] == typed["end_ms"]
    stages = [moment["endpoint_ms"] for moment in seen if moment["kind"] == "stage"]
    assert stages[1] == 0


@pytest.mark.parametrize("text", ["", " \n ", "x" * 501, 5, None])
async def test_what_is_nothing_or_too_much_is_not_taken(autojump_clock, text: object) -> None:
    stage = stage_with(WHERE)

    await call(stage, {4.0: text}, hang_up_at_ms=7000)

    assert stage.told == [GREETED]


async def test_a_program_that_types_takes_no_more_than_one_who_types_fast(autojump_clock) -> None:
    stage = stage_with(WHERE)

    await call(stage, {4.0 + n / 100: f"word {n}" for n in range(200)}, hang_up_at_ms=9000)

    taken_up = [line for line in stage.told if line.startswith("caller")]
    assert taken_up[:30] == [f"caller: word {n}" for n in range(30)]
    assert 33 <= len(taken_up) <= 36
    assert stage.ending is Ending.CALLER_HUNG_UP


async def test_a_telephone_cannot_type(autojump_clock) -> None:
    stage = stage_with(WHERE)

    await call(stage, {4.0: "I want to buy a flat"}, softphone=False, hang_up_at_ms=7000)

    assert stage.told == [GREETED]


def test_a_recording_of_it_is_played_to_the_byte() -> None:
    stage = stage_with(WHERE)
    ((header, events),) = taken(stage, partial(call, stage, {1.0: "I want to buy", 5.0: "a flat"}, hang_up_at_ms=9000))

    assert play_events(header, events).difference is None
    assert [line for line in stage.told if line.startswith("caller")] == ["caller: I want to buy", "caller: a flat"]
