"""Calls to a real server process that hears through a Realtime server, on real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls.server import Server, call, records
from tests.fakes.openai_launch import Fake, launch

FILES = ("transcriptions", "chat", "speech")


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with launch() as running:
        yield running


@pytest.fixture(scope="module")
def server(fake: Fake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(
        tmp_path_factory.mktemp("server"),
        OPENAI_BASE_URL=fake.base_url,
        OPENAI_API_KEY="sk-right",
        OPENAI_STT_API="realtime",
        GREETING="Hello.",
    )
    yield running
    running.kill()


@pytest.fixture
def plan(fake: Fake):
    fake.forget()
    return {"key": "sk-right", "chat": {"replies": ["Lovely."]}, "realtime": {"heard": ["a flat in Whitefield"]}}


def place(server: Server) -> dict:
    code, report = call(server.url, "--say", "A flat in Whitefield, please.")
    assert code == 0, report
    deadline = time.monotonic() + 15
    found: list[dict] = []
    while not found and time.monotonic() < deadline:
        found = [r for r in records(server.folder) if r["call_sid"] == report["call_sid"]]
    (record,) = found
    return record


def routes(fake: Fake) -> list[str]:
    return [request["route"] for request in fake.state()["requests"]]


def nothing_left(fake: Fake) -> None:
    deadline = time.monotonic() + 5
    while fake.state()["realtime"]["open"] and time.monotonic() < deadline:
        pass
    assert fake.state()["realtime"]["open"] == 0


def test_the_caller_is_heard_over_the_socket(fake: Fake, server: Server, plan: dict) -> None:
    fake.plan(**plan)
    record = place(server)
    assert "a flat in Whitefield" in [entry["text"] for entry in record["entries"]]
    assert record["providers"]["stt"] == "openai gpt-live-transcribe"
    state = fake.state()
    assert "transcriptions" not in routes(fake)
    assert state["realtime"]["connections"] == 1
    assert state["realtime"]["received"][0][:2] == ["session.update", "input_audio_buffer.append"]
    nothing_left(fake)


def test_a_key_that_is_refused_is_logged_without_it(fake: Fake, server: Server, plan: dict) -> None:
    plan["realtime"]["wrong"] = [{"kind": "refuse", "code": 401}]
    fake.plan(**plan, transcriptions={"transcripts": ["a flat in Whitefield"]})
    record = place(server)
    assert "a flat in Whitefield" in [entry["text"] for entry in record["entries"]]
    assert "transcriptions" in routes(fake)
    log = "\n".join(server.lines)
    assert "session refused" in log
    assert "sk-right" not in log
    nothing_left(fake)


def test_a_socket_cut_in_the_middle_is_opened_again(fake: Fake, server: Server, plan: dict) -> None:
    plan["realtime"]["wrong"] = [{"kind": "abort", "at": 3}]
    fake.plan(**plan)
    record = place(server)
    assert "a flat in Whitefield" in [entry["text"] for entry in record["entries"]]
    assert fake.state()["realtime"]["connections"] == 2
    nothing_left(fake)


def test_one_model_hears_thinks_and_speaks(fake: Fake, plan: dict, tmp_path: Path) -> None:
    plan["realtime"]["answers"] = ["There are three flats in Whitefield."]
    fake.plan(**plan, faults=[{"route": route, "kind": "status", "status": 500, "times": 0} for route in FILES])
    running = Server(
        tmp_path,
        OPENAI_BASE_URL=fake.base_url,
        OPENAI_API_KEY="sk-right",
        PIPELINE="realtime",
        TTS_FALLBACK="none",
        GREETING="Hello.",
    )
    try:
        running.wait_for(r"hears with +openai gpt-live-transcribe", 10)
        running.wait_for(r"thinks with +openai gpt-realtime-2\.1-mini", 10)
        running.wait_for(r"speaks with +openai gpt-realtime-2\.1-mini alloy", 10)
        record = place(running)
        assert running.leave() == 0
    finally:
        running.kill()
    assert [(entry["role"], entry["text"]) for entry in record["entries"]] == [
        ("agent", "Hello."),
        ("caller", "a flat in Whitefield"),
        ("agent", "There are three flats in Whitefield."),
    ]
    assert record["providers"]["llm"] == "openai gpt-realtime-2.1-mini"
    assert record["providers"]["tts"] == "openai gpt-realtime-2.1-mini alloy"
    assert fake.state()["realtime"]["connections"] == 1
    nothing_left(fake)
