"""After the last day of the models that are announced to end: configuration alone has calls work, and the doctor says
so. A real server process, real sockets."""

from __future__ import annotations

import subprocess
import time
import wave
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from agent.speak.clips import WELCOME
from agent.wire import mulaw
from tests.calls.server import PROGRAM, Server, call, environment, records
from tests.fakes.openai_launch import Fake, launch
from tests.fakes.realtime_server import MS_PER_CHARACTER

ENDED = {"whisper-1": "2020-01-01", "gpt-4o-mini-tts": "2020-01-02", "tts-1": "2020-01-02"}
LEFT = {"gpt-5.4-mini": None, "gpt-transcribe": None, "gpt-live-transcribe": None, "gpt-realtime-2.1-mini": None}
SHUT_DOWN = ["whisper-1", "gpt-4o*", "tts-1*"]
GREETING = "hello this is priya"
ANSWER = "a flat by the lake then"

OLD = {"OPENAI_STT_API": "file", "OPENAI_STT_MODEL": "whisper-1", "OPENAI_TTS_API": "speech"}
NEW = {"OPENAI_STT_API": "realtime", "OPENAI_TTS_API": "realtime", "TTS_FALLBACK": "none"}


@pytest.fixture(scope="module")
def running() -> Iterator[Fake]:
    with launch() as process:
        yield process


@pytest.fixture
def fake(running: Fake) -> Fake:
    running.forget()
    running.plan(
        key="sk-right",
        models={**ENDED, **LEFT},
        shut_down=SHUT_DOWN,
        chat={"replies": [ANSWER]},
        realtime={"heard": [WELCOME.text]},
        transcriptions={"transcripts": [WELCOME.text]},
    )
    return running


def usual(fake: Fake) -> dict[str, str]:
    return {"OPENAI_BASE_URL": fake.base_url, "OPENAI_API_KEY": "sk-right"}


def spoken(file: Path) -> str:
    """What the agent says in a recorded call: the fake speaks a letter at a time, each of one sample over and over."""
    with wave.open(str(file)) as recording:
        assert (recording.getnchannels(), recording.getframerate()) == (2, 8000)
        sides = np.frombuffer(recording.readframes(recording.getnframes()), "<i2").reshape(-1, 2)
    text = ""
    for byte, run in groupby(mulaw.encode(sides[:, 1])):
        # Shorter ones are of packaged recordings, the longest ones silence.
        letters = round(len([*run]) / (8 * MS_PER_CHARACTER))
        if byte & 0x80 and byte & 0x40 == 0 and letters:
            text += (" " if byte & 0x3F == 0x20 else chr(byte & 0x3F | 0x40).lower()) * letters
    return text


def doctor(folder: Path, **settings: str) -> tuple[int, str]:
    done = subprocess.run(
        [PROGRAM, "doctor", "--rounds", "1"],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_call_works_by_configuration_alone(tmp_path: Path, fake: Fake) -> None:
    server = Server(tmp_path, **usual(fake), **NEW, GREETING=GREETING, SAY_FIRST="")
    try:
        code, report = call(server.url, "--say", "A flat in Whitefield, please.", "--out", str(tmp_path / "call.wav"))
        assert code == 0, report
        heard = spoken(tmp_path / "call.wav")
        assert GREETING in heard
        assert ANSWER in heard
        assert heard.index(GREETING) < heard.index(ANSWER)
        deadline = time.monotonic() + 15
        while not (found := records(tmp_path)) and time.monotonic() < deadline:
            pass
        (record,) = found
        told = [entry["text"] for entry in record["entries"]]
        assert [GREETING, WELCOME.text, ANSWER] == [text for text in told if text in {GREETING, WELCOME.text, ANSWER}]
        assert record["providers"]["stt"] == "openai gpt-live-transcribe"
        assert record["providers"]["tts"] == "openai gpt-realtime-2.1-mini alloy"
        state = fake.state()
        asked = {request["route"] for request in state["requests"]}
        assert not asked & {"speech", "transcriptions"}
        assert state["realtime"]["connections"] == 2
    finally:
        server.kill()


def test_the_old_models_are_said_to_be_gone_with_what_to_set_instead(tmp_path: Path, fake: Fake) -> None:
    code, out = doctor(tmp_path, **usual(fake), **OLD)

    assert code == 1
    for setting, model in {"OPENAI_STT_MODEL": "whisper-1", "OPENAI_TTS_MODEL": "gpt-4o-mini-tts"}.items():
        (failed,) = [line for line in out.splitlines() if line.startswith("failed:") and f", openai {model} " in line]
        assert "404 model_not_found" in failed
        (ends,) = [line for line in out.splitlines() if line.startswith(f"  failure  {setting}={model}:")]
        assert f"on {ENDED[model]}" in ends
    assert "gpt-transcribe" in out
    assert "OPENAI_TTS_API=realtime" in out


def test_the_new_ones_are_fine(tmp_path: Path, fake: Fake) -> None:
    code, out = doctor(tmp_path, **usual(fake), **NEW)

    assert code == 0, out
    assert "failed" not in out
    assert "text to speech: openai gpt-realtime-2.1-mini alloy" in out
    assert "the words came back right" in out


def test_a_realtime_model_that_is_gone_as_well_is_told(tmp_path: Path, fake: Fake) -> None:
    fake.plan(shut_down=[*SHUT_DOWN, "gpt-realtime"])
    code, out = doctor(tmp_path, **usual(fake), **NEW, OPENAI_REALTIME_MODEL="gpt-realtime")

    assert code == 1
    (failed,) = [line for line in out.splitlines() if line.startswith("failed: text to speech")]
    assert "model_not_found" in failed
    assert "OPENAI_REALTIME_MODEL" in failed
    assert "gpt-realtime-2.1" in failed
