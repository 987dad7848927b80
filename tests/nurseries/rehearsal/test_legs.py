"""Calls of several media streams in memory, on virtual time: whose time goes on, and what falls between two streams."""

from __future__ import annotations

import base64
import json
import random

import pytest
import trio
from trio.testing import MockClock

from agent.rehearsal import measures, report
from agent.rehearsal.carriage import Meanwhile
from agent.rehearsal.log import CallLog, Leg
from agent.rehearsal.phone import Phone
from agent.rehearsal.plan import CallPlan, Line
from agent.rehearsal.sound import is_audible, tone
from agent.wire.ports import MediaSocket
from nurseries.rehearsal.caller import After, Onward, Serve, rehearse


class Agent:
    """Speaks at a stream's start for so long, or not; answers half a second after speech; leaves after so many
    answers, by a close or by dying."""

    def __init__(self, says_ms: float = 0, answers: int = 1, *, dies: bool = False) -> None:
        self.says_ms, self.answers, self.dies = says_ms, answers, dies
        self.start: dict[str, object] = {}
        self.heard = bytearray()
        self.first_timestamp = -1

    async def __call__(self, socket: MediaSocket) -> None:
        with trio.CancelScope() as self.time:
            await self.serve(socket)
        if self.time.cancelled_caught and not self.dies:
            await socket.close()

    async def serve(self, socket: MediaSocket) -> None:
        sid, speaking, quiet = "", False, 0
        while (raw := await socket.receive()) is not None:
            message = json.loads(raw)
            if message["event"] == "start":
                self.start, sid = message["start"], message["streamSid"]
                if self.says_ms:
                    await socket.send(media(sid, self.says_ms))
            if message["event"] != "media":
                continue
            sound = base64.b64decode(message["media"]["payload"])
            if self.first_timestamp < 0:
                self.first_timestamp = int(message["media"]["timestamp"])
            self.heard += sound
            loud = is_audible(sound)
            speaking, quiet = speaking or loud, 0 if loud else quiet + 1
            if speaking and quiet == 25:
                await socket.send(media(sid, 600))
                speaking, self.answers = False, self.answers - 1
                if not self.answers:
                    self.time.deadline = trio.current_time() + 0.65


def media(sid: str, ms: float) -> str:
    payload = base64.b64encode(tone(ms)).decode()
    return json.dumps({"event": "media", "streamSid": sid, "media": {"payload": payload}})


def then(*onward: Serve, gap_s: float = 0.4) -> After:
    """The next of these takes the call after so long; after the last one it is over."""
    left = list(onward)

    async def after(leg: Leg) -> Onward | None:
        await trio.sleep(gap_s)
        return Onward(left.pop(0), {"token": f"t{len(left)}"}) if left else None

    return after


async def call(plan: CallPlan, first: Serve, after: After) -> CallLog:
    with trio.fail_after(600):
        return await rehearse(first, plan, dice=random.Random(1), after=after)


BEGAN_S, CUT_MS = 50048.07362210215, 4000.125
"""From then on, so many milliseconds later is a little less than that."""

LINES = tuple(Line(tone(ms), f"line {ms:g}") for ms in (800, 500, 700))


async def test_a_call_goes_on_over_a_second_stream(autojump_clock: MockClock) -> None:
    first, second = Agent(1000), Agent(answers=9)
    log = await call(CallPlan(lines=LINES), first, then(second))
    made = report.build(log, CallPlan(lines=LINES))

    assert made.exit_code == 0
    assert [entry.role for entry in made.conversation] == ["agent", "caller"] * 3 + ["agent"]
    one, other = log.legs
    assert one.ended == "the server closed the stream"
    assert other.ended == log.ended == "the caller hung up"
    assert other.stream_sid != one.stream_sid == first.start["streamSid"]
    assert second.start["streamSid"] == other.stream_sid == log.stream_sid
    assert second.start["callSid"] == first.start["callSid"] == log.call_sid
    assert second.start["customParameters"] == {"token": "t0"}
    assert 100 < second.first_timestamp < 170


async def test_the_breaks_are_measured_to_the_millisecond(autojump_clock: MockClock) -> None:
    first, second = Agent(1000), Agent(answers=9)
    log = await call(CallPlan(lines=LINES[:1]), first, then(second, gap_s=0.4))

    (between,) = measures.breaks(log)
    assert between.opened_ms == pytest.approx(400, abs=1)
    # What was not yet a whole frame when the old stream ended is lost too.
    assert 400 + second.first_timestamp <= between.deaf_ms < 420 + second.first_timestamp + 1
    carried = len(first.heard) + len(second.heard)
    assert (len(log.caller) - carried) / 8 == pytest.approx(between.deaf_ms, abs=41)
    assert between.silence_ms is None


async def test_a_line_begun_in_the_break_is_lost_as_far_as_it_fell_into_it(autojump_clock: MockClock) -> None:
    second = Agent(answers=9)
    log = await call(CallPlan(lines=LINES), Agent(1000), then(second, gap_s=0.9))

    lost = [spoken for spoken in log.spoken if spoken.lost_ms]
    assert [spoken.line.text for spoken in lost] == ["line 500"]
    (between,) = measures.breaks(log)
    heard = second.heard[: round(lost[0].end_ms - log.legs[1].hears_from_ms) * 8]
    assert lost[0].lost_ms == pytest.approx(log.legs[1].hears_from_ms - lost[0].start_ms)
    assert is_audible(bytes(heard))
    assert report.build(log, CallPlan(lines=LINES)).lost[0].text == "line 500"
    assert between.at_ms < lost[0].start_ms


async def test_a_line_lost_whole_is_said_again(autojump_clock: MockClock) -> None:
    plan = CallPlan(lines=LINES, meanwhile=Meanwhile.SPEAKS, again_ms=2000)
    log = await call(plan, Agent(1000), then(Agent(answers=9), gap_s=1.5))

    assert [spoken.line.text for spoken in log.spoken] == ["line 800", "line 500", "line 500", "line 700"]
    assert [spoken.lost_ms for spoken in log.spoken] == [0, 500, 0, 0]
    assert log.failures == []


async def test_a_caller_can_wait_until_the_line_is_back(autojump_clock: MockClock) -> None:
    plan = CallPlan(lines=LINES, meanwhile=Meanwhile.WAITS)
    log = await call(plan, Agent(1000), then(Agent(answers=9), gap_s=3))

    assert [spoken.lost_ms for spoken in log.spoken] == [0, 0, 0]
    assert log.spoken[1].start_ms >= log.legs[1].hears_from_ms


async def test_a_caller_can_hang_up_in_the_break(autojump_clock: MockClock) -> None:
    plan = CallPlan(lines=LINES, meanwhile=Meanwhile.LEAVES)
    log = await call(plan, Agent(1000), then(Agent(), gap_s=60))

    assert len(log.legs) == 1
    assert log.ended == "the caller hung up"
    assert log.failures == []
    assert log.duration_ms < log.legs[0].ended_ms + 100


async def test_an_answer_that_never_comes_costs_the_callers_patience_in_a_break_too(autojump_clock: MockClock) -> None:
    log = await call(CallPlan(lines=LINES, patience_ms=5000), Agent(1000), then(Agent(), gap_s=600))

    assert log.failures == ["the agent did not answer line 2 within 5 s"]
    assert log.ended == "the caller hung up"


async def test_a_line_is_not_said_again_for_ever(autojump_clock: MockClock) -> None:
    plan = CallPlan(lines=LINES, meanwhile=Meanwhile.SPEAKS, again_ms=2000, patience_ms=9000)
    log = await call(plan, Agent(1000), then(Agent(), gap_s=600))

    assert log.failures == ["the agent did not answer line 5 within 9 s"]
    assert 9000 <= log.duration_ms - log.spoken[1].end_ms < 9500


async def test_a_call_that_nobody_takes_on_lacks_the_rest(autojump_clock: MockClock) -> None:
    log = await call(CallPlan(lines=LINES), Agent(1000), then())

    assert log.failures == ["2 of 3 lines could not be said before the server closed the stream"]


async def test_a_server_that_dies_is_no_goodbye_and_its_sound_is_gone(autojump_clock: MockClock) -> None:
    async def dying(socket: MediaSocket) -> None:
        message = json.loads(await socket.receive() or "")
        while message["event"] != "start":
            message = json.loads(await socket.receive() or "")
        await socket.send(media(message["streamSid"], 3000))
        await trio.sleep(1)

    second = Agent(500, answers=9)
    log = await call(CallPlan(lines=LINES[:1]), dying, then(second, gap_s=0.2))

    assert log.legs[0].ended == "the stream died"
    assert log.legs[0].unplayed_ms == log.unplayed_ms == pytest.approx(2000, abs=1)
    assert measures.breaks(log)[0].silence_ms == pytest.approx(200, abs=1)
    assert [said.start_ms for said in measures.utterances(log, 100)][:2] == pytest.approx([0, 1200], abs=10)
    assert log.failures == []


async def test_a_network_that_dies_is_a_cut_and_the_call_goes_on(autojump_clock: MockClock) -> None:
    first, second = Agent(1000, answers=9), Agent(answers=9)
    log = await call(CallPlan(lines=LINES, cuts_ms=(4000,)), first, then(second))

    assert log.legs[0].ended == "the stream died"
    assert log.legs[0].ended_ms == pytest.approx(4000, abs=1)
    assert log.legs[1].began_ms == pytest.approx(4400, abs=1)
    assert log.failures == []


async def test_a_cut_comes_also_where_the_clock_falls_short_of_it_by_a_rounding(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, advance = 0, Phone.advance

    def counted(phone: Phone, now_ms: float) -> list[str]:
        nonlocal steps
        steps += 1
        assert steps < 5000, "it goes round and round, and the clock stands still"
        return advance(phone, now_ms)

    monkeypatch.setattr(Phone, "advance", counted)
    await trio.sleep(BEGAN_S)
    assert ((BEGAN_S + CUT_MS / 1000) - BEGAN_S) * 1000 < CUT_MS

    log = await call(CallPlan(lines=LINES, cuts_ms=(CUT_MS,)), Agent(1000, answers=9), then(Agent(answers=9)))

    assert log.legs[0].ended == "the stream died"


async def test_many_streams_are_one_line_of_time(autojump_clock: MockClock) -> None:
    lines = tuple(Line(tone(300)) for _ in range(6))
    log = await call(CallPlan(lines=lines), Agent(500), then(*[Agent() for _ in range(4)], Agent(answers=9)))

    assert len(log.legs) == 6
    assert [leg.ended for leg in log.legs[:-1]] == ["the server closed the stream"] * 5
    assert log.failures == []
    assert log.caller_start_ms + len(log.caller) / 8 == pytest.approx(log.duration_ms, abs=41)
    said = b"".join(bytes(log.caller)[round((s.start_ms - log.caller_start_ms) * 8) :][:2400] for s in log.spoken)
    assert said == tone(300) * 6
