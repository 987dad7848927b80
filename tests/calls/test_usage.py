"""A whole call's record tells what its models used, what was meant where it was cut, and why it ended."""

from __future__ import annotations

from trio.testing import MockClock

from agent.keep.derive import derived
from agent.model import Ending
from agent.providers.scripted import Script
from tests.calls.live_stage import LiveStage
from tests.calls.stage import Stage, configured, tone

GREETING_SAID = "Hello, this is Priya.How may I help you?"
GREETING = "We have several homes in Whitefield. Some of them are large, and some of them are by the lake."


async def test_what_a_realtime_model_did_is_on_the_call_that_it_was_for(autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("a flat", "In Hebbal"), replies=("Where?", "Lovely.")))
    for _ in range(2):
        await stage.place(tone(1200), tone(1200))

    for call in stage.calls:
        used = {(each.part, each.model): each for each in call.record().usage}
        heard, thought = used["stt", "gpt-live-transcribe"], used["llm", "gpt-realtime-2.1-mini"]
        assert (heard.requests, heard.untold) == (2, 0)
        assert heard.seconds > 2
        assert (thought.requests, thought.untold, thought.audio_out, thought.tokens_cached) == (2, 0, 30, 6)

        turns = [{each.part: each for each in turn.usage} for turn in call.record().turns]
        assert [(turn["llm"].audio_out, turn["stt"].requests) for turn in turns] == [(15, 1), (15, 1)]

    spoken, again = ([each for each in call.record().usage if each.part == "tts"] for call in stage.calls)
    assert [(each.untold, each.characters) for each in spoken] == [(0, len(GREETING_SAID))]
    assert again == []  # the greeting is said from the cache


async def test_a_reply_that_the_caller_cuts_is_counted_as_far_as_it_is_told(autojump_clock: MockClock) -> None:
    stage = LiveStage(Script(heard=("a flat", "no, wait"), replies=(GREETING, "Yes?")))
    await stage.place(tone(1200), tone(1500, at_ms=6500))

    used = {(each.part, each.model): each for each in stage.record.usage}
    assert used["llm", "gpt-realtime-2.1-mini"].requests == 2
    assert used["llm", "gpt-realtime-2.1-mini"].untold <= 1


async def test_the_record_has_what_was_meant_and_why_the_call_ended(autojump_clock: MockClock) -> None:
    stage = Stage(Script(heard=("no, I want to sell",), replies=("Where is it?",)), configured(GREETING=GREETING))
    await stage.place(tone(2000, at_ms=3000), quiet_ms=3000)

    cut = stage.record.entries[0]
    assert cut.interrupted
    assert GREETING.startswith(cut.text)
    assert len(cut.text) < len(GREETING)
    assert cut.meant == GREETING
    assert [entry.meant for entry in stage.record.entries[1:]] == [""] * len(stage.record.entries[1:])
    assert stage.ending is Ending.CALLER_HUNG_UP
    assert stage.record.reason
    assert stage.record.usage == ()
    assert derived(stage.record).ended_at > stage.record.started_at
