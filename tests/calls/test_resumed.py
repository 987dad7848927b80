"""A call goes on in another process with the record of the legs before it. In one file: each test is another moment in
which the same talk is taken over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from agent.keep.record import CallRecord, Entry
from agent.keep.thread import Leg
from agent.keep.usage import Usage
from agent.model import Ending
from agent.providers.scripted import Script, Trouble, call
from agent.rehearsal.plan import HangUp, Line
from agent.speak.clips import AGAIN, LOST
from agent.think.errand import Errand
from agent.wire.ports import MediaSocket
from nurseries.legs.pick_up import pick_up
from nurseries.talk.memory import NOT_KNOWN
from tests.calls.counted import Counted
from tests.calls.legs import Legs, stored
from tests.calls.stage import GREETING, Stage, configured, in_words, tone
from tests.calls.test_hand_off import LINES, NOT_SMALLER, STORIES, TALK_ENDS
from tests.examples import examples

TALK = Script(
    heard=("I want to buy a flat in Whitefield", "eighty lakh rupees", "my name is Asha"),
    replies=(
        "A flat in Whitefield, lovely. What is your budget?",
        "Eighty lakh is fine there. And what is your name?",
        "Thank you, Asha.",
    ),
)


async def seen(stage: Stage, at_s: float) -> CallRecord:
    """The record at a moment of the first leg, as it went through the store."""
    while not stage.calls:  # noqa: ASYNC110  virtual time
        await trio.sleep(0.01)
    await trio.sleep_until(at_s)
    return stored(stage.calls[-1].so_far())


async def crash(stage: Stage, at_s: float, *lines: Line, lag_s: float = 0.5, **more: Any) -> CallRecord:
    """A first leg whose process dies `lag_s` after the last look at it."""
    found: list[CallRecord] = []

    async def look() -> None:
        found.append(await seen(stage, at_s - lag_s))
        await trio.sleep(lag_s)
        stage.calls[-1].fence()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        await stage.place(*lines, **more)
    return found[0]


async def test_a_call_is_handed_off_where_nobody_speaks_and_goes_on_with_all_that_was_said(autojump_clock) -> None:
    stage = Stage(TALK)

    async def leave() -> None:
        await trio.sleep(1)
        stage.calls[0].move("a deploy")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave)
        first = await stage.place(tone(1500, at_ms=8000), patience_ms=20_000)
    so_far = stored(stage.calls[0].so_far())

    assert stage.calls[0].ending is Ending.MOVED
    assert first.duration_ms > 2500
    assert so_far.ending == ""
    assert stage.record.ending == ""
    assert so_far.legs == (Leg("here", 0, round(first.duration_ms), "hand-off"),)

    counted = Counted()
    log = await stage.resume(so_far, tone(1500, at_ms=1000), tone(1500))

    assert counted("resumed_total", why="hand-off") == counted("resume_gap_seconds_count", why="hand-off") == 1
    assert (counted("greeting_seconds_count"), counted("calls_begun_total", direction="inbound")) == (0, 0)
    assert stage.told == [
        f"agent: {GREETING}",
        "caller: I want to buy a flat in Whitefield",
        "agent: A flat in Whitefield, lovely. What is your budget?",
        "caller: eighty lakh rupees",
        "agent: Eighty lakh is fine there. And what is your name?",
    ]
    assert log.failures == []
    assert stage.record.ending == Ending.CALLER_HUNG_UP.value
    assert stage.record.started_at == so_far.started_at
    assert stage.record.duration_ms > first.duration_ms + 5000
    assert [leg.why for leg in stage.record.legs] == ["hand-off", ""]
    assert stage.record.thread is None
    assert len(stage.record.turns) == 2


async def test_the_words_that_the_caller_has_just_said_are_answered_by_the_next_process(autojump_clock) -> None:
    stage = Stage(TALK)

    async def leave() -> None:
        await trio.sleep(4)
        stage.calls[0].move("a deploy")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave)
        await stage.place(tone(1500, at_ms=3800))
    assert stage.calls[0].ending is Ending.MOVED
    assert stage.told[1:] == ["caller: I want to buy a flat in Whitefield"]

    await stage.resume(stored(stage.calls[0].so_far()))

    assert stage.told[2:] == ["agent: A flat in Whitefield, lovely. What is your budget?"]
    assert stage.record.facts["location"] == "Whitefield"


async def test_a_crash_in_the_middle_of_a_sentence_is_apologised_for_and_the_sentence_said_again(
    autojump_clock,
) -> None:
    stage = Stage(TALK)
    so_far = await crash(stage, 7.0, tone(1500, at_ms=3000))
    assert so_far.entries[-1].interrupted
    assert so_far.legs == (Leg("here"),)

    await stage.resume(so_far)

    assert stage.told[-1] == f"agent: {LOST.text} A flat in Whitefield, lovely. What is your budget?"
    assert [leg.why for leg in stage.record.legs] == ["process gone", ""]


async def test_where_nothing_was_heard_before_a_crash_the_greeting_comes_and_no_apology(autojump_clock) -> None:
    stage = Stage(TALK)

    await stage.resume(await crash(stage, 0.15, lag_s=0.1))

    assert stage.told == [f"agent: {GREETING}"]


async def test_what_the_caller_was_saying_when_the_process_died_is_asked_for_again(autojump_clock) -> None:
    stage = Stage(TALK)
    so_far = await crash(stage, 5.0, tone(3000, at_ms=3500))
    assert so_far.thread is not None
    assert so_far.thread.speaking

    await stage.resume(so_far, tone(1500))

    assert stage.told[1] == f"agent: {LOST.text} {AGAIN.text}"
    assert len(stage.told) == 4


async def test_half_a_number_that_was_being_typed_when_the_process_died_is_asked_for_again(autojump_clock) -> None:
    stage = Stage(TALK)

    async def press() -> None:
        await trio.sleep(5)
        for digit in "9845":
            stage.calls[0]._digit(digit)
            await trio.sleep(0.3)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(press)
        so_far = await crash(stage, 6.4, tone(1500, at_ms=30_000), lag_s=0.1)
    assert [entry.keys for entry in so_far.entries if entry.keys] == []

    await stage.resume(so_far)

    assert stage.told[1:] == [f"agent: {LOST.text} {AGAIN.text}"]


async def test_facts_come_with_what_they_rest_on_and_usage_and_counts_are_added_to(autojump_clock) -> None:
    noted = Script(
        heard=("I want to sell my house", "it is in Hebbal", "too expensive", "yes"),
        replies=("Where is it?", "I have noted that.", "I see.", "Fine."),
        calls={2: (call("save_lead_details", budget="80 lakh rupees"),)},
        after_calls={2: "I have noted that."},
    )
    stage = Stage(noted)
    so_far = await crash(
        stage, 17.0, tone(1500, at_ms=3500), tone(1200, at_ms=7000), tone(1200, at_ms=11000), quiet_ms=9000
    )
    known = stage.calls[0].dialogue.memory.facts
    so_far = msgspec.structs.replace(so_far, barge_ins=3, usage=(Usage("stt", "some", requests=2),))

    await stage.resume(so_far, tone(1200))

    again = stage.calls[1].dialogue.memory.facts
    assert {"intent", "location", "budget", "objections"} <= set(known)
    assert {(f.name, f.value, f.evidence, f.utterance) for f in known.values()} == {
        (f.name, f.value, f.evidence, f.utterance) for f in again.values()
    }
    assert stage.record.barge_ins == 3
    assert stage.record.usage == (Usage("stt", "some", requests=2),)
    assert len(stage.record.turns) == 4


async def test_a_call_without_a_past_goes_on_with_an_apology_and_asks(autojump_clock) -> None:
    stage, counted = Stage(TALK), Counted()

    await stage.place(tone(1500), leg=2)

    assert stage.told[0] == f"agent: {LOST.text} {AGAIN.text}"
    assert len(stage.told) == 3
    assert counted("resumed_total", why="process gone") == 1
    assert counted("resume_gap_seconds_count", why="process gone") == 0


async def test_a_call_ends_at_its_time_limit_however_many_legs_it_had(autojump_clock) -> None:
    stage = Stage(TALK, configured(CALL_MAX_MINUTES=2, SILENCE_S=200))
    await stage.place(hang_up_at_ms=80_000, max_ms=90_000, patience_ms=1e6, quiet_ms=1e6)
    before = msgspec.structs.replace(stored(stage.record), ending="")

    log = await stage.resume(before, max_ms=300_000, patience_ms=1e6, quiet_ms=1e6)

    assert stage.ending is Ending.TIME_LIMIT
    assert 38_000 < log.duration_ms < 50_000


@settings(max_examples=examples(15), phases=NOT_SMALLER)
@given(st.sampled_from(sorted(STORIES)), st.integers(0, 22_000), st.integers(0, 1400))
def test_whenever_the_process_dies_the_call_goes_on_with_what_was_known(name: str, at_ms: int, lag_ms: int) -> None:
    at_s, lag_s = at_ms / 1000, lag_ms / 1000
    legs = Legs(Stage(STORIES[name], configured(FILLER_S=5, SILENCE_S=60)), LINES)
    clock = MockClock(autojump_threshold=0)
    trio.run(lambda: legs.crashed(at_s, lag_s, patience_ms=30_000), clock=clock)
    if not legs.records:  # the call was over before
        return
    (before,) = legs.records
    record = legs.call.record()

    known = [entry for entry in before.entries if entry.role != "agent"]
    assert [entry for entry in record.entries if entry.role != "agent"][: len(known)] == known
    assert [in_words(entry) for entry in record.entries[: len(before.entries)]] == list(map(in_words, before.entries))
    after = record.entries[len(before.entries) :]
    heard = any(entry.role == "agent" for entry in before.entries)
    assert after[0].text.startswith(LOST.text if heard else GREETING)
    assert sum("this is Priya." in entry.text for entry in record.entries) == 1
    assert before.entries[-1:] == () or after[0].start_ms >= before.entries[-1].end_ms
    assert record.entries[-1].text.endswith(TALK_ENDS)
    assert [leg.why for leg in record.legs] == ["process gone", ""]
    assert record.duration_ms >= at_s * 1000


@settings(max_examples=examples(10), phases=NOT_SMALLER)
@given(st.integers(200, 22_000), st.booleans())
def test_two_processes_never_speak_at_once(at_ms: int, asked: bool) -> None:
    """The old leg is told that another process holds the call: nothing leaves it from then on."""
    at_s = at_ms / 1000
    stage, fenced = Stage(STORIES["talks"]), []

    async def main() -> None:
        async with trio.open_nursery() as nursery:

            async def fence() -> None:
                while not stage.calls:  # noqa: ASYNC110  virtual time
                    await trio.sleep(0.01)
                if asked:
                    stage.calls[0].move("a release")
                await trio.sleep_until(at_s)
                fenced.append(trio.current_time() * 1000)
                stage.calls[0].fence()

            nursery.start_soon(fence)
            log = await stage.place(*LINES)
            nursery.cancel_scope.cancel("over")
            assert not fenced or all(arrival.at_ms <= fenced[0] + 1 for arrival in log.arrivals)
            assert not fenced or log.duration_ms <= max(fenced[0], 0) + 600

    trio.run(main, clock=MockClock(autojump_threshold=0))


async def broken_off(stage: Stage, at_ms: int = 3500) -> list[CallRecord]:
    """The line dies in the middle of the caller's words; what is known elsewhere by the time its socket is closed."""
    told: list[CallRecord] = []

    async def known() -> None:
        await trio.lowlevel.checkpoint()
        told.append(stored(stage.calls[0].so_far()))

    async def serve(socket: MediaSocket) -> None:
        info = await pick_up(socket, stage.tokens, 5)
        assert info is not None
        stage.calls.append(stage.call(info, socket, before_close=known))
        await stage.calls[0].run()

    await stage.place(tone(5000, at_ms=at_ms), serve=serve, hang_up_at_ms=at_ms + 2500, hang_up=HangUp.RESET)
    return told


async def test_a_line_that_dies_in_the_middle_of_the_callers_words_loses_none_of_them(autojump_clock) -> None:
    stage = Stage(TALK)
    told = await broken_off(stage)

    assert stage.ending is Ending.CONNECTION_LOST
    assert stage.calls[0].unheard() == []
    assert told[0].entries[-1].text == "I want to buy a flat in Whitefield"
    assert told[0].legs[-1].why == "connection lost"
    await stage.resume(told[0])
    assert stage.told[2:] == [f"agent: {LOST.text} A flat in Whitefield, lovely. What is your budget?"]


async def test_what_the_caller_broke_into_is_void_where_their_words_are_known_only_behind_the_loss(
    autojump_clock,
) -> None:
    stage = Stage(TALK)
    told = await broken_off(stage, at_ms=700)  # within the greeting

    assert told[0].thread is not None
    assert told[0].thread.unsaid == ()
    await stage.resume(told[0])
    assert stage.told[-1] == f"agent: {LOST.text} A flat in Whitefield, lovely. What is your budget?"


async def test_words_that_take_long_to_be_understood_are_asked_for_again_and_kept_all_the_same(autojump_clock) -> None:
    stage = Stage(replace(TALK, hear_s=3.0))
    told = await broken_off(stage)

    assert told[0].thread is not None
    assert told[0].thread.speaking
    assert stage.told[-1] == "caller: I want to buy a flat in Whitefield"
    await stage.resume(told[0])
    assert stage.told[1] == f"agent: {LOST.text} {AGAIN.text}"


async def test_a_call_that_was_taking_leave_does_so_again_and_ends(autojump_clock) -> None:
    bye = Script(heard=("bye",), replies=("Goodbye then, and thank you very much for calling us today!",))
    stage = Stage(bye)
    so_far = await crash(stage, 7.5, tone(1500, at_ms=3000))
    assert so_far.thread is not None
    assert so_far.thread.parting == "goodbye"

    await stage.resume(so_far, patience_ms=30_000, quiet_ms=30_000)

    assert stage.told[-1] == f"agent: {LOST.text} {bye.replies[0]}"
    assert stage.ending is Ending.AGENT_SAID_GOODBYE


async def test_a_call_that_was_taking_leave_of_nobody_ends_as_one_in_which_nobody_spoke(autojump_clock) -> None:
    stage = Stage(TALK, configured(SILENCE_S=4))
    waiting = {"patience_ms": 90_000, "quiet_ms": 90_000}
    await stage.place(**waiting)
    ends_s = stage.record.duration_ms / 1000
    assert stage.ending is Ending.CALLER_SILENT

    stage = Stage(TALK, configured(SILENCE_S=4))
    so_far = await crash(stage, trio.current_time() + ends_s - 0.5, lag_s=0.3, **waiting)
    assert so_far.thread is not None
    assert so_far.thread.parting == "goodbye"
    await stage.resume(so_far, **waiting)

    assert (stage.ending, stage.record.reason) == (Ending.CALLER_SILENT, "the agent took leave")


GOODBYE = "Goodbye then, and thank you very much for calling us today!"


async def taken_leave(stage: Stage, at_s: float, **more: Any) -> CallRecord:
    """Of a caller who says something more, for 4 s, right behind the goodbye."""
    so_far = await crash(stage, at_s, tone(1500, at_ms=3000), tone(4000, at_ms=8800), patience_ms=30_000, **more)
    assert so_far.thread is not None
    assert (so_far.thread.parting, so_far.thread.unsaid) == ("goodbye", ())
    return so_far


async def test_a_goodbye_that_was_heard_is_not_said_again_to_who_was_still_speaking(autojump_clock) -> None:
    stage = Stage(Script(heard=("bye", "oh, one more thing", "is there parking"), replies=(GOODBYE, "Yes, there is.")))
    so_far = await taken_leave(stage, 11.0)

    await stage.resume(so_far, tone(1500))

    assert stage.told[2:] == [
        f"agent: {GOODBYE}",
        f"agent: {LOST.text} {AGAIN.text}",
        "caller: oh, one more thing",
        "agent: Yes, there is.",
    ]


@pytest.mark.parametrize(
    ("words", "then"), [("bye bye", []), ("is there parking", [f"agent: {LOST.text} Yes, there is."])]
)
async def test_what_is_said_behind_a_goodbye_counts_in_the_next_process_as_well(
    words: str, then: list[str], autojump_clock
) -> None:
    stage = Stage(Script(heard=("bye", words), replies=(GOODBYE, "Yes, there is.")))
    so_far = await taken_leave(stage, 11.0)
    said = Entry("caller", words, 9300, 11_000)
    thread = msgspec.structs.replace(so_far.thread, speaking=False, turns=(*so_far.thread.turns, 0))
    so_far = msgspec.structs.replace(so_far, entries=(*so_far.entries, said), thread=thread)

    await stage.resume(so_far)

    assert stage.told[2:] == [f"agent: {GOODBYE}", f"caller: {words}", *then]
    assert stage.ending is (Ending.CALLER_HUNG_UP if then else Ending.AGENT_SAID_GOODBYE)


async def test_who_is_killed_while_it_says_its_last_goodbye_leaves_all_that_it_takes_to_go_on(autojump_clock) -> None:
    """A process that leaves, and is not given the time for that."""
    stage = Stage(TALK)

    async def leave() -> None:
        await trio.sleep(7)
        stage.calls[0].end(Ending.SHUTDOWN, "the process is leaving")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave)
        so_far = await crash(stage, 8.5, tone(1500, at_ms=3000))
    before = stage.calls[0].dialogue.memory.facts

    assert so_far.thread is not None
    assert so_far.thread.turn == 3
    await stage.resume(so_far, tone(1500))
    again = stage.calls[1].dialogue.memory.facts
    assert before
    assert [again[name] for name in before] == list(before.values())
    assert stage.record.thread is None


async def test_a_tool_that_was_running_is_not_just_run_again(autojump_clock) -> None:
    slow = Script(
        heard=("book a visit",),
        replies=("Booked.",),
        calls={1: (call("slow"),)},
        after_calls={1: "I am not sure that it was booked. Shall I look?"},
    )
    stage = Stage(slow, configured(TOOLS_FILE="tests/calls/tools_for_stories.py"))
    so_far = await crash(stage, 6.5, tone(1500, at_ms=3000))
    assert [entry.tool for entry in so_far.entries if entry.tool] == ["slow"]

    await stage.resume(so_far)

    assert [entry.text for entry in stage.record.entries if entry.tool] == [NOT_KNOWN]
    assert stage.told[-1] == f"agent: {LOST.text} I am not sure that it was booked. Shall I look?"


async def test_a_call_that_was_placed_goes_on_with_its_errand_and_is_not_asked_again_who_answered(
    autojump_clock,
) -> None:
    stage = Stage(TALK, configured(MACHINE_DETECTION="hang-up"))
    stage.errand = Errand("a visit on Sunday", {"name": "Asha"})
    asked: list[str] = []

    async def verdict(order: str) -> str:
        asked.append(order)
        await trio.sleep(1)
        return "human"

    stage.parts = replace(stage.parts, verdict=verdict)
    early = await crash(stage, 1.5, tone(1500, at_ms=3500), direction="outbound-api", order="one", lag_s=1.0)
    so_far = await crash(stage, 8.0, tone(1500, at_ms=3500), direction="outbound-api", order="one")
    assert so_far.entries
    assert early.thread is not None
    assert not early.thread.answered
    stage.errand = None

    await stage.resume(so_far, tone(1500), direction="outbound-api", order="one")

    assert asked == ["one", "one"]
    assert stage.record.variables == {"name": "Asha"}
    assert stage.record.purpose == "a visit on Sunday"
    assert "a visit on Sunday" in stage.calls[1].profile.system
    assert sum("this is Priya." in entry.text for entry in stage.record.entries) == 1
    await stage.resume(early, tone(1500), direction="outbound-api", order="one")
    assert asked == ["one", "one", "one"]


async def test_without_a_voice_the_apology_is_a_recording(autojump_clock) -> None:
    stage = Stage(TALK)
    so_far = await crash(stage, 7.0, tone(1500, at_ms=3000))
    mute = Stage(replace(TALK, troubles=(Trouble("speak", at=0),)))

    await mute.resume(so_far, tone(1500))

    assert mute.told[len(so_far.entries)] == f"agent: {LOST.text} {AGAIN.text}"


async def test_an_answer_that_a_hand_off_delays_is_measured_from_where_the_caller_began_to_wait(autojump_clock) -> None:
    slow = replace(TALK, first_token_s=4.0)
    stage = Stage(slow)
    legs = Legs(stage, (tone(1500, at_ms=3800), tone(1500)))
    await legs.moved(4.0, patience_ms=30_000, quiet_ms=4000, gap_s=1.5)

    (turn, *_) = stage.record.turns
    assert 5500 <= turn.first_audio_ms <= 6500
    first = next(piece.at_ms for piece in legs.logs[1].played)
    assert first == pytest.approx(1500, abs=250)  # "One moment, please": 3 s of silence, the gap included
