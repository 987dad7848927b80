"""`calling-agent doctor` as an operator runs it: a process of its own, against an OpenAI-compatible one."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.doctor.budget import TOTAL
from agent.speak.clips import WELCOME
from nurseries.doctor import command
from tests.calls.server import PROGRAM, Server, environment
from tests.fakes.openai_launch import Fake, launch

KEY = "sk-right-and-secret"
FUTURE = {"gpt-5.4-mini": None, "gpt-transcribe": None, "gpt-4o-mini-tts": "2099-01-06", "llama-3": None}


@pytest.fixture(scope="module")
def process() -> Iterator[Fake]:
    with launch() as running:
        yield running


@pytest.fixture
def fake(process: Fake) -> Fake:
    process.forget()
    process.plan(
        key=KEY, models=FUTURE, transcriptions={"transcripts": [WELCOME.text]}, chat={"replies": ["Lovely. And where?"]}
    )
    return process


def doctor(folder: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [PROGRAM, "doctor", *arguments],
        cwd=folder,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def examined(folder: Path, fake: Fake, *arguments: str, **settings: str) -> tuple[int, dict[str, Any]]:
    usual = {"OPENAI_BASE_URL": fake.base_url, "OPENAI_API_KEY": KEY}
    code, out, err = doctor(folder, "--json", *arguments, **{**usual, **settings})
    assert KEY not in out + err
    report: dict[str, Any] = json.loads(out)
    assert report["exit_code"] == code
    return code, report


def failures(report: dict[str, Any]) -> dict[str, str]:
    return {one["port"]: f"{t['what']} {t['do']}" for one in report["providers"] for t in one["troubles"]}


def test_everything_is_measured_as_often_as_asked_and_added_up(tmp_path: Path, fake: Fake) -> None:
    fake.plan(speech={"first_ms": 80})
    code, report = examined(tmp_path, fake, "--rounds", "2", OPENAI_LLM_MODEL="llama-3")

    assert (code, failures(report)) == (0, {})
    assert [one["port"] for one in report["providers"]] == ["STT", "LLM", "TTS"]
    assert all(len(figure["rounds"]) == 2 for one in report["providers"] for figure in one["figures"])
    assert report["providers"][0]["notes"] == ["the words came back right"]
    rows = {row["stage"]: row["median"] for row in report["budget"]["rows"]}
    assert rows["first audio"] >= 80
    assert report["budget"]["total"]["stage"] == TOTAL
    assert report["budget"]["total"]["median"] == pytest.approx(sum(rows.values()))
    asked = [request["route"] for request in fake.state()["requests"] if request["route"]]  # "": for its time
    assert sorted(asked) == sorted(["transcriptions", "chat", "speech"] * 2 + ["models"])


def test_models_that_were_shut_down_are_told_in_words(tmp_path: Path, fake: Fake) -> None:
    ended = {"whisper-1": "2020-01-01", "gpt-4o-mini": "2020-01-02", "gpt-4o-mini-tts": "2020-01-03"}
    fake.plan(models=ended, shut_down=["whisper-1", "gpt-4o*"])
    code, out, _ = doctor(
        tmp_path,
        OPENAI_BASE_URL=fake.base_url,
        OPENAI_API_KEY=KEY,
        OPENAI_STT_MODEL="whisper-1",
        OPENAI_LLM_MODEL="gpt-4o-mini",
    )

    assert code == 1
    for setting, model in {"STT": "whisper-1", "LLM": "gpt-4o-mini", "TTS": "gpt-4o-mini-tts"}.items():
        (failed,) = [line for line in out.splitlines() if line.startswith("failed:") and f", openai {model} " in line]
        assert fake.base_url.split("/")[2] in failed
        assert "404 model_not_found" in failed
        assert f"Set OPENAI_{setting}_MODEL to a model that this server has" in failed
        (ends,) = [line for line in out.splitlines() if line.startswith(f"  failure  OPENAI_{setting}_MODEL={model}:")]
        assert "shut down" in ends
        assert ended[model] in ends
        assert "Instead: " in ends
    assert "OPENAI_TTS_API=realtime" in out


def test_one_provider_that_fails_leaves_the_others_measured(tmp_path: Path, fake: Fake) -> None:
    fake.plan(shut_down=["gpt-transcribe"])
    code, report = examined(tmp_path, fake)

    assert code == 1
    assert list(failures(report)) == ["STT"]
    assert [bool(one["figures"]) for one in report["providers"]] == [False, True, True]
    assert report["budget"]["total"]["verdict"] == "not measured"


def test_a_model_that_ends_soon_is_a_failure_by_the_days_that_are_asked_for(tmp_path: Path, fake: Fake) -> None:
    code, report = examined(tmp_path, fake, "--rounds", "1", "--days", "99999")

    assert code == 1
    assert failures(report) == {}
    assert [model["state"] for model in report["models"]] == ["fine", "fine", "failure"]


def test_a_model_that_is_not_listed_is_said(tmp_path: Path, fake: Fake) -> None:
    code, report = examined(tmp_path, fake, "--rounds", "1", OPENAI_LLM_MODEL="llama-4")

    assert code == 0  # it answers all the same
    (model,) = [model for model in report["models"] if model["model"] == "llama-4"]
    assert model["state"] == "warning"
    assert "not in the server's list" in model["says"]


def test_a_server_without_a_list_is_measured_all_the_same(tmp_path: Path, fake: Fake) -> None:
    fake.plan(faults=[{"route": "models", "kind": "status", "status": 404, "times": 0}])
    code, report = examined(tmp_path, fake, "--rounds", "1")

    assert code == 0
    assert any("list of models could not be read" in note for note in report["notes"])


def test_a_wrong_key_is_told_without_the_key(tmp_path: Path, fake: Fake) -> None:
    wrong = "sk-wrong-and-secret"
    code, out, err = doctor(tmp_path, OPENAI_BASE_URL=fake.base_url, OPENAI_API_KEY=wrong)

    assert code == 1
    assert out.count("401 invalid_api_key). Check OPENAI_API_KEY") == 3
    assert wrong not in out + err


def test_a_server_that_cannot_be_reached_is_told_with_its_host(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{unused.getsockname()[1]}"
        code, out, _ = doctor(tmp_path, OPENAI_BASE_URL=f"http://{where}/v1", OPENAI_API_KEY=KEY)

    assert code == 1
    lines = [line for line in out.splitlines() if line.startswith("failed:")]
    assert len(lines) == 3
    assert all(where in line and "unreachable" in line and "Check OPENAI_BASE_URL" in line for line in lines)


def test_faults_of_the_configuration_are_told_all_at_once(tmp_path: Path) -> None:
    code, out, err = doctor(tmp_path, PORT="none", LANGUAGE="x_y_z", MESSAGE_MS="900")

    assert (code, out) == (2, "")
    assert all(f"configuration: {name}" in err for name in ("PORT", "LANGUAGE", "MESSAGE_MS"))


@pytest.mark.parametrize("given", [["--rounds", "0"], ["--rounds", "many"], ["--days", "-1"]])
def test_usage_that_makes_no_sense_exits_with_2(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    import argparse

    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    with pytest.raises(SystemExit) as exit_:
        parser.parse_args(given)

    assert exit_.value.code == 2
    assert "is not a number" in capsys.readouterr().err


def test_without_credentials_this_machine_is_measured_and_the_report_says_so(tmp_path: Path) -> None:
    code, out, _ = doctor(tmp_path, "--rounds", "1")

    assert code == 0, out
    assert "the words came back right" in out
    assert "nothing but this machine was measured: neither OPENAI_API_KEY nor OPENAI_BASE_URL is set" in out
    assert "models" not in out


def test_a_server_warns_at_its_start_of_a_model_that_ends_soon(tmp_path: Path) -> None:
    server = Server(tmp_path, OPENAI_API_KEY=KEY, OPENAI_TTS_API="speech", OPENAI_TTS_MODEL="tts-1")
    try:
        warned = [line for line in server.lines if "tts-1" in line and "06 January 2027" in line]
        assert len(warned) == 1
        assert "gpt-realtime-2.1-mini" in warned[0]
    finally:
        server.kill()


STANDING_BY = """
[[llm]]
base_url = "{url}"
key = "SECOND_KEY"
model = "llama-second"
[[tts]]
base_url = "{url}"
key = "WRONG_KEY"
model = "kokoro"
"""


def test_whoever_stands_by_is_measured_by_itself(tmp_path: Path, fake: Fake) -> None:
    (tmp_path / "fallbacks.toml").write_text(STANDING_BY.format(url=fake.base_url))
    keys = {"SECOND_KEY": KEY, "WRONG_KEY": "sk-wrong-one"}

    code, report = examined(tmp_path, fake, "--rounds", "1", FALLBACKS_FILE="fallbacks.toml", **keys)

    assert code == 1
    *_, model, voice = report["providers"]
    assert [one["port"] for one in report["providers"]] == ["STT", "LLM", "TTS", "LLM", "TTS"]
    assert (model["name"], bool(model["figures"]), model["troubles"]) == ("openai llama-second", True, [])
    assert model["notes"] == ["stands by: number 1 of [[llm]] in FALLBACKS_FILE"]
    assert (voice["figures"], [t["rounds"] for t in voice["troubles"]]) == ([], [1])
    assert "[[tts]] 1 in FALLBACKS_FILE" in voice["troubles"][0]["do"]
    assert "sk-wrong-one" not in json.dumps(report)
    assert report["budget"]["total"]["verdict"] != "not measured"
