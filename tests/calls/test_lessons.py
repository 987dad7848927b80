"""What users of other voice agents ran into, one test each: the same must not happen here. All in virtual time.

The greeting plays from 0.2 to 2.6 s.
"""

import trio

from agent.model import Ending
from agent.providers.scripted import Script, Trouble, call
from agent.rehearsal.stream import Hold, Rudeness
from agent.speak.ledger import Ledger
from nurseries.talk.afterwards import last_words
from tests.calls.stage import GREETING, Stage, configured, longest_silence, tone
from tests.calls.tap import Tap

LONG = "We have several homes in Whitefield. Some of them are near the lake. Which one would you like to see first?"


async def tapped(stage: Stage, *lines, deaf_to_marks: bool = False, **plan):
    taps: list[Tap] = []

    async def serve(socket) -> None:
        taps.append(Tap(socket, deaf_to_marks=deaf_to_marks))
        await stage.serve(taps[0])

    log = await stage.place(*lines, serve=serve, **plan)
    return log, taps[0]


def remembered(stage: Stage) -> list:
    """Every prompt the model is asked with."""
    prompts = []
    reply = stage.mind.reply

    async def remember(prompt, emit):
        prompts.append(prompt)
        return await reply(prompt, emit)

    stage.mind.reply = remember
    return prompts


async def test_a_barge_in_clears_what_was_sent_though_everything_was_generated_and_sent(autojump_clock) -> None:
    stage = Stage(Script(heard=("wait, please",), replies=("Yes?",)), configured(LEAD_MS=5000))

    log, tap = await tapped(stage, tone(900, at_ms=1200))

    assert [sent.event for sent in tap.sent].index("clear") > [sent.event for sent in tap.sent].index("mark")
    (clear,) = log.clears
    assert all(piece.end_ms <= clear.at_ms for piece in log.played if piece.at_ms < clear.at_ms)


async def test_marks_that_come_back_because_of_a_clear_are_nothing_heard(autojump_clock) -> None:
    stage = Stage(Script(heard=("wait, please",), replies=("Yes?",)), configured(LEAD_MS=5000))

    log = await stage.place(tone(900, at_ms=1200))

    assert len(log.marks) >= 2
    assert stage.told[0].endswith(" -")
    assert "help" not in stage.told[0]


async def test_the_model_is_told_what_was_heard_and_no_more(autojump_clock) -> None:
    stage = Stage(Script(heard=("wait, please",), replies=("Yes?",)), configured(LEAD_MS=5000))
    prompts = remembered(stage)

    await stage.place(tone(900, at_ms=1200))

    (prompt,) = prompts
    assert [message.role for message in prompt.messages] == ["agent", "caller"]
    assert prompt.messages[0].text == stage.told[0].removeprefix("agent: ")
    assert GREETING.startswith(prompt.messages[0].text.removesuffix(" -"))


async def test_media_messages_are_whole_frames(autojump_clock) -> None:
    stage = Stage(Script(heard=("a flat",), replies=(LONG,)))

    _, tap = await tapped(stage, tone(800))

    sounds = [sent.mulaw for sent in tap.sent if sent.event == "media"]
    assert len(sounds) > 20
    assert all(len(sound) % 160 == 0 for sound in sounds)


async def test_nothing_of_the_old_turn_follows_its_clear(autojump_clock) -> None:
    stage = Stage(Script(heard=("wait, please",), replies=("Yes?",), hear_s=1.0))

    _, tap = await tapped(stage, tone(900, at_ms=1200))

    at = [sent.event for sent in tap.sent].index("clear")
    behind = [sent for sent in tap.sent[at + 1 :] if sent.event == "media"]
    assert behind[0].at_ms - tap.sent[at].at_ms > 1500  # the new answer, no sooner than it could be


async def test_the_silence_timer_starts_where_playback_ends_not_where_sending_does(autojump_clock) -> None:
    stage = Stage(Script(), configured(LEAD_MS=5000, GREETING=LONG, SILENCE_S=4))

    await stage.place(patience_ms=60_000, quiet_ms=60_000)

    greeting, prompt = stage.record.entries[:2]
    assert greeting.end_ms > 6000
    assert 4000 <= prompt.start_ms - greeting.end_ms <= 4600


def test_no_drift_of_marks_makes_more_heard_than_was_sent() -> None:
    ledger = Ledger()
    sentence = ledger.open(1, "one two three four five six seven eight")
    ledger.sent(sentence, 1600, 0.0)
    ledger.returned("no such mark", 56_000.0)
    ledger.clear(56_000.0)

    (heard,) = ledger.take()
    assert heard.end_ms - heard.start_ms <= 56_000
    assert len(heard.text) < len("one two three four five six seven eight") / 2
    assert heard.interrupted


async def test_a_call_whose_marks_never_come_back_goes_on(autojump_clock) -> None:
    stage = Stage(Script(heard=("wait, please", "a flat"), replies=("Yes?", "Lovely, a flat.")))

    await tapped(stage, tone(900, at_ms=1200), tone(900, at_ms=9000), deaf_to_marks=True, quiet_ms=2500)

    assert stage.told[1:] == ["caller: wait, please", "agent: Yes?", "caller: a flat", "agent: Lovely, a flat."]


async def test_what_was_heard_before_a_hang_up_is_credited_without_its_mark(autojump_clock) -> None:
    stage = Stage(Script())

    await tapped(stage, deaf_to_marks=True, hang_up_at_ms=2000, patience_ms=10_000, quiet_ms=10_000)

    assert stage.told == ["agent: Hello, this is Priya. How may I -"]


async def test_little_is_sent_ahead_of_its_playing(autojump_clock) -> None:
    stage = Stage(Script(heard=("a flat",), replies=(LONG * 8,), realtime_factor=0.01))

    _, tap = await tapped(stage, tone(800), max_ms=90_000)

    assert tap.furthest_ahead_ms <= stage.settings.LEAD_MS + stage.settings.MESSAGE_MS + 1e-6


async def test_an_answer_that_is_ready_while_the_caller_speaks_is_not_said_over_them(autojump_clock) -> None:
    stage = Stage(Script(heard=("a flat", "in Hebbal"), replies=("Lovely.",), first_token_s=1.5))

    log = await stage.place(tone(700, at_ms=3200), tone(3000, at_ms=5600), quiet_ms=3000)

    second = log.spoken[1]
    assert not [piece for piece in log.played if second.start_ms + 200 < piece.at_ms < second.end_ms]
    assert stage.told[1:] == ["caller: a flat", "caller: in Hebbal", "agent: Lovely."]


async def test_an_interrupted_agent_is_not_stuck_in_speaking(autojump_clock) -> None:
    stage = Stage(Script(heard=("wait, please",), replies=("Yes?",)), configured(SILENCE_S=4))

    await stage.place(tone(900, at_ms=1200), quiet_ms=60_000, patience_ms=60_000)

    assert stage.ending is Ending.CALLER_SILENT  # silence was seen: nothing counted as speech any more


async def test_a_tool_within_a_turn_does_not_swallow_what_is_said_over_it(autojump_clock) -> None:
    script = Script(heard=("book it", "no, wait"), replies=("",), calls={1: (call("slow"),)}, after_calls={1: "Fine."})
    stage = Stage(script, configured(TOOLS_FILE="tests/calls/tools_for_stories.py"))

    await stage.place(tone(700, at_ms=3300), tone(900, at_ms=6000), quiet_ms=5000)

    assert "caller: no, wait" in stage.told
    assert stage.told[-1] == "agent: Fine."
    assert stage.mind.requests == 2


async def test_a_late_transcription_is_not_taken_for_the_next_turns(autojump_clock) -> None:
    stage = Stage(Script(hear_s=3.0, heard=("first", "second"), replies=("Thank you.",)))
    prompts = remembered(stage)

    await stage.place(tone(700, at_ms=3300), tone(700, at_ms=5500), tone(700, at_ms=14_000), quiet_ms=5000)

    said = [[m.text for m in prompt.messages if m.role == "caller"] for prompt in prompts]
    assert said == [["first"], ["first", "second"]]


async def test_the_agent_goes_on_after_a_false_interruption(autojump_clock) -> None:
    stage = Stage(Script(heard=("",)))

    log = await stage.place(tone(200, at_ms=1200), quiet_ms=3000)

    assert stage.told == [f"agent: {GREETING}"]
    assert len(log.clears) == 1


async def test_thinking_and_speaking_have_thresholds_of_their_own(autojump_clock) -> None:
    for thinking, held in ((96, True), (2000, False)):
        script = Script(heard=("two bedrooms", ""), replies=("Lovely.",), first_token_s=2.0)
        stage = Stage(script, configured(BARGE_IN_THINKING_MS=thinking))
        await stage.place(tone(700, at_ms=3300), tone(300, at_ms=4900), quiet_ms=3000)
        assert stage.told[-1] == "agent: Lovely."
        assert (stage.record.false_interruptions == 1) is held


async def test_a_backchannel_while_the_agent_thinks_does_not_cost_the_answer(autojump_clock) -> None:
    stage = Stage(Script(heard=("two bedrooms", "mm-hm"), replies=("Lovely.",), first_token_s=2.0))

    await stage.place(tone(700, at_ms=3300), tone(300, at_ms=4900), quiet_ms=3000)

    assert stage.told[-1] == "agent: Lovely."
    assert stage.mind.requests == 1


async def test_a_reply_that_makes_no_progress_is_not_waited_for_in_silence(autojump_clock) -> None:
    stage = Stage(
        Script(heard=("a flat",), replies=("Lovely. And where?",), troubles=(Trouble("think", after=1, fault=None),))
    )

    log = await stage.place(tone(700), quiet_ms=5000)

    assert longest_silence(log, log.spoken[0].end_ms) <= stage.settings.FILLER_S * 1000 + 300


async def test_sound_that_comes_late_from_an_old_turn_is_not_said_in_the_new_one(autojump_clock) -> None:
    stage = Stage(Script(heard=("wait, please",), replies=("Yes?",)))
    speak = stage.voice.synthesise

    async def slow_to_stop(text: str, emit, **how) -> None:
        try:
            await speak(text, emit, **how)
        except trio.Cancelled:
            with trio.CancelScope(shield=True):
                for _ in range(10):
                    await trio.sleep(0.1)
                    await emit(b"\x40\x20" * 2400)
            raise

    stage.voice.synthesise = slow_to_stop
    _, tap = await tapped(stage, tone(900, at_ms=1200), quiet_ms=3000)

    at = [sent.event for sent in tap.sent].index("clear")
    behind = b"".join(sent.mulaw for sent in tap.sent[at:])
    assert 0 < len(behind) <= 8 * 60 * len("Yes?") + 160


async def test_one_voice_for_many_calls_keeps_them_apart(autojump_clock) -> None:
    stage = Stage(Script(heard=("wait, please",), replies=("Yes?",)))

    stage.check = lambda _log: None  # not before all are over
    async with trio.open_nursery() as nursery:
        for at in (800, 1200, 1600):
            nursery.start_soon(lambda at=at: tapped(stage, tone(900, at_ms=at)))

    stage.check_records()
    assert [entry.text for one in stage.calls for entry in one.record().entries if entry.role == "agent"][1::2] == (
        ["Yes?"] * 3
    )


async def test_the_goodbye_is_not_cut_short_and_ends_the_call_once(autojump_clock) -> None:
    stage = Stage(Script(heard=("that is all", "okay"), replies=("Thank you for calling us. Goodbye!",)))

    log = await stage.place(tone(700), tone(400, at_ms=5600))

    assert stage.ending is Ending.AGENT_SAID_GOODBYE
    assert log.clears == []
    assert stage.mind.requests == 1


async def test_words_heard_before_an_interruption_are_in_the_history_it_is_answered_with(autojump_clock) -> None:
    stage = Stage(Script(heard=("a flat", "no, a house"), replies=(LONG, "A house, then.")))
    prompts = remembered(stage)

    await stage.place(tone(700, at_ms=3200), tone(900, at_ms=7000))

    roles = [(message.role, message.text) for message in prompts[1].messages]
    assert roles[-1] == ("caller", "no, a house")
    assert roles[-2][0] == "agent"
    assert roles[-2][1].startswith("We have several")
    assert roles[-2][1].endswith(" -")


async def test_what_was_sent_and_not_played_is_not_in_the_record(autojump_clock) -> None:
    stage = Stage(Script(), configured(LEAD_MS=5000))

    log = await stage.place(hang_up_at_ms=1000, patience_ms=9000, quiet_ms=9000)

    assert log.unplayed_ms > 1000
    assert stage.told == ["agent: Hello, this -"]


async def test_what_was_heard_of_a_sentence_is_in_proportion_to_its_playing(autojump_clock) -> None:
    heard = []
    for at in (1000, 1400, 1800):
        stage = Stage(Script(), configured(GREETING="one two three four five six seven eight nine ten eleven"))
        await stage.place(hang_up_at_ms=at, patience_ms=9000, quiet_ms=9000)
        heard.append(len(stage.told[0].removesuffix(" -").split()))

    assert heard == sorted(set(heard))
    assert 1 <= heard[0] < heard[-1] < 11


async def test_history_is_in_the_order_of_playing(autojump_clock) -> None:
    script = Script(
        heard=("that is all", "wait, one question"), replies=("Thank you for calling us today. Goodbye!", "Yes?")
    )
    stage = Stage(script)
    prompts = remembered(stage)

    await stage.place(tone(700, at_ms=3200), tone(900, at_ms=5800))

    assert [message.role for message in prompts[1].messages] == ["agent", "caller", "agent", "caller"]
    starts = [entry.start_ms for entry in stage.record.entries]
    assert starts == sorted(starts)


async def test_what_a_tool_has_done_survives_the_reply_it_was_done_for(autojump_clock) -> None:
    visit = call("schedule_site_visit", date="2027-01-03", time="11:00", place="Hebbal")
    script = Script(
        heard=("Sunday at eleven", "and a loan"),
        replies=("",),
        calls={1: (visit,)},
        after_calls={1: "It is noted for Sunday the third of January at eleven."},
    )
    stage = Stage(script)
    prompts = remembered(stage)

    await stage.place(tone(700, at_ms=3200), tone(900, at_ms=6500))

    assert [m.call.name for m in prompts[-1].messages if m.call] == ["schedule_site_visit"]
    assert [told for told in stage.told if told.startswith("schedule")] == [
        "schedule_site_visit: The visit is noted for Sunday, 03 January, 11:00 in Hebbal. A colleague will confirm it."
    ]


async def test_the_last_words_before_a_hang_up_are_in_the_record(autojump_clock) -> None:
    stage = Stage(Script(heard=("my name is Anil",)))

    await stage.place(tone(3000, at_ms=3200), hang_up_at_ms=5000)
    assert "caller: my name is Anil" not in stage.told

    record = await last_words(stage.calls[0], stage.parts)
    assert record.entries[-1].text == "my name is Anil"
    assert record.facts["name"] == "Anil"
    assert 3100 <= record.entries[-1].start_ms <= 3500


async def test_a_network_that_stalls_and_bursts_does_not_shift_what_was_said(autojump_clock) -> None:
    holds = tuple(Hold(at_ms=at, for_ms=600) for at in range(500, 8000, 1500))
    starts = []
    for rudeness in (Rudeness(), Rudeness(holds=holds)):
        stage = Stage(Script(heard=("a flat",), replies=("Lovely.",)))
        await stage.place(tone(900, at_ms=9000), rudeness=rudeness, patience_ms=20_000, quiet_ms=3000)
        starts += [entry.start_ms for entry in stage.record.entries if entry.role == "caller"]

    assert abs(starts[0] - starts[1]) <= 64
