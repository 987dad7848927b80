"""Calls as stories: who speaks when, and what is expected then. All in virtual time."""

import random
from dataclasses import replace

import trio

from agent.guard.tokens import Tokens
from agent.model import Ending
from agent.providers.scripted import Script
from agent.rehearsal.plan import HangUp
from agent.think.ports import Reply
from tests.calls.stage import GREETING, Ear, Stage, configured, loud, tone
from tests.calls.transcript import plays

ASKS = Script(heard=("a flat in Whitefield",), replies=("A flat in Whitefield, lovely. What is your budget?",))


async def test_the_agent_greets_and_answers_and_the_record_tells_it(autojump_clock) -> None:
    call = await plays("""
        agent: Hello, this is Priya. How may I help you?
        caller: a flat in Whitefield
        agent: A flat in Whitefield, lovely. What is your budget?
    """)
    assert call.log.failures == []
    assert call.log.clears == []
    assert call.stage.ending is Ending.CALLER_HUNG_UP


async def test_the_first_sound_leaves_before_the_model_has_finished(autojump_clock) -> None:
    slow = Script(heard=("hello",), replies=("One. " + "word " * 200,), token_gap_s=0.5)
    stage = Stage(slow)

    await stage.place(tone(1000), max_ms=40_000)

    (turn,) = stage.record.turns
    assert turn.first_audio_ms < 1500


async def test_a_barge_in_silences_the_agent_within_the_guard(autojump_clock) -> None:
    stage = Stage(ASKS)

    log = await stage.place(tone(1500), barge_in_at_ms=1000)

    (clear,) = log.clears
    (line,) = log.spoken
    assert line.barged_in
    assert clear.at_ms - line.start_ms <= 200
    assert stage.record.barge_ins == 1
    (first, *_), second = stage.record.entries[:1], stage.record.entries[1]
    assert first.interrupted
    assert GREETING.startswith(first.text)
    assert 0 < len(first.text) < len(GREETING)
    assert second.text == "a flat in Whitefield"
    assert stage.words[-1][0] == "agent"


async def test_a_barge_in_while_the_agent_thinks_keeps_both_halves_of_what_was_said(autojump_clock) -> None:
    stage = Stage(Script(hear_s=2.0, heard=("both halves",), replies=("Thank you.",)))

    await stage.place(tone(800), tone(800, at_ms=9000), tone(800, at_ms=10_500), max_ms=30_000)

    assert stage.words[-2:] == [("caller", "both halves"), ("agent", "Thank you.")]


async def test_a_sound_without_words_lets_the_agent_go_on_where_it_was_cut(autojump_clock) -> None:
    stage = Stage(Script(heard=("",)))

    await stage.place(tone(150), barge_in_at_ms=1000, max_ms=30_000, patience_ms=20_000)

    assert stage.words == [("agent", GREETING)]
    assert stage.record.false_interruptions == 1
    assert stage.record.barge_ins == 0


async def test_the_callers_goodbye_is_answered_and_heard_before_we_hang_up(autojump_clock) -> None:
    stage = Stage(Script(heard=("that is all",), replies=("Thank you for calling. Goodbye!",)))

    log = await stage.place(tone(900), max_ms=60_000)

    assert stage.ending is Ending.AGENT_SAID_GOODBYE
    assert log.ended == "the server closed the stream"
    assert log.unplayed_ms == 0
    assert stage.words[-1] == ("agent", "Thank you for calling. Goodbye!")


async def test_silence_is_prompted_twice_and_then_ends_the_call(autojump_clock) -> None:
    stage = Stage(ASKS, configured(SILENCE_S=8))

    log = await stage.place(patience_ms=90_000, quiet_ms=90_000)

    assert stage.ending is Ending.CALLER_SILENT
    assert [text for _, text in stage.words] == [
        GREETING,
        *stage.settings.silence_prompts,
        "Thank you for calling Premier Realty Group. Goodbye!",
    ]
    assert log.unplayed_ms == 0


async def test_a_call_ends_at_its_time_limit_with_a_goodbye(autojump_clock) -> None:
    stage = Stage(ASKS, configured(CALL_MAX_MINUTES=0.2))

    await stage.place(tone(500), patience_ms=90_000, quiet_ms=90_000)

    assert stage.ending is Ending.TIME_LIMIT
    assert stage.words[-1] == ("agent", "Thank you for calling Premier Realty Group. Goodbye!")
    assert stage.record.entries[-1].end_ms - 100 <= stage.record.duration_ms <= 16_000
    assert 12_000 <= stage.record.entries[-1].start_ms <= 12_500


async def test_what_was_heard_of_a_goodbye_that_is_hung_up_on_is_in_the_record(autojump_clock) -> None:
    stage = Stage(ASKS, configured(CALL_MAX_MINUTES=0.2, GOODBYE="Thank you for calling. " * 9))
    began = trio.current_time()

    await stage.place(quiet_ms=90_000, hang_up_at_ms=13_000)

    assert trio.current_time() - began < 14
    assert stage.ending is Ending.TIME_LIMIT
    assert stage.told[-1].startswith("agent: Thank you")
    assert stage.told[-1].endswith(" -")


async def test_every_way_to_hang_up_ends_the_call(autojump_clock) -> None:
    for way, ending in [
        (HangUp.POLITE, Ending.CALLER_HUNG_UP),
        (HangUp.STOP_ONLY, Ending.CALLER_HUNG_UP),
        (HangUp.CLOSE_ONLY, Ending.CONNECTION_LOST),
        (HangUp.RESET, Ending.CONNECTION_LOST),
    ]:
        stage = Stage(ASKS)
        log = await stage.place(tone(3000), hang_up=way, hang_up_at_ms=2500)
        assert stage.ending is ending
        assert log.failures == []


async def test_a_stranger_without_a_token_is_refused_and_nothing_is_paid(autojump_clock) -> None:
    stage = Stage(ASKS)

    async def forgetful(socket) -> None:
        stage.tokens = Tokens(b"another", ttl_s=1e9, random=random.Random(0).randbytes)
        await stage.serve(socket)

    log = await stage.place(patience_ms=5000, serve=forgetful)

    assert stage.calls == []
    assert log.ended == "the server closed the stream"
    assert stage.voice.requests == 0


async def test_a_cough_in_the_middle_of_a_reply_does_not_end_it(autojump_clock) -> None:
    stage = Stage(Script(heard=("hello", ""), replies=("x",)))

    async def reply(prompt, emit) -> Reply:
        await emit("Let me see. ")
        await trio.sleep(4.5)
        await emit("What is your budget?")
        return Reply()

    stage.mind.reply = reply
    await stage.place(tone(800, at_ms=3200), tone(150, at_ms=6500), quiet_ms=30_000, hang_up_at_ms=16_000)

    assert "budget" in stage.words[-1][1]


async def test_a_cough_in_the_greeting_loses_none_of_it(autojump_clock) -> None:
    greeting = "Hello, this is Priya from Premier Realty Group. I can help you buy or sell. How may I help you today?"
    stage = Stage(Script(heard=("",)), configured(GREETING=greeting))

    await stage.place(tone(150, at_ms=400), max_ms=30_000, patience_ms=30_000, quiet_ms=900)

    assert " ".join(text for _, text in stage.words) == greeting


async def test_a_caller_who_talks_without_a_pause_is_heard_to_the_end(autojump_clock) -> None:
    stage = Stage(Script(heard=("part one", "part two", "part three"), replies=("I see.",)))

    await stage.place(tone(70_000), max_ms=90_000, patience_ms=30_000)

    assert stage.words[1:] == [
        ("caller", "part one"),
        ("caller", "part two"),
        ("caller", "part three"),
        ("agent", "I see."),
    ]


async def test_a_noise_that_never_ends_does_not_keep_the_agent_silent(autojump_clock) -> None:
    stage = Stage(Script(heard=("",)), vad=lambda: lambda _: 0.9)

    await stage.place(max_ms=300_000, patience_ms=290_000, quiet_ms=290_000)

    assert stage.ending is Ending.CALLER_SILENT
    assert stage.settings.silence_prompts[0] in [text for _, text in stage.words]


async def test_a_barge_in_ends_the_thinking_before_the_next_begins(autojump_clock) -> None:
    stage = Stage(Script(heard=("hello", "wait, stop"), replies=("Well. " + "word " * 300, "Yes?"), token_gap_s=0.2))
    thinking = []

    def loud_and_watched(window) -> float:
        thinking.append(stage.mind.active)
        return loud(window)

    stage.parts = replace(stage.parts, vad=lambda: Ear(loud_and_watched))
    await stage.place(tone(800, at_ms=3200), tone(1000, at_ms=9000), quiet_ms=30_000, hang_up_at_ms=14_000)

    assert set(thinking) == {0, 1}
    assert stage.mind.requests == 2
    assert stage.words[-1] == ("agent", "Yes?")


async def test_sound_whose_transcription_was_cut_off_is_heard_with_the_next(autojump_clock) -> None:
    stage = Stage(Script(hear_s=2.0, heard=("all of it",), replies=("Thank you.",)))
    lengths = []
    hear = stage.ears.transcribe

    async def transcribe(utterance, _language) -> str:
        lengths.append(utterance.duration_ms)
        return await hear(utterance)

    stage.ears.transcribe = transcribe
    await stage.place(tone(1000, at_ms=3200), tone(1000, at_ms=5500), quiet_ms=30_000, hang_up_at_ms=14_000)

    assert len(lengths) == 2
    assert lengths[1] > 1.8 * lengths[0]


async def test_words_win_back_the_agents_patience_and_noises_do_not(autojump_clock) -> None:
    prompts = configured().silence_prompts
    for heard, expected in (("hello", [prompts[0], prompts[0]]), ("", [prompts[0], prompts[1]])):
        stage = Stage(Script(heard=(heard,), replies=("Fine.",)))
        await stage.place(tone(800, at_ms=13_000), quiet_ms=90_000, patience_ms=90_000, hang_up_at_ms=27_000)
        assert [text for _, text in stage.words if text in prompts] == expected


async def test_no_prompt_while_the_caller_speaks_nor_while_the_agent_does(autojump_clock) -> None:
    stage = Stage(Script(heard=("a long story",), replies=("It is a long answer to a long story. " * 8,)))

    await stage.place(tone(15_000, at_ms=3200), quiet_ms=90_000, hang_up_at_ms=42_000)

    assert not {text for _, text in stage.words} & set(stage.settings.silence_prompts)


async def test_the_first_ending_stands_and_a_mark_that_never_comes_does_not_hold_it_up(autojump_clock) -> None:
    stage = Stage(ASKS, configured(CALL_MAX_MINUTES=0.2, GOODBYE_TIMEOUT_S=6, GOODBYE="Goodbye. " * 40))
    began = trio.current_time()

    log = await stage.place(quiet_ms=90_000, patience_ms=90_000)

    assert stage.ending is Ending.TIME_LIMIT
    assert log.ended == "the server closed the stream"
    assert 17.5 <= trio.current_time() - began <= 19
    stage.calls[0].end(Ending.CALLER_HUNG_UP, "late")
    assert stage.ending is Ending.TIME_LIMIT
