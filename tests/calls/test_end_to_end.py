"""Calls to a real server process over real sockets with real speech on both ends."""

from __future__ import annotations

import signal
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import numpy as np
import pytest

from tests.calls.server import Server, call, records


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"), LOG_LEVEL="debug")
    yield running
    running.kill()


CALLS = {
    "asks": ("--say", "Hello, I am looking for a two bedroom flat in Whitefield, around eighty lakhs."),
    "barges in": ("--say", "Wait, I want to sell my house.", "--barge-in-at", "1.5"),
    "leaves": ("--say", "I am not interested, thank you, goodbye."),
}


@pytest.fixture(scope="module")
def reports(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, dict]]:
    """All calls at once, for they last as long as calls do."""
    folder = tmp_path_factory.mktemp("recordings")

    def place(name: str) -> tuple[int, dict]:
        wav = folder / f"{name}.wav"
        code, report = call(server.url, *CALLS[name], "--out", str(wav), "--from", "+919876543210")
        return code, report | {"wav": wav}

    with ThreadPoolExecutor() as pool:
        return dict(zip(CALLS, pool.map(place, CALLS), strict=True))


def agent_lines(report: dict) -> list[str]:
    return [entry["text"].lower().replace("-", " ") for entry in report["conversation"] if entry["role"] == "agent"]


def test_a_caller_is_understood_and_answered_to_the_point(server: Server, reports: dict) -> None:
    code, report = reports["asks"]

    assert code == 0, report
    assert report["violations"] == []
    greeting, answer = agent_lines(report)[:2]
    assert "hello" in greeting
    assert "two bedroom" in answer
    (record,) = [r for r in records(server.folder) if r["call_sid"] == report["call_sid"]]
    assert record["ending"] == "caller hung up"
    assert record["facts"]["property"] == "two bedroom flat"
    assert record["facts"]["budget"].startswith("80 lakh")


def test_the_recording_has_both_sides_on_one_time_line(reports: dict) -> None:
    _, report = reports["asks"]
    with wave.open(str(report["wav"])) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, 8000)
        both = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2).astype(float)
    for entry in report["conversation"]:
        side = 0 if entry["role"] == "caller" else 1
        during = np.abs(both[entry["start_ms"] * 8 : entry["end_ms"] * 8]).mean(axis=0)
        assert during[side] > 300
        assert during[side] > 5 * during[1 - side]


def test_a_barge_in_during_the_greeting_silences_it_and_is_answered(reports: dict) -> None:
    code, report = reports["barges in"]

    assert code == 0, report
    assert len(report["clears"]) == 1
    (barge_in,) = report["barge_ins"]
    # Real time on a machine with other work: the bound itself is proved in virtual time.
    assert barge_in["clear_after_ms"] <= 500
    assert any("sell" in line or "house" in line for line in agent_lines(report)[1:])


def test_the_server_says_goodbye_and_hangs_up(reports: dict) -> None:
    code, report = reports["leaves"]

    assert code == 0, report
    assert report["ended"] == "the server closed the stream"


@pytest.mark.usefixtures("reports")
def test_nothing_private_is_in_a_log(server: Server) -> None:
    assert any("call over" in line for line in server.lines)
    assert not any("9876543210" in line for line in server.lines)


def test_a_server_leaves_when_its_calls_are_over(tmp_path: Path) -> None:
    server = Server(tmp_path, PROVIDER="scripted", APP_ENV="test")
    try:
        assert httpx2.get(server.url + "/health/ready").status_code == 200
        assert httpx2.get(server.url + "/health/live").json()["pid"] == server.process.pid
        assert server.leave(signal.SIGTERM) == 0
    finally:
        server.kill()


def test_a_port_that_is_taken_is_an_error_in_words(server: Server, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=rf"cannot listen on 127\.0\.0\.1:{server.port}"):
        Server(tmp_path, PROVIDER="scripted", PORT=str(server.port))
