"""Calls to a real server process over real sockets with real speech on both ends."""

from __future__ import annotations

import signal
import wave
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.calls.server import Server, call, records


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"), LOG_LEVEL="debug")
    yield running
    running.kill()


def agent_lines(report: dict) -> list[str]:
    return [entry["text"].lower() for entry in report["conversation"] if entry["role"] == "agent"]


def test_a_caller_is_understood_and_answered_to_the_point(server: Server, tmp_path: Path) -> None:
    wav = tmp_path / "call.wav"
    code, report = call(
        server.url,
        "--say",
        "Hello, I am looking for a two bedroom flat in Whitefield, around eighty lakhs.",
        "--out",
        str(wav),
    )

    assert code == 0, report
    assert report["violations"] == []
    greeting, answer = agent_lines(report)[:2]
    assert "hello" in greeting
    assert "two bedroom" in answer
    with wave.open(str(wav)) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, 8000)
        assert sound.getnframes() > 8 * 8000
    (record,) = [r for r in records(server.folder) if r["call_sid"] == report["call_sid"]]
    assert record["ending"] == "caller hung up"
    assert record["facts"]["property"] == "two bedroom flat"
    assert record["facts"]["budget"].startswith("80 lakh")


def test_a_barge_in_during_the_greeting_silences_it_and_is_answered(server: Server) -> None:
    code, report = call(server.url, "--say", "Wait, I want to sell my house.", "--barge-in-at", "1.5")

    assert code == 0, report
    assert len(report["clears"]) == 1
    (barge_in,) = report["barge_ins"]
    assert barge_in["clear_after_ms"] <= 400  # the voice's own soft onset and this machine's load included
    assert len(agent_lines(report)) >= 2


def test_the_server_says_goodbye_and_hangs_up(server: Server) -> None:
    code, report = call(server.url, "--say", "I am not interested, thank you, goodbye.")

    assert code == 0, report
    assert "closed" in report["ended"]


def test_nothing_private_is_in_a_log(server: Server) -> None:
    code, report = call(server.url, "--say", "Hello.", "--from", "+919876543210")

    assert code == 0, report
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
