"""A caller who wants a person, against real server processes: passed on, told when nobody is free, by any process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.calls.server import Server, call, records

COLLEAGUE = "+919900112233"
OURS = "+918000000000"
LINES = (
    '[hindi]\nlanguage = "hi-IN"\ngreeting = "नमस्ते।"\nsay_voice = "Polly.Aditi"\ntransfer_to = "sip:desk@example.in"\n'
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("transfer")
    (made / "lines.toml").write_text(LINES, encoding="utf-8")
    return made


def start(folder: Path) -> Server:
    told = {"TRANSFER_TO": COLLEAGUE, "TWILIO_CALLER_ID": OURS, "LINES_FILE": "lines.toml", "GREETING": "Hello."}
    return Server(folder, PROVIDER="scripted", KEY_PAUSE_S="0.2", **told)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    running = start(folder)
    yield running
    running.kill()


def test_a_pressed_key_passes_the_call_on_and_any_process_knows_where_to(server: Server, folder: Path) -> None:
    code, report = call(server.url, "--dtmf", "0", "--transfer", "answered")

    assert code == 0, report
    assert report["transfers"] == [{"to": COLLEAGUE, "status": "completed"}]
    assert report["steps"][-3].startswith(f"Dial {COLLEAGUE} for 25 s, showing {OURS}")
    assert report["steps"][-1] == "Hangup"
    (record,) = [one for one in records(folder) if one["call_sid"] == report["call_sid"]]
    assert (record["ending"], record["transferred_to"]) == ("transferred", COLLEAGUE)

    other = start(folder)
    try:
        asked = httpx2.post(f"{other.url}/twilio/after", data={"CallSid": report["call_sid"], "AccountSid": "AC1"})
        stranger = httpx2.post(f"{other.url}/twilio/after", data={"CallSid": "CA1", "AccountSid": "AC1"})
    finally:
        other.kill()
    assert f"<Number>{COLLEAGUE}</Number>" in asked.text
    assert "<Dial" not in stranger.text


def test_where_nobody_is_free_the_caller_is_told_in_the_language_of_the_line(server: Server) -> None:
    code, report = call(server.url, "--line", "hindi", "--dtmf", "0", "--transfer", "busy")

    assert code == 0, report
    assert report["transfers"] == [{"to": "sip:desk@example.in", "status": "busy"}]
    assert report["steps"][-2].startswith("Say 'माफ़ कीजिए")
    assert report["steps"][-1] == "Hangup"
