"""A real server whose providers are two OpenAI-compatible servers, of which the first one is down."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

from tests.calls.server import Server, call, records
from tests.fakes.openai_launch import launch

FILE = """
[[stt]]
base_url = "{url}"
key = "SECOND_KEY"
model = "whisper-second"
[[llm]]
base_url = "{url}"
key = "SECOND_KEY"
model = "llm-second"
[[tts]]
base_url = "{url}"
key = "SECOND_KEY"
model = "tts-second"
voice = "second"
"""


def test_a_server_that_is_down_is_not_heard_and_the_record_tells_who_served(tmp_path: Path) -> None:
    with launch() as first, launch() as second:
        first.plan(faults=[{"route": "*", "kind": "status", "status": 500, "times": 0}])
        second.plan(
            key="sk-second",
            transcriptions={"transcripts": ["a flat in Whitefield"]},
            chat={"replies": ["Lovely.", '{"summary": "A flat.", "facts": []}']},
        )
        (tmp_path / "fallbacks.toml").write_text(FILE.format(url=second.base_url))
        server = Server(
            tmp_path,
            OPENAI_BASE_URL=first.base_url,
            FALLBACKS_FILE="fallbacks.toml",
            SECOND_KEY="sk-second",
            GREETING="Hello.",
        )
        try:
            code, report = call(server.url, "--say", "A flat in Whitefield, please.")
            assert code == 0, report
            deadline = time.monotonic() + 15
            found: list[dict] = []
            while not (found and found[0]["summary_by"] != "rules") and time.monotonic() < deadline:
                found = [r for r in records(tmp_path) if r["call_sid"] == report["call_sid"]]
            with urllib.request.urlopen(f"{server.url}/health", timeout=10) as answer:  # noqa: S310
                health = json.load(answer)
        finally:
            server.kill()

        (record,) = found
        host = second.base_url.removeprefix("http://").removesuffix("/v1")
        said = [(entry["role"], entry["text"]) for entry in record["entries"]]
        assert said == [("agent", "Hello."), ("caller", "a flat in Whitefield"), ("agent", "Lovely.")]
        stands = {(one["part"], one["name"]) for one in record["stand_ins"]}
        assert stands == {
            ("tts", f"openai tts-second second at {host}"),
            ("stt", f"openai whisper-second at {host}"),
            ("llm", f"openai llm-second at {host}"),
        }
        assert {one["why"] for one in record["stand_ins"]} == {"broken"}
        assert record["summary_by"] == f"openai llm-second at {host}"
        assert {each["model"] for each in record["usage"]} >= {"tts-second", "whisper-second", "llm-second"}
        assert health["status"].startswith("degraded: tts")
        assert "sk-second" not in "\n".join(server.lines)
