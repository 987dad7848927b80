"""What befell a server excuses what it must, is counted, and excuses no more. No I/O, no clock."""

from __future__ import annotations

import numpy as np
import pytest

from agent.rehearsal.carriage import HELD
from agent.rehearsal.log import CALLER_HUNG_UP, SERVER_CLOSED, STREAM_CRASHED
from agent.rehearsal.playback import Cleared, Played
from agent.rehearsal.sound import encode
from agent.rehearsal.troubles import Kind, Trouble
from agent.rehearsal.verdict import Verdict, Wants, judge
from tests.agent.rehearsal.test_verdict import GREETING, SORRY, Call, crash, said

BEGAN_S = 1000.0
"""Of each call, by the clock of the troubles."""


def verdict(call: Call, *troubles: tuple[Kind, float, float], ending: str = CALLER_HUNG_UP) -> Verdict:
    """`troubles` in seconds of the call."""
    call.log.began_s = BEGAN_S
    befell = tuple(Trouble(kind, BEGAN_S + from_s, BEGAN_S + until_s) for kind, from_s, until_s in troubles)
    ending = "caller hung up" if ending == CALLER_HUNG_UP else ending
    wants = Wants(greeting=GREETING, updates=0, troubles=befell)
    return judge(call.log, {"ending": ending, "entries": call.entries}, wants)


def forgetful() -> Call:
    """An answer that was heard three seconds before a crash is said again, and the record has it once."""
    call = Call((10_000, STREAM_CRASHED), (20_000, CALLER_HUNG_UP))
    call.agent(100, GREETING).caller(3000, 1, 2, 3).agent(5000, said(1, 2, 3), kept="")
    return call.agent(10_400, f"{SORRY} {said(1, 2, 3)}")


@pytest.mark.parametrize("kind", [Kind.AWAY, Kind.STOPPED])
def test_what_was_said_while_nobody_could_keep_it_may_be_forgotten(kind: Kind) -> None:
    assert verdict(forgetful(), (kind, 5.0, 9.0)).faults == []
    assert verdict(forgetful(), (kind, 10.5, 12.0)).faults
    assert verdict(forgetful(), (Kind.KILLED, 10.0, 10.0)).faults


def late(opened_ms: float) -> Call:
    call = crash()
    leg = call.log.legs[1]
    leg.began_ms, leg.sound_ms = 6000 + opened_ms, 6000 + opened_ms + 100
    return call


@pytest.mark.parametrize("kind", [Kind.AWAY, Kind.STOPPED, Kind.NOBODY])
def test_a_call_goes_on_within_its_bound_once_it_can(kind: Kind) -> None:
    made = verdict(late(5000), (kind, 5.5, 9.0))

    assert made.faults == []
    assert made.excused["calls that waited for the trouble to be over"] == 1
    assert verdict(late(5000), (kind, 1.0, 2.0)).faults
    assert verdict(late(8000 + 5000), (kind, 5.5, 7.0)).faults


def taken_leave_of() -> Call:
    call = Call((9000, SERVER_CLOSED))
    call.agent(100, GREETING).agent(5000, "Thank you. Goodbye!").caller(5500, 1, 2, kept=())
    call.log.failures.append("2 of 3 lines could not be said before the server closed the stream")
    return call


def test_a_goodbye_is_one_of_a_process_that_was_told_twice_to_leave() -> None:
    made = verdict(taken_leave_of(), (Kind.HURRIED, 4.5, 12.0), ending="shutdown")

    assert (made.faults, made.dropped) == ([], False)
    assert made.excused["calls that a process took leave of"] == 1
    assert verdict(taken_leave_of(), ending="shutdown").dropped
    assert verdict(taken_leave_of(), (Kind.HURRIED, 1.0, 4.0), ending="shutdown").dropped
    assert verdict(taken_leave_of(), (Kind.HURRIED, 4.5, 12.0), ending="failed").dropped


def given_up() -> Call:
    call = Call((6000, STREAM_CRASHED))
    call.agent(100, GREETING).caller(3000, 1, 2)
    call.log.failures.append("the webhook was answered 503 (11200)")
    return call


def test_a_call_is_lost_where_there_was_nobody_for_as_long_as_the_carrier_tried() -> None:
    made = verdict(given_up(), (Kind.NOBODY, 6.1, 20.0), ending="interrupted")

    assert (made.faults, made.dropped) == ([], False)
    assert made.excused["calls that nobody could answer"] == 1
    assert verdict(given_up(), (Kind.NOBODY, 6.1, 14.0), ending="interrupted").dropped


@pytest.mark.parametrize(("killed_s", "excused"), [(6.0, False), (7.0, True), (12.0, True), (15.0, False)])
def test_a_call_is_lost_whose_end_of_stream_was_only_told_to_one_that_was_killed_in_turn(
    killed_s: float, excused: bool
) -> None:
    call = given_up()
    call.log.steps += ["Connect to wss://h/media", HELD, "the callback /twilio/call-status was answered 503 (11200)"]
    made = verdict(call, (Kind.KILLED, 6.0, 6.0), (Kind.KILLED, killed_s, killed_s), ending="interrupted")

    assert made.dropped is not excused


def unreached() -> Call:
    call = Call((1, ""))
    call.log.legs.clear()
    call.log.unreachable = "the webhook was answered 503 (11200)"
    return call


def test_a_call_that_begins_while_there_is_nobody_is_no_fault() -> None:
    assert verdict(unreached(), (Kind.NOBODY, -2.0, 3.0)).faults == []
    assert verdict(unreached(), (Kind.NOBODY, -9.0, -3.0)).dropped


def test_a_hang_up_between_two_streams_is_seen_by_nobody() -> None:
    def left() -> Call:
        call = Call((6000, STREAM_CRASHED))
        call.log.ended = CALLER_HUNG_UP
        return call.agent(100, GREETING)

    made = verdict(left(), (Kind.KILLED, 6.0, 6.0), ending="interrupted")
    assert made.faults == []
    assert made.excused["hang-ups that nobody saw"] == 1
    assert verdict(left(), (Kind.KILLED, 6.0, 6.0), ending="failed").faults


@pytest.mark.parametrize(("killed_s", "faults"), [(9.5, 0), (12.0, 1), (3.0, 1)])
def test_a_hang_up_just_before_a_kill_may_be_lost(killed_s: float, faults: int) -> None:
    call = Call((9000, CALLER_HUNG_UP)).agent(100, GREETING)

    assert len(verdict(call, (Kind.KILLED, killed_s, killed_s), ending="interrupted").faults) == faults


def test_a_crash_within_the_greeting_may_take_it_where_nobody_could_keep_it() -> None:
    def begun() -> Call:
        call = Call((1500, STREAM_CRASHED), (9000, CALLER_HUNG_UP))
        return call.agent(100, "Hello, this", kept="").agent(1900, f"{SORRY} Could you say that again, please?")

    assert verdict(begun(), (Kind.STOPPED, 0.3, 3.0)).excused["greetings that nobody knew of"] == 1
    assert verdict(begun(), (Kind.STOPPED, 0.3, 3.0)).faults == []
    assert "not greeted" in verdict(begun()).faults


@pytest.mark.parametrize(("until_s", "excused"), [(-1.0, 1), (-60.0, 0)])
def test_a_process_that_has_just_stood_still_may_greet_from_a_recording(until_s: float, excused: int) -> None:
    call = Call((9000, CALLER_HUNG_UP)).agent(5000, "Goodbye!")
    call.log.played.insert(0, Played(encode(0.3 * np.sin(np.arange(8000) * 0.3)), 100))
    call.entries.insert(0, {"role": "agent", "text": "Hello, and thank you for calling."})
    made = verdict(call, (Kind.STOPPED, until_s - 5, until_s))

    assert made.excused["greetings from a recording"] == excused
    assert made.faults == ([] if excused else ["not greeted"])


def test_nobody_has_to_speak_on_a_stream_that_is_over_at_once() -> None:
    call = Call((6000, STREAM_CRASHED), (7000, CALLER_HUNG_UP)).agent(100, GREETING)
    call.log.legs[1].sound_ms = None
    assert verdict(call).faults == []

    call.log.legs[1].ended_ms = call.log.duration_ms = 7300
    assert verdict(call).faults == ["behind the crash at 6.0 s the agent spoke never"]


def test_a_sentence_that_ends_as_it_is_silenced_may_be_kept_as_cut() -> None:
    def silenced(after_ms: float) -> Call:
        call = Call((12_000, CALLER_HUNG_UP)).agent(100, GREETING, kept="Hello, this is Priya. How are")
        call.log.clears.append(Cleared(call.log.played[0].end_ms + after_ms, 0.0))
        return call.agent(8000, "Goodbye!")

    assert verdict(silenced(50)).faults == []
    assert verdict(silenced(500)).faults


def test_words_behind_the_last_stream_reach_nobody() -> None:
    call = Call((6000, SERVER_CLOSED)).agent(100, GREETING).caller(6500, 1, 2, kept=())
    call.log.ended, call.log.duration_ms = CALLER_HUNG_UP, 12_000
    made = verdict(call)

    assert made.faults == []
    assert made.lost_between == 2
