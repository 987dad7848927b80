"""Calls to a real server process whose providers are an OpenAI-compatible server: slow, stalled, failing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from agent.speak.clips import TROUBLE
from tests.calls.server import Server, call, records
from tests.fakes.openai_launch import Fake, launch

REPLY = "A flat in Whitefield, lovely. " + "There is a lot that I could tell you about it. " * 4


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with launch() as running:
        yield running


@pytest.fixture(scope="module")
def server(fake: Fake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(
        tmp_path_factory.mktemp("server"),
        OPENAI_BASE_URL=fake.base_url,
        GREETING="Hello.",
        LLM_TIMEOUT_S="2",
        STT_TIMEOUT_S="2",
        TTS_TIMEOUT_S="2",
    )
    yield running
    running.kill()


def place(server: Server, *arguments: str) -> tuple[dict, dict]:
    code, report = call(server.url, "--say", "A flat in Whitefield, please.", *arguments)
    assert code == 0, report
    (record,) = [r for r in records(server.folder) if r["call_sid"] == report["call_sid"]]
    return report, record


def nothing_left(fake: Fake) -> None:
    """The server's requests end with the call."""
    deadline = time.monotonic() + 5
    while fake.state()["in_flight"] and time.monotonic() < deadline:
        pass
    assert fake.state()["in_flight"] == 0


def test_the_first_sound_leaves_before_the_reply_has_ended(fake: Fake, server: Server) -> None:
    fake.forget()
    fake.plan(
        transcriptions={"transcripts": ["a flat in Whitefield"]},
        chat={"replies": [REPLY], "first_ms": 100, "gap_ms": 150},
    )

    _, record = place(server)

    (turn,) = record["turns"]
    assert turn["first_audio_ms"] < 2000  # the whole reply takes the model over six seconds
    nothing_left(fake)


STALL = {"kind": "stall", "after": -1, "times": 0}


@pytest.mark.parametrize(
    ("route", "fault"),
    [("chat", STALL), ("transcriptions", STALL), ("speech", {"kind": "status", "status": 500, "times": 0})],
)
def test_a_provider_that_fails_or_stalls_is_spoken_about(fake: Fake, server: Server, route: str, fault: dict) -> None:
    fake.forget()
    fake.plan(
        transcriptions={"transcripts": ["a flat in Whitefield"]},
        chat={"replies": ["Lovely."]},
        faults=[{"route": route, **fault}],
    )

    report, record = place(server)

    assert any(entry["text"].endswith(TROUBLE.text) for entry in record["entries"])
    assert any("little trouble" in (entry["text"] or "") for entry in report["conversation"])
    assert max(turn["latency_ms"] for turn in report["turns"]) < 5000
    nothing_left(fake)
