"""A recording becomes a regression test with one command: small, without numbers, and it fails where a call decides
otherwise."""

from __future__ import annotations

import base64
import gzip
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.replay import file
from agent.replay.decisions import decisions
from agent.replay.events import VERSION, Asked, Blob, Event, Fed, Header, Pass, Value
from agent.replay.smaller import Smaller
from nurseries.main import run
from nurseries.replay import kept
from nurseries.replay.freely import freely
from nurseries.talk import floor
from tests.calls.stage import Stage, configured
from tests.calls.test_hand_off import BOLD, BREAKS_IN, LONG
from tests.replay.taken_stage import taken


@pytest.mark.parametrize("audio", [True, False])
def test_the_carrier_s_messages_are_kept_without_its_particulars_and_its_sound_if_asked(audio: bool) -> None:
    sound, silence = base64.b64encode(b"\x10" * 160).decode(), base64.b64encode(b"\xff" * 160).decode()
    start = {"event": "start", "start": {"accountSid": "AC1", "customParameters": {"token": "x"}}}
    media = {"event": "media", "media": {"payload": sound, "track": "inbound", "timestamp": "20", "chunk": "1"}}
    events: list[Event] = [Pass(0.0)]
    for ask, message in enumerate((start, media)):
        events += [Asked("receive"), Fed(ask, "done", json.dumps(message))]
    header = Header(VERSION, "1", "1", {}, {}, {}, {}, 8000, [], "", "")

    made = Smaller(header, audio=audio, settings=frozenset()).events(events)
    told = [json.loads(event.value) for event in made if isinstance(event, Fed)]
    left = {"track": "inbound", "timestamp": "20", "payload": sound if audio else silence}
    assert told == [{"event": "start"}, {"event": "media", "media": left}]


@pytest.fixture(scope="module")
def recorded() -> Any:
    stage = Stage(BREAKS_IN, configured(GREETING=f"{LONG} Call 080 4123 4567.", FILLER_S=2, SILENCE_S=20))
    lines, more = BOLD["while the agent speaks"]
    (leg,) = taken(stage, partial(stage.place, *lines, hang_up_at_ms=9_000, **more))
    return leg


@pytest.fixture
def path(recorded: Any, tmp_path: Path) -> Path:
    header, events = recorded
    made = tmp_path / f"x{file.SUFFIX}"
    file.append(made, [header, *events])
    return made


@pytest.mark.parametrize("more", [[], ["--without-audio"]])
def test_what_is_kept_holds_no_numbers_and_decides_the_same(path: Path, recorded: Any, more: list[str]) -> None:
    folder = path.parent / "own"
    folder.mkdir()
    assert run(["replay", str(path), "--keep", str(folder / "mm-hm"), *more]) == 0
    made = folder / f"mm-hm{file.SUFFIX}"
    text = gzip.decompress(made.read_bytes()).decode()

    assert "+919876543210" in gzip.decompress(path.read_bytes()).decode()
    for told in (
        "9876543210",
        "8012345678",
        "4123 4567",
        recorded[0].info["call_sid"],
        recorded[0].info["account_sid"],
    ):
        assert told not in text
    assert "Call 000 0000 0000." in text
    assert decisions(*file.read(made)) == decisions(*recorded)
    assert run(["replay", str(folder)]) == 0


def test_without_audio_it_is_small(path: Path) -> None:
    assert run(["replay", str(path), "--keep", str(path.parent / "small"), "--without-audio"]) == 0
    made = path.parent / f"small{file.SUFFIX}"

    assert made.stat().st_size < path.stat().st_size / 4
    assert all(len(set(event.data)) <= 1 for event in file.read(made)[1] if isinstance(event, Blob))


def test_it_fails_where_a_call_decides_otherwise(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = path.parent / "own"
    folder.mkdir()
    assert run(["replay", str(path), "--keep", str(folder / "mm-hm"), "--without-audio"]) == 0
    monkeypatch.setattr(floor, "judge", lambda *_, **__: "turn")
    capsys.readouterr()

    assert run(["replay", str(folder)]) == 1
    assert "nothing -> turn: mm-hm" in capsys.readouterr().out


def test_it_fails_as_long_as_a_call_does_not_decide_what_is_expected(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", str(path), "--keep", str(path.parent / "mended"), "--without-audio"]) == 0
    made = path.parent / f"mended{file.SUFFIX}"
    expected = kept.expected_of(made)
    expected.write_text(expected.read_text().replace("backchannel\tmm-hm", "turn\tmm-hm"))

    assert run(["replay", str(made)]) == 1
    assert "turn: mm-hm" in capsys.readouterr().out
    expected.write_text("soon\tturn\n")
    assert run(["replay", str(made)]) == 1
    assert "line 1: seconds, a kind and words, by tabs" in capsys.readouterr().out


def test_what_depends_on_what_is_left_out_is_not_kept(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header, events = file.read(path)
    changed = [
        Value("vad", 1.0) if isinstance(event, Value) and event.port == "vad" and n > len(events) // 2 else event
        for n, event in enumerate(events)
    ]
    path.unlink()
    file.append(path, [header, *changed])

    assert run(["replay", str(path), "--keep", str(path.parent / "not")]) == 1
    assert "cannot be kept" in capsys.readouterr().err
    assert not (path.parent / f"not{file.SUFFIX}").exists()


@pytest.mark.parametrize("name", ["no/such/folder/name", "bare"])
def test_where_it_cannot_be_put_is_told(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(path.parent)
    assert run(["replay", str(path), "--keep", name]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_kept_ones_decide_the_same_in_a_free_replay() -> None:
    """So that a change of the code that changes no decision does not make them fail."""
    folder = Path(__file__).parent / "kept"
    for path in folder.glob(f"*{file.SUFFIX}"):
        header, events = file.read(path)
        again = freely(header, events)
        assert not kept.compared(decisions(header, events), decisions(again.header, again.events)).changes
    assert len(list(folder.iterdir())) >= 6
