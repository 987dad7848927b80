"""Calls of a real server to OpenAI, by files and streams and over a Realtime socket, are played: no key, no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.replay import file
from agent.replay.events import Over
from nurseries.replay.play import play_events
from tests.calls.server import Server, call
from tests.fakes.openai_launch import Fake, launch

KEY = "sk-right"
REPLY = "A flat in Whitefield, lovely."


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with launch() as running:
        yield running


def played(fake: Fake, folder: Path, **settings: str) -> dict[str, Any]:
    """Place a call to a server with these settings; its record, once it is played as it was."""
    fixed = {"OPENAI_BASE_URL": fake.base_url, "OPENAI_API_KEY": KEY, "RECORD_SESSIONS": "always", "GREETING": "Hello."}
    server = Server(folder, **fixed, **settings)
    try:
        code, report = call(server.url, "--say", "A flat in Whitefield, please.")
        assert code == 0, report
        assert server.leave() == 0
    finally:
        server.kill()
    (path,) = (folder / "data" / "sessions").iterdir()
    header, events = file.read(path)
    outcome = play_events(header, events)
    assert outcome.difference is None, str(outcome.difference)
    assert KEY not in repr((header, events))
    assert isinstance(events[-1], Over)
    return events[-1].record


def test_files_and_streams(fake: Fake, tmp_path: Path) -> None:
    fake.forget()
    fake.plan(
        key=KEY,
        transcriptions={"transcripts": ["a flat in Whitefield"]},
        chat={"replies": [REPLY], "first_ms": 100, "gap_ms": 20},
        faults=[{"route": "speech", "kind": "status", "status": 500, "times": 1}],
    )
    record = played(fake, tmp_path)

    assert {each["part"] for each in record["usage"]} >= {"stt", "llm", "tts"}


def test_one_model_over_a_socket(fake: Fake, tmp_path: Path) -> None:
    fake.forget()
    fake.plan(
        key=KEY,
        chat={"replies": ["Lovely."]},
        transcriptions={"transcripts": ["a flat in Whitefield"]},
        realtime={
            "heard": ["a flat in Whitefield"],
            "answers": [REPLY],
            "wrong": [{"kind": "abort", "at": 12, "connection": 0}],
        },
    )
    record = played(fake, tmp_path, PIPELINE="realtime")

    assert record["providers"]["llm"].startswith("openai gpt-realtime")
    assert "llm" in {each["part"] for each in record["usage"]}
    assert ("agent", REPLY) in [(entry["role"], entry["text"]) for entry in record["entries"]]


def test_ears_over_one_socket_and_a_voice_over_another(fake: Fake, tmp_path: Path) -> None:
    fake.forget()
    fake.plan(key=KEY, chat={"replies": [REPLY]}, realtime={"heard": ["a flat in Whitefield"]})
    record = played(fake, tmp_path, OPENAI_STT_API="realtime", OPENAI_TTS_API="realtime")

    assert "a flat in Whitefield" in [entry["text"] for entry in record["entries"]]
