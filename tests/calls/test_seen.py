"""What is seen of a call from outside: counters as it goes on, and spans. In virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio

from agent.errors import Fault
from agent.providers.scripted import Script, Trouble, call
from agent.seen.spans import Span, leg_id, trace_id
from tests.calls.counted import Counted
from tests.calls.legs import stored
from tests.calls.stage import Stage, configured, tone

ASKS = Script(heard=("a flat in Whitefield",), replies=("A flat in Whitefield, lovely. What is your budget?",))
STAGES = ("endpoint", "hear", "first-token", "first-audio")


async def test_each_stage_of_a_turn_is_told_with_its_time(autojump_clock) -> None:
    counted = Counted()
    script = replace(ASKS, hear_s=0.2, first_token_s=0.7, first_chunk_s=0.25)

    stage = Stage(script)
    log = await stage.place(tone(1500))

    assert counted("turns_total", outcome="answered") == 1
    took = {name: counted("turn_stage_seconds_sum", stage=name) for name in STAGES}
    assert [counted("turn_stage_seconds_count", stage=name) for name in STAGES] == [1, 1, 1, 1]
    assert took["endpoint"] == pytest.approx(stage.settings.END_SILENCE_MS / 1000, abs=0.1)
    assert took["first-token"] == pytest.approx(0.7, abs=0.05)
    assert took["hear"] == pytest.approx(0.0, abs=0.01)  # it was begun at the pause, and done before the turn was over
    (spoken,) = log.spoken
    answer = next(piece.at_ms for piece in log.played if piece.at_ms > spoken.end_ms)
    assert counted("turn_seconds_sum") == pytest.approx((answer - spoken.end_ms) / 1000, abs=0.15)
    assert counted("turn_seconds_sum") == pytest.approx(sum(took.values()), abs=1e-6)


async def test_a_turn_is_told_while_its_call_goes_on(autojump_clock) -> None:
    counted = Counted()
    told: list[float] = []
    stage = Stage(ASKS)

    async with trio.open_nursery() as nursery:

        async def look() -> None:
            await trio.sleep(15)
            told.extend([counted("turns_total", outcome="answered"), counted("calls_begun_total", direction="inbound")])
            assert stage.ending is None

        nursery.start_soon(look)
        await stage.place(tone(1500, at_ms=4000), hang_up_at_ms=20_000, max_ms=30_000, quiet_ms=30_000)

    assert told == [1, 1]


async def test_who_says_more_before_there_is_an_answer_is_not_waited_for_in_the_figures(autojump_clock) -> None:
    counted = Counted()

    script = Script(heard=("a flat", "no, a house"), replies=("Lovely.",), first_token_s=2.0)
    stage = Stage(script)
    await stage.place(tone(800, at_ms=4000), tone(900, at_ms=5600), quiet_ms=5000)

    assert stage.told[1:] == ["caller: a flat", "caller: no, a house", "agent: Lovely."]
    assert counted("turns_total", outcome="unsaid") == 1
    assert counted("turns_total", outcome="answered") == counted("turn_seconds_count") == 1
    assert counted("turn_seconds_sum") == pytest.approx(0.45 + 2.0 + 0.2, abs=0.3)


async def test_who_makes_a_noise_before_the_answer_waits_for_themselves(autojump_clock) -> None:
    counted = Counted()
    script = Script(heard=("a flat", "mm-hm"), replies=("Lovely.",), first_token_s=2.0)

    await Stage(script).place(tone(800, at_ms=4000), tone(300, at_ms=5600), quiet_ms=5000)

    assert counted("turns_total", outcome="answered") == 1
    assert counted("turn_seconds_count") == 0


async def test_barge_ins_backchannels_and_noises_are_told_apart(autojump_clock) -> None:
    counted = Counted()

    await Stage(ASKS).place(tone(1500), barge_in_at_ms=1000)
    assert counted("interruptions_total", kind="barge-in") == 1
    await Stage(Script(heard=("",))).place(tone(150), barge_in_at_ms=1000, max_ms=30_000, patience_ms=20_000)
    assert counted("interruptions_total", kind="false") == 1
    await Stage(Script(heard=("mm-hm",))).place(tone(300), barge_in_at_ms=1000, max_ms=30_000, patience_ms=20_000)

    kinds = ("barge-in", "false", "backchannel")
    assert [counted("interruptions_total", kind=kind) for kind in kinds] == [1, 1, 1]


async def test_dead_air_is_told_by_what_ended_it_and_a_filler_is_no_answer(autojump_clock) -> None:
    counted = Counted()

    await Stage(replace(ASKS, first_token_s=4.0)).place(tone(1500), max_ms=60_000)

    assert counted("dead_air_total", by="filler") == 1
    assert counted("dead_air_total", by="apology") == 0
    assert counted("turn_seconds_sum") > 4

    never = Script(heard=("hello",), troubles=(Trouble("think", at=0, fault=None),))
    await Stage(never, configured(LLM_TIMEOUT_S=30)).place(tone(900, at_ms=4000), max_ms=60_000, quiet_ms=9000)

    assert counted("dead_air_total", by="apology") == 1
    assert counted("turn_failures_total", stage="think", fault=Fault.TIMEOUT.value) == 1


async def test_the_first_word_is_timed_and_calls_are_counted_as_they_begin(autojump_clock) -> None:
    counted = Counted()

    await Stage(ASKS).place(tone(900))
    await Stage(ASKS).place(tone(900), direction="outbound-api")

    assert counted("calls_begun_total", direction="inbound") == 1
    assert counted("calls_begun_total", direction="outbound") == 1
    assert counted("greeting_seconds_count") == 1
    assert counted("greeting_seconds_sum") == pytest.approx(ASKS.first_chunk_s, abs=0.1)


async def test_sound_that_the_voice_makes_too_slowly_leaves_holes_that_are_told(autojump_clock) -> None:
    counted = Counted()

    await Stage(replace(ASKS, realtime_factor=1.5)).place(tone(900), max_ms=60_000)

    assert counted("audio_gap_seconds_count", cause="starved") > 3
    assert counted("audio_gap_seconds_count", cause="late") == 0


async def traced(script: Script, *lines, **plan) -> tuple[Stage, list[Span]]:
    stage, spans = Stage(script, configured(TOOLS_FILE="tests/calls/tools_for_stories.py")), list[Span]()
    stage.parts = replace(stage.parts, spans=spans.extend)
    await stage.place(*lines, **plan)
    return stage, spans


async def test_a_call_is_one_trace_with_a_span_a_turn_and_a_stage(autojump_clock) -> None:
    stage, spans = await traced(ASKS, tone(1500), tone(1500))
    sid = stage.calls[0].info.call_sid

    assert {span.trace_id for span in spans} == {trace_id(sid)}
    assert len({span.span_id for span in spans}) == len(spans)
    (root,) = (span for span in spans if span.parent_id is None)
    assert (root.name, root.span_id, root.attributes["call.turns"]) == ("call", leg_id(sid, 1), 2)
    turns = [span for span in spans if span.name == "turn"]
    assert [turn.parent_id for turn in turns] == [root.span_id] * 2
    for turn in turns:
        parts = [span for span in spans if span.parent_id == turn.span_id]
        assert [span.name for span in parts] == ["endpoint", "hear", "first token", "first audio", "think", "speak"]
        assert all(turn.began_ns <= span.began_ns <= span.ended_ns <= turn.ended_ns for span in parts)
        assert root.began_ns <= turn.began_ns <= turn.ended_ns <= root.ended_ns


async def test_a_tool_is_a_span_of_its_turn_and_is_timed(autojump_clock) -> None:
    counted = Counted()
    script = Script(heard=("book it",), calls={1: (call("slow"),)}, after_calls={1: "It is booked."})

    _, spans = await traced(script, tone(1500, at_ms=4000), quiet_ms=7000)

    (tool,) = (span for span in spans if span.name == "tool slow")
    (turn,) = (span for span in spans if span.name == "turn")
    assert tool.parent_id == turn.span_id
    assert tool.ended_ns - tool.began_ns == pytest.approx(4e9, rel=0.01)
    assert counted("tool_seconds_count", tool="slow", result="done") == 1


async def test_nothing_of_anybodys_is_in_a_trace(autojump_clock) -> None:
    said = "my number is 98765 43210 and my name is Asha"
    stage, spans = await traced(Script(heard=(said,), replies=("Thank you, Asha.",)), tone(1500), max_ms=60_000)
    info = stage.calls[0].info

    told = repr(spans)
    for word in (info.call_sid, info.caller, info.called, info.account_sid, info.stream_sid, "Asha", "98765", "Thank"):
        assert word not in told


async def test_a_call_that_is_handed_off_keeps_its_trace_and_tells_of_its_gap(autojump_clock) -> None:
    stage, spans = Stage(ASKS), list[Span]()
    stage.parts = replace(stage.parts, spans=spans.extend)

    async def leave() -> None:
        await trio.sleep(1)
        stage.calls[0].move("a deploy")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave)
        await stage.place(tone(1500, at_ms=9000), patience_ms=20_000)
    await stage.resume(stored(stage.calls[0].so_far()), tone(1500, at_ms=1000))

    sid = stage.calls[0].info.call_sid
    assert {span.trace_id for span in spans} == {trace_id(sid)}
    assert len({span.span_id for span in spans}) == len(spans)
    call, leg = (next(span for span in spans if span.name == name) for name in ("call", "leg"))
    assert (call.attributes["call.ending"], leg.attributes["call.ending"]) == ("moved", "caller hung up")
    assert leg.parent_id == call.span_id
    (turn,) = (span for span in spans if span.name == "turn")
    assert turn.parent_id == leg.span_id
    (event,) = leg.events
    assert (event.name, event.attributes["why"]) == ("resumed", "hand-off")
    assert 0 <= event.attributes["gap_ms"] < 2000
