"""Calls to a real server process whose providers are an OpenAI-compatible server: slow, stalled, failing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from agent.speak.clips import TROUBLE
from tests.calls.server import Server, call, records
from tests.fakes.openai_launch import Fake, launch

REPLY = "A flat in Whitefield, lovely. " + "There is a lot that I could tell you about it. " * 4


PRICES = """
[models."gpt-5.4-mini"]
input = 1.0
output = 2.0
[models.gpt-transcribe]
minute = 0.6
[models.gpt-4o-mini-tts]
characters = 10.0
"""


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with launch() as running:
        yield running


@pytest.fixture(scope="module")
def server(fake: Fake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "prices.toml").write_text(PRICES)
    running = Server(
        folder,
        PRICES_FILE=str(folder / "prices.toml"),
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
    deadline = time.monotonic() + 15  # what nobody had understood by the end of the call is tried once more
    found = []
    while not found and time.monotonic() < deadline:
        found = [r for r in records(server.folder) if r["call_sid"] == report["call_sid"]]
    (record,) = found
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


def test_the_record_tells_what_the_call_used_and_cost_its_summary_included(fake: Fake, server: Server) -> None:
    fake.forget()
    fake.plan(
        transcriptions={"transcripts": ["a flat in Whitefield"]},
        chat={"replies": ["Splendid.", '{"summary": "A flat.", "facts": []}']},
    )

    _, record = place(server)
    deadline = time.monotonic() + 15
    while record["summary_by"] != "openai gpt-5.4-mini" and time.monotonic() < deadline:
        (record,) = [r for r in records(server.folder) if r["call_sid"] == record["call_sid"]]

    used = {each["part"]: each for each in record["usage"]}
    assert used.keys() == {"tts", "stt", "llm", "summary"}
    assert [used[part]["requests"] for part in ("stt", "llm", "summary")] == [1, 1, 1]
    tokens = [(used[part]["tokens_in"], used[part]["tokens_out"]) for part in ("llm", "summary")]
    expected = sum(given * 1.0 + made * 2.0 for given, made in tokens) / 1e6
    expected += used["stt"]["seconds"] / 60 * 0.6 + used["tts"]["characters"] * 10 / 1e6
    assert record["cost_usd"] == pytest.approx(expected, abs=1e-6)
    assert record["ended_at"] > record["started_at"]
    assert record["full_text"].startswith("agent: Hello.\ncaller: a flat in Whitefield")


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


def test_a_tool_runs_in_the_call_and_its_result_is_in_the_record_with_a_summary(fake: Fake, server: Server) -> None:
    fake.forget()
    visit = {"name": "schedule_site_visit", "arguments": {"date": "2027-01-03", "time": "11:00", "place": "Whitefield"}}
    summary = {
        "summary": "Wants a flat in Whitefield and will visit on Sunday, 3 January.",
        "facts": [
            {"name": "location", "value": "Whitefield", "quote": "a flat in Whitefield"},
            {"name": "budget", "value": "9 crore rupees", "quote": "nine crores"},
        ],
    }
    fake.plan(
        transcriptions={"transcripts": ["I want to see a flat in Whitefield on Sunday at eleven"]},
        chat={"replies": [{"text": "One moment.", "calls": [visit]}, "It is noted for Sunday.", json.dumps(summary)]},
    )

    report, record = place(server)
    deadline = time.monotonic() + 10
    while record.get("summary_by") == "rules" and time.monotonic() < deadline:
        (record,) = [r for r in records(server.folder) if r["call_sid"] == report["call_sid"]]

    told = [(entry["role"], entry["text"]) for entry in record["entries"]]
    assert ("agent", "One moment. It is noted for Sunday.") in told or told[-1] == ("agent", "It is noted for Sunday.")
    assert [entry["tool"] for entry in record["entries"] if entry["role"] == "tool"] == ["schedule_site_visit"]
    assert record["facts"]["visit"] == "2027-01-03 11:00, Whitefield"
    assert record["summary"] == summary["summary"]
    assert "crore" not in str(record["facts"])  # nobody said so
    assert record["lead"]["score"] == sum(point["points"] for point in record["lead"]["points"]) > 0
    nothing_left(fake)
