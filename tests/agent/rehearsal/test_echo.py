"""What the caller's telephone gives back of the agent's voice, alone and in a whole stream."""

from __future__ import annotations

import base64
import dataclasses

import numpy as np
import pytest

from agent.rehearsal.echo import Echo, EchoPath
from agent.rehearsal.measures import onsets
from agent.rehearsal.plan import CallPlan, Line
from agent.rehearsal.sound import decode, spans, tone
from tests.agent.rehearsal.test_phone import call, media

SILENCE = b"\xff" * 160


def given_back(echo: Echo, played: bytes, ms: int = 1000) -> bytes:
    path = EchoPath(echo)
    path.played(played, 0)
    return b"".join(path.over(SILENCE, at) for at in range(0, ms, 20))


@pytest.mark.parametrize(("delay_ms", "attenuation_db"), [(50, 10), (200, 15), (400, 30)])
def test_it_is_late_and_soft(delay_ms: float, attenuation_db: float) -> None:
    played = tone(300, 1000)
    back = given_back(Echo(delay_ms, attenuation_db), played)
    (heard,) = spans(back, 0, 50)
    middle = decode(back)[int(delay_ms + 100) * 8 :][:800].astype(float)

    assert (heard.start_ms, heard.end_ms) == (pytest.approx(delay_ms, abs=10), pytest.approx(delay_ms + 300, abs=10))
    assert 20 * np.log10(middle.std() / decode(played).std()) == pytest.approx(-attenuation_db, abs=0.5)


def test_a_telephone_lets_no_hum_through_and_a_room_goes_on_sounding() -> None:
    hums = [decode(given_back(Echo(50, 6, band=band), tone(300, 50)))[1200:2400].std() for band in (True, False)]
    assert hums[0] < hums[1] / 50
    (dry,), (wet,) = (spans(given_back(Echo(50, 6, room_ms=ms), tone(300, 1000)), 0, 50) for ms in (0, 200))
    assert wet.end_ms - dry.end_ms == pytest.approx(130, abs=40)


def test_noise_is_there_all_the_time_and_the_same_each_time() -> None:
    noisy = given_back(Echo(50, 10, noise_db=-40), b"")

    assert 20 * np.log10(decode(noisy).std() / 32768) == pytest.approx(-40, abs=0.5)
    assert noisy == given_back(Echo(50, 10, noise_db=-40), b"")
    assert given_back(Echo(50, 10), b"") == SILENCE * 50


def test_the_agent_comes_back_in_the_callers_frames_until_it_is_cleared() -> None:
    cleared = (900, '{"event": "clear", "streamSid": "' + "MZ" + "a" * 32 + '"}')
    plan = CallPlan(echo=Echo(300, 10), hang_up_at_ms=3000)
    log, sent = call(plan, [(500, media(tone(2000, 1000))), cleared])
    frames = b"".join(base64.b64decode(m["media"]["payload"]) for _, m in sent if m["event"] == "media")

    assert bytes(log.caller) == frames
    (back,) = spans(frames, log.caller_start_ms, 50)
    assert (back.start_ms, back.end_ms) == (pytest.approx(800, abs=15), pytest.approx(1200, abs=15))
    assert not spans(bytes(call(dataclasses.replace(plan, echo=None), [])[0].caller), 0, 50)


def test_a_callers_onset_is_where_the_caller_begins_also_over_an_echo() -> None:
    line = Line(b"\xff" * 2400 + tone(500), "wait")
    plan = CallPlan(lines=(line,), barge_in_at_ms=600, echo=Echo(100, 10), hang_up_at_ms=4000)
    log, _ = call(plan, [(300, media(tone(2000, 1000)))])

    assert onsets(log) == [pytest.approx(log.spoken[0].start_ms + 300, abs=10)]
