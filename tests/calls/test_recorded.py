"""Recorded calls on the mock clock: what is on the recording, against what both sides really heard."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import trio

from agent.keep.wav import Label
from agent.model import Ending
from agent.providers.scripted import Script, Trouble
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan
from nurseries.line.tape import Tape
from tests.calls.live_stage import LiveStage
from tests.calls.stage import GREETING, Stage, configured, tone

NOTICE = "This call is recorded."
NOTICE_MS = len(NOTICE) * 60
NEAR_MS = 20
ASKS = Script(heard=("a flat in Whitefield",), replies=("A flat in Whitefield, lovely. What is your budget?",))


class Recording:
    """One call's tape, and what an archive would have written of it."""

    def __init__(self) -> None:
        self.tape = Tape(Label("CA1", "2026-11-27T10:00:00.000+00:00"))
        self.sides = bytearray(), bytearray()

    async def collect(self) -> None:
        while not self.tape.over:
            await trio.sleep(1)
            self._take()
        self._take()

    def _take(self) -> None:
        for side, part in zip(self.sides, self.tape.part(), strict=True):
            side.extend(part)


async def place(stage: Stage, *lines, **more) -> tuple[CallLog, Recording]:
    recording = Recording()
    stage.tape = lambda: recording.tape
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recording.collect)
        log = await stage.place(*lines, **more)
    return log, recording


def stretches(side: bytes, gap_ms: float = 100) -> list[tuple[float, float]]:
    """When there was sound: (start, end) in ms, pauses shorter than the gap left aside."""
    loud = [n / 8 for n, value in enumerate(side) if value not in {0xFF, 0x7F}]
    starts = [loud[0], *(b for a, b in pairwise(loud) if b - a > gap_ms)] if loud else []
    ends = [*(a for a, b in pairwise(loud) if b - a > gap_ms), loud[-1]] if loud else []
    return list(zip(starts, ends, strict=True))


def check(log: CallLog, recording: Recording) -> None:
    """Both sides are there, as long as they were, and where they were against each other."""
    caller, agent = map(bytes, recording.sides)
    assert len(caller) == len(agent)
    real = [[*map(stretches, log.both)][n] for n in (0, 1)]
    kept = [stretches(caller), stretches(agent)]
    assert [len(each) for each in kept] == [len(each) for each in real]
    shift = kept[1][0][0] - real[1][0][0]  # the stream's start is the carrier's, ours a little later
    assert abs(shift) <= 100
    for ours, theirs in zip(kept, real, strict=True):
        for (start, end), (real_start, real_end) in zip(ours, theirs, strict=True):
            assert abs(start - real_start - shift) <= NEAR_MS
            assert abs(end - real_end - shift) <= NEAR_MS


async def test_both_sides_are_where_they_were_heard(autojump_clock) -> None:
    stage = Stage(ASKS)

    log, recording = await place(stage, tone(1500), tone(900))

    check(log, recording)
    assert stage.words[0] == ("agent", NOTICE)
    assert stage.words[1] == ("agent", GREETING)
    assert recording.tape.allowed
    assert abs(len(recording.sides[0]) / 8 - stage.record.duration_ms) <= 50


async def test_a_barge_in_is_cut_where_the_caller_stopped_hearing_the_agent(autojump_clock) -> None:
    stage = Stage(ASKS)

    log, recording = await place(stage, tone(1500, at_ms=NOTICE_MS + 1500))

    assert len(log.clears) == 1
    check(log, recording)


@pytest.mark.parametrize("lead_ms", [400, 5000])
async def test_the_goodbye_is_on_it_to_the_end(lead_ms: int, autojump_clock) -> None:
    said = Script(heard=("that is all",), replies=("Thank you for calling. Goodbye!",))
    stage = Stage(said, configured(LEAD_MS=lead_ms))

    log, recording = await place(stage, tone(900), max_ms=60_000)

    assert stage.ending is Ending.AGENT_SAID_GOODBYE
    check(log, recording)


async def test_a_hang_up_in_the_middle_of_a_sentence(autojump_clock) -> None:
    stage = Stage(ASKS)

    log, recording = await place(stage, hang_up_at_ms=NOTICE_MS + 2000, quiet_ms=9000, patience_ms=9000)

    assert stage.ending is Ending.CALLER_HUNG_UP
    check(log, recording)


async def test_a_realtime_model_is_recorded_as_well(autojump_clock) -> None:
    stage = LiveStage(Script(heard=("a flat in Whitefield",), replies=("Lovely.",)))

    log, recording = await place(stage, tone(1500))

    check(log, recording)
    assert stage.words[0] == ("agent", NOTICE)
    assert "Lovely." in [text for _, text in stage.words]


async def test_the_notice_is_heard_in_whole_whatever_the_caller_says(autojump_clock) -> None:
    stage = Stage(ASKS)

    log, recording = await place(stage, tone(900, at_ms=300))

    assert log.clears == []
    assert stage.record.entries[0].text == NOTICE
    assert not stage.record.entries[0].interrupted
    assert stage.told[-2:] == [
        "caller: a flat in Whitefield",
        "agent: A flat in Whitefield, lovely. What is your budget?",
    ]
    assert recording.tape.allowed
    check(log, recording)


async def test_keys_do_not_cut_the_notice(autojump_clock) -> None:
    stage = Stage(ASKS, configured(DTMF_BINDINGS="9=end_call"))

    async def serve(socket) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.serve, socket)
            await trio.sleep(0.5)
            stage.calls[-1]._digit("9")

    log, recording = await place(stage, serve=serve, max_ms=60_000, patience_ms=50_000)

    assert [clear.at_ms > NOTICE_MS for clear in log.clears] == [True]  # the greeting's, by the key
    assert stage.words[0] == ("agent", NOTICE)
    assert not stage.record.entries[0].interrupted
    assert stage.ending is Ending.AGENT_SAID_GOODBYE
    check(log, recording)


@pytest.mark.parametrize("at_ms", range(100, NOTICE_MS, 210))
async def test_who_hangs_up_during_the_notice_is_not_recorded(at_ms: int, autojump_clock) -> None:
    stage = Stage(ASKS)

    _, recording = await place(stage, hang_up_at_ms=at_ms, quiet_ms=9000, patience_ms=9000)

    assert stage.ending is Ending.CALLER_HUNG_UP
    assert recording.tape.lost
    assert recording.sides == (b"", b"")


async def test_a_machine_that_is_hung_up_on_during_the_notice_is_not_recorded(autojump_clock) -> None:
    stage = Stage(ASKS, configured(MACHINE_DETECTION="hang-up"))

    async def verdict(_order: str) -> str:
        await trio.sleep(stage.settings.OUTBOUND_WAIT_S + NOTICE_MS / 2000)
        return "machine_start"

    stage.parts = replace(stage.parts, verdict=verdict)
    _, recording = await place(stage, direction="outbound-api", order="OR" + "0" * 32, patience_ms=9000)

    assert stage.ending is Ending.MACHINE
    assert stage.record.entries[0].interrupted
    assert recording.tape.lost
    assert recording.sides == (b"", b"")


async def test_a_call_whose_notice_cannot_be_said_goes_on_unrecorded(autojump_clock) -> None:
    stage = Stage(replace(ASKS, troubles=(Trouble("speak"),)))

    _, recording = await place(stage, tone(1500))

    assert recording.tape.lost
    assert ("agent", NOTICE) not in stage.words
    assert stage.words[-1] == ("agent", "A flat in Whitefield, lovely. What is your budget?")


@pytest.mark.parametrize("at_ms", [300, 1300, 6000])
async def test_who_was_called_hears_the_notice_and_then_who_is_calling(at_ms: int, autojump_clock) -> None:
    stage = Stage(Script(heard=("hello",), replies=("What is your budget?",)))

    log, recording = await place(stage, tone(700, at_ms=at_ms), direction="outbound-api", max_ms=40_000)

    ours = [text for role, text in stage.words if role == "agent"]
    assert ours[:2] == [NOTICE, GREETING]
    assert log.clears == []
    check(log, recording)


async def test_what_the_recorder_does_wrong_costs_the_recording_and_not_the_call(
    monkeypatch: pytest.MonkeyPatch, autojump_clock
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("agent.keep.stereo.Stereo.played", broken)
    stage = Stage(ASKS)

    _, recording = await place(stage, tone(1500))

    assert recording.tape.lost
    assert len(stage.words) == 4


async def test_a_disk_that_takes_nothing_costs_the_recording_and_not_memory(autojump_clock) -> None:
    stage = Stage(ASKS, configured(SILENCE_S=30))
    recording = Recording()
    stage.tape = lambda: recording.tape

    await stage.place(plan=CallPlan(hang_up_at_ms=80_000, patience_ms=90_000, quiet_ms=90_000, max_ms=100_000))

    assert recording.tape.lost
    assert recording.tape.part() == (b"", b"")
