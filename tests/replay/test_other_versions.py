"""Recordings that this version does not understand in whole, and calls that crash: what is wrong is said, never by a
traceback. Nothing of this machine has a say in a replay."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.config import Settings
from agent.replay import file
from agent.replay.events import Event, Header, Over
from nurseries.line.outbox import Outbox
from nurseries.replay import command
from nurseries.replay.play import SINCE, play_events
from tests.calls.stage import Stage, configured
from tests.calls.test_hand_off import LINES, STORIES
from tests.replay.taken_stage import taken

Recording = tuple[Header, list[Event]]


@pytest.fixture(scope="module")
def recording() -> Recording:
    return one()


def one() -> Recording:
    stage = Stage(STORIES["notes"], configured())
    (leg,) = taken(stage, partial(stage.place, *LINES))
    return leg


def replay(folder: Path, header: Header, events: list[Event], *more: str) -> int:
    path = folder / f"CA1-1{file.SUFFIX}"
    path.unlink(missing_ok=True)
    file.append(path, [header, *events])
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args([str(path), *more]))


OTHER: dict[str, dict[str, Any]] = {
    "END_SILENCE_MS='soon'": {"settings": {"END_SILENCE_MS": "soon"}},
    "LOG_LEVEL='shout'": {"settings": {"LOG_LEVEL": "shout"}},
    "its profile is not of this version": {"profile": {"greeting": 7}},
    "its call is not of this version": {"info": {"call_sid": None}},
    "its errand is not of this version": {"errand": {"purpose": 7}},
    "the record before it is not of this version": {"before": {"call_sid": 7}},
    "its time is not of this version": {"now": "yesterday"},
    "does not name who does: llm, tts": {"names": {"stt": "x"}},
}


@pytest.mark.parametrize("how", ["", "--against", "--keep"])
@pytest.mark.parametrize("told", OTHER)
def test_what_this_version_does_not_take_is_told_with_the_file(
    told: str, how: str, recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, events = recording
    changed: dict[str, Any] = {
        name: value if name in {"now", "names", "before", "errand"} else getattr(header, name) | value
        for name, value in OTHER[told].items()
    }
    given = [how] if how != "--keep" else [how, str(tmp_path / "kept")]

    assert replay(tmp_path, msgspec.structs.replace(header, **changed), events, *filter(None, given)) == 2
    said = capsys.readouterr()
    assert told in said.err
    assert str(tmp_path) in said.err
    assert not list(tmp_path.glob("kept*"))


def test_a_replay_reads_neither_the_environment_nor_a_file_beside_it(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a recording does not tell is as it is by default; these would make another call of it, or none."""
    header, events = recording
    left_out = {"BARGE_IN_MS", "END_SILENCE_MS", "SILENCE_S"}
    bare = {name: value for name, value in header.settings.items() if name not in left_out}
    assert Settings.model_fields.keys() & left_out == left_out
    monkeypatch.setenv("END_SILENCE_MS", "2000")
    monkeypatch.setenv("BARGE_IN_MS", "nonsense")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "secret")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SILENCE_S=nonsense\n")

    assert play_events(msgspec.structs.replace(header, settings=bare), events).difference is None
    assert replay(tmp_path, msgspec.structs.replace(header, settings=bare), events, "--against") == 0
    assert replay(tmp_path, header, events, "--against", "--set", "LEAD_MS=300") in {0, 1}


def test_a_call_that_crashed_crashes_again_and_one_that_does_not_any_more_differs(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(_outbox: Outbox, _mark: str) -> None:
        raise KeyError("no such mark")

    monkeypatch.setattr(Outbox, "returned", crash)  # beside the conversation, whose crashes the call itself survives
    stage = Stage(STORIES["notes"], configured())
    legs: list[Recording] = []
    with pytest.raises(ExceptionGroup):
        taken(stage, partial(stage.place, *LINES), legs)
    ((header, events),) = legs

    assert replay(tmp_path, header, events) == 0
    said = capsys.readouterr().out
    assert (
        "all as recorded\nthe call crashes: KeyError: 'no such mark', raised in replay/test_other_versions.py" in said
    )
    assert replay(tmp_path, header, events, "--against") == 0

    healthy, of_it = recording
    assert replay(tmp_path, healthy, of_it) == 1
    assert "then it differs" in capsys.readouterr().out
    assert replay(tmp_path, healthy, of_it, "--against") == 1
    assert "crash" in capsys.readouterr().out

    monkeypatch.undo()
    assert replay(tmp_path, header, events) == 1
    said = capsys.readouterr().out
    assert "then it differs" in said
    assert "the call crashes" not in said


def test_a_recording_that_tells_less_of_its_answers_is_compared_by_what_it_tells(recording: Recording) -> None:
    header, events = recording
    *before, over = events
    assert isinstance(over, Over)
    assert {"said_ms", "endpoint_ms"} <= over.record["turns"][0].keys()

    def told(**more: int) -> Over:
        turns = [{k: v for k, v in turn.items() if k not in SINCE} | more for turn in over.record["turns"]]
        return Over(over.record | {"turns": turns})

    assert play_events(header, [*before, told()]).difference is None
    difference = play_events(header, [*before, told(endpoint_ms=7)]).difference
    assert difference is not None
    assert difference.what == "turns of the record"
