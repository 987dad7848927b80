"""The far end of a stream, and what its report says, against an agent made of timed messages. No I/O, no clock."""

from __future__ import annotations

import base64
import io
import json
import random
import wave
from typing import Any

import msgspec
import numpy as np
import pytest

from agent.rehearsal import measures, recording, report
from agent.rehearsal.carrier import Identity
from agent.rehearsal.log import CallLog
from agent.rehearsal.phone import Phone
from agent.rehearsal.plan import CallPlan, Line
from agent.rehearsal.report import BargeIn, CallReport
from agent.rehearsal.sound import decode, tone
from agent.rehearsal.stream import Hold, Rudeness
from agent.rehearsal.words import words

IDENTITY = Identity("AC" + "c" * 32, "CA" + "b" * 32, "MZ" + "a" * 32)
Timed = list[tuple[float, str]]


def media(mulaw: bytes) -> str:
    payload = base64.b64encode(mulaw).decode()
    return json.dumps({"event": "media", "streamSid": IDENTITY.stream_sid, "media": {"payload": payload}})


def mark(name: str) -> str:
    return json.dumps({"event": "mark", "streamSid": IDENTITY.stream_sid, "mark": {"name": name}})


CLEAR = json.dumps({"event": "clear", "streamSid": IDENTITY.stream_sid})


def call(plan: CallPlan, agent: Timed, closes_at: float = float("inf")) -> tuple[CallLog, list[tuple[float, Any]]]:
    """Run a whole stream; the log, and what was sent when."""
    log = CallLog()
    phone = Phone(plan, IDENTITY, {"token": "t"}, log, random.Random(1))
    sent = [(0.0, text) for text in phone.begin()]
    waiting, now = sorted(agent, key=lambda timed: timed[0]), 0.0
    while not phone.over:
        sent += [(now, text) for text in phone.advance(now)]
        if phone.over:
            break
        now = max(now, min(phone.next_ms, closes_at, *(at for at, _ in waiting[:1])))
        if now >= closes_at:
            phone.closed(now)
        while waiting and waiting[0][0] <= now:
            phone.received(waiting.pop(0)[1], now)
    if now < closes_at:
        sent += [(now, text) for text in phone.hang_up(now)]
    phone.finish(now)
    return log, [(at, json.loads(text)) for at, text in sent]


GREETING: Timed = [(200, media(tone(1000))), (200, mark("greeting"))]


def test_a_quiet_call_is_heard_out_and_hung_up() -> None:
    log, sent = call(CallPlan(), GREETING)

    events = [message["event"] for _, message in sent]
    assert events[:3] == ["connected", "start", "media"]
    assert events[-1] == "stop"
    assert [at for at, message in sent if message["event"] == "mark"] == [1200]
    assert log.ended == "the caller hung up"
    assert report.build(log, CallPlan()).exit_code == 0


def test_frames_leave_when_their_sound_is_over_at_an_even_pace() -> None:
    _, sent = call(CallPlan(hang_up_at_ms=2000), [])
    times = [at for at, message in sent if message["event"] == "media"]

    assert 120 < times[0] < 190
    assert times == [times[0] + 20 * n for n in range(len(times))]


def test_a_network_that_stalls_sends_in_bursts_and_loses_nothing() -> None:
    plan = CallPlan(hang_up_at_ms=2000, rudeness=Rudeness(holds=(Hold(500, 300),)))
    log, sent = call(plan, [(600, mark("m"))])
    times = [at for at, message in sent if message["event"] == "media"]

    assert not [at for at in times if 500 <= at < 800]
    assert times.count(800) == 15
    assert [at for at, message in sent if message["event"] == "mark"] == [800]
    assert log.late_ms == 0


def test_odd_payload_sizes_keep_the_pace() -> None:
    _, sent = call(CallPlan(hang_up_at_ms=1000, rudeness=Rudeness(payload_sizes=(160, 80, 7, 400))), [])
    media_sent = [(at, message["media"]) for at, message in sent if message["event"] == "media"]
    sizes = [len(base64.b64decode(body["payload"])) for _, body in media_sent]

    assert sizes[:5] == [160, 80, 7, 400, 160]
    assert media_sent[4][0] - media_sent[0][0] == pytest.approx((80 + 7 + 400 + 160) / 8)


def test_a_conversation_and_its_latencies() -> None:
    said = Line(tone(800), "two bedrooms please")
    plan = CallPlan(lines=(said,))
    log, _ = call(plan, [*GREETING, (3700, media(tone(500))), (4200, media(tone(500)))])
    made = report.build(log, plan, ["Hello!", "In Whitefield?"])

    start = log.spoken[0].start_ms
    assert 1900 <= start <= 1921
    assert [(entry.role, entry.text, entry.interrupted) for entry in made.conversation] == [
        ("agent", "Hello!", False),
        ("caller", "two bedrooms please", False),
        ("agent", "In Whitefield?", False),
    ]
    assert made.conversation[0].start_ms == 200
    assert made.conversation[2].end_ms == 4700
    (turn,) = made.turns
    assert turn.latency_ms == pytest.approx(3700 - start - 800, abs=10)
    assert made.gaps == ()
    assert made.exit_code == 0


def test_a_barge_in_is_measured_on_the_sound() -> None:
    plan = CallPlan(lines=(Line(tone(600), "wait"),), barge_in_at_ms=1000)
    greeting = [(200, media(tone(4000))), (200, mark("a"))]
    onset = 1200 + 20
    log, sent = call(plan, [*greeting, (onset + 180, CLEAR), (3000, media(tone(300)))])
    made = report.build(log, plan)

    assert made.exit_code == 0
    (barge_in,) = made.barge_ins
    assert barge_in.clear_after_ms == pytest.approx(180, abs=20)
    assert barge_in.silent_after_ms == pytest.approx(180, abs=20)
    (clear,) = made.clears
    assert clear.after_onset_ms == barge_in.clear_after_ms
    assert clear.dropped_ms == 4200 - onset - 180
    assert clear.next_media_after_ms == 3000 - onset - 180
    assert made.conversation[0].interrupted
    assert [(one.name, one.cleared) for one in made.marks] == [("a", True)]
    assert [at for at, message in sent if message["event"] == "mark"] == [onset + 180]


def test_an_agent_that_does_not_stop_is_measured_too() -> None:
    plan = CallPlan(lines=(Line(tone(600)),), barge_in_at_ms=1000)
    log, _ = call(plan, [(200, media(tone(4000))), (6000, media(tone(300)))])

    (barge_in,) = report.build(log, plan).barge_ins
    assert barge_in == BargeIn(barge_in.onset_ms, None, 4200 - barge_in.onset_ms)


def test_a_barge_in_between_two_sentences_counts_and_one_into_silence_fails() -> None:
    plan = CallPlan(lines=(Line(tone(600)),), barge_in_at_ms=1100)
    between = [(200, media(tone(1000) + b"\xff" * 8 * 400 + tone(1000))), (1500, CLEAR), (3000, media(tone(300)))]
    log, _ = call(plan, between)
    assert [one.silent_after_ms for one in measures.interruptions(log)] == [0]
    assert report.build(log, plan).failures == ()

    log, _ = call(plan, [(200, media(tone(300))), (3000, media(tone(300)))])
    made = report.build(log, plan)
    assert made.barge_ins == ()
    assert "there was nothing to interrupt" in made.failures[0]
    assert made.exit_code == 1


def test_sound_that_runs_dry_is_a_gap() -> None:
    log, _ = call(CallPlan(), [(200, media(tone(400))), (750, media(tone(400)))])
    made = report.build(log, CallPlan())

    assert [(gap.at_ms, gap.duration_ms) for gap in made.gaps] == [(600, 150)]
    assert len(made.conversation) == 1


def test_an_agent_that_sends_only_silence_never_spoke() -> None:
    log, _ = call(CallPlan(patience_ms=3000), [(200, media(b"\xff\x7f" * 8000))])

    assert log.failures == ["the agent never spoke within 3 s"]
    assert report.build(log, CallPlan()).exit_code == 1


def test_a_violation_outweighs_a_failure() -> None:
    log, _ = call(CallPlan(patience_ms=1000), [(200, '{"event":"media"}')])
    made = report.build(log, CallPlan())

    assert made.exit_code == 3
    assert made.messages == {"faulty": 1}
    assert made.violations[0].code == 31951


def test_ten_minutes_of_sound_are_a_violation() -> None:
    log, _ = call(CallPlan(max_ms=300), [(100, media(bytes(2_400_000))) for _ in range(3)])

    assert [violation.code for violation in log.violations] == [31931]


@pytest.mark.parametrize(
    ("closes_at", "failure"),
    [
        (100, "the agent never spoke before the server closed the stream"),
        (1300, "2 of 2 lines could not be said before the server closed the stream"),
        (2300, "2 of 2 lines could not be said before the server closed the stream"),
    ],
)
def test_a_server_that_closes_too_early(closes_at: float, failure: str) -> None:
    log, sent = call(CallPlan(lines=(Line(tone(900)), Line(tone(900)))), GREETING, closes_at)

    assert log.failures == [failure]
    assert log.ended == "the server closed the stream"
    assert log.duration_ms == closes_at
    assert sent[-1][0] <= closes_at


def test_a_server_that_says_goodbye_and_closes_is_fine_but_what_it_cut_is_told() -> None:
    plan = CallPlan(lines=(Line(tone(500)),))
    log, _ = call(plan, [*GREETING, (3500, media(tone(1000)))], closes_at=4200)
    made = report.build(log, plan)

    assert made.exit_code == 0
    assert made.unplayed_ms == 300
    assert made.turns[0].latency_ms is not None


@pytest.mark.parametrize(
    ("text", "expected", "found"),
    [
        ("In White field, okay?", "whitefield", True),
        ("Whitefield", "white field", True),
        ("an apartment", "art", False),
        ("Eighty lakhs. Good!", "LAKHS good", True),
        ("", "word", False),
    ],
)
def test_expected_words(text: str, expected: str, found: bool) -> None:
    assert report.says(text, expected) is found


def test_expectations_are_checked_on_what_was_heard() -> None:
    plan = CallPlan(expect=("budget",))
    log, _ = call(plan, GREETING)

    assert report.build(log, plan, ["What is your budget?"]).exit_code == 0
    assert report.build(log, plan, ["Hello"]).failures == ("the agent did not say 'budget'",)
    assert report.build(log, plan, None).exit_code == 1


def test_no_connection() -> None:
    log = CallLog(unreachable="refused")

    assert report.build(log, CallPlan(expect=("x",))).exit_code == 5
    assert report.build(log, CallPlan()).failures == ("refused",)


def test_the_recording_has_both_sides_in_their_places() -> None:
    plan = CallPlan(lines=(Line(tone(400)),))
    log, _ = call(plan, [(200, media(tone(1000))), (3000, media(tone(300)))])
    with wave.open(io.BytesIO(recording.stereo(log))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)

    assert len(both) == pytest.approx(log.duration_ms * 8, abs=1)
    assert (both[1600:9600, 1] == decode(tone(1000))).all()
    assert not both[:1600, 1].any()
    start = round(log.spoken[0].start_ms * 8)
    assert (both[start : start + 3200, 0] == decode(tone(400))).all()
    assert not both[:start, 0].any()


def test_long_utterances_are_given_to_the_ear_in_pieces() -> None:
    speech = b"".join(tone(3000) + b"\xff" * 8 * 300 for _ in range(8))
    log, _ = call(CallPlan(), [(200, media(speech))])
    (said,) = measures.utterances(log, 700)
    pieces = measures.earfuls(log, said)

    assert [round(piece.duration_ms) for piece in pieces] == [9720, 9720, 6420]
    assert all(piece.end_ms - piece.start_ms == piece.duration_ms for piece in pieces)


def test_a_report_reads_well_and_survives_json() -> None:
    plan = CallPlan(lines=(Line(tone(600), "wait"),), barge_in_at_ms=1000, dtmf="1")
    log, _ = call(plan, [(200, media(tone(4000))), (1400, CLEAR), (3000, media(tone(300)))])
    log.steps.append("Say 'Hi!'")
    made = report.build(log, plan, ["Hello", "Yes?"])
    text = words(made)

    assert msgspec.json.decode(msgspec.json.encode(made), type=CallReport) == made
    for expected in (
        "Say 'Hi!'",
        "Hello (interrupted)",
        "wait",
        "(answered after",
        "clear after",
        "pressed 1",
        "exit 0",
    ):
        assert expected in text
    assert "violation" not in text


def test_between_two_streams_it_comes_back_only_when_a_frame_is_due() -> None:
    phone = Phone(CallPlan(rudeness=Rudeness((480,))), IDENTITY, {}, CallLog(), random.Random(1))
    phone.closed(1000)

    for _ in range(20):
        now = phone.next_ms
        assert phone.advance(now) == []
        assert phone.next_ms - now > 59
