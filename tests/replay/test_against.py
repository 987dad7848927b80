"""Recorded calls with other settings, or by other code: exactly what depends on it changes, and is told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.hear import turns
from agent.providers.scripted import Script
from agent.rehearsal.plan import Line
from agent.replay import file
from agent.replay.comparison import Compared
from agent.replay.decisions import Decision, decisions
from nurseries.main import run
from nurseries.replay.against import compare
from tests.calls.stage import Stage, configured, tone
from tests.replay.taken_stage import taken

TALK = Script(
    heard=("I want to buy", "a flat", "in Whitefield"),
    replies=("A flat, lovely. In which area do you want to live?", "We have several homes in Whitefield.", "Fine."),
)
PLAIN = (tone(1500), tone(1200))
HALTING = (tone(900, at_ms=4000), tone(900, at_ms=5450), tone(1200, at_ms=16_000))
"""Half a second and more of silence between two words."""
COUGHS = (tone(1500, at_ms=4000), tone(110, at_ms=8500), tone(1200, at_ms=14_000))
"""Long enough to be an onset, too short for one that takes half as much speech again."""


def call(*lines: Line, **changes: object) -> Any:
    stage = Stage(replace(TALK), configured(FILLER_S=5, SILENCE_S=30, **changes))
    ((header, events),) = taken(stage, partial(stage.place, *lines, patience_ms=20_000))
    return header, events


def changed(recorded: Any, **changes: object) -> Compared:
    return compare(*recorded, changes)[0]


def kinds(found: Compared) -> set[str]:
    return {change.kind for change in found.changes}


def test_longer_silence_before_an_answer_is_told_as_time_where_nobody_pauses() -> None:
    recorded = call(*PLAIN)
    silence = recorded[0].settings["END_SILENCE_MS"]
    found = changed(recorded, END_SILENCE_MS=silence + 200, END_SILENCE_LONG_MS=silence + 1200)

    assert not found.changes
    (first, *_) = found.latencies
    assert first[1] - first[0] == pytest.approx(0.2, abs=0.04)


def test_a_caller_who_halts_is_one_turn_or_two() -> None:
    recorded = call(*HALTING, END_SILENCE_MS=300, END_SILENCE_LONG_MS=320)
    assert not changed(recorded).changes
    found = changed(recorded, END_SILENCE_MS=700, END_SILENCE_LONG_MS=1400)

    turns_ = [change for change in found.changes if change.kind == "turn"]
    assert [(c.before is None, c.after is None) for c in turns_] == [(False, False), (False, True)]
    assert turns_[0].after is not None
    assert turns_[0].after.what == "I want to buy a flat"
    assert all(3.5 < change.at_s < 9.5 for change in found.changes), "what was said later is as it was"


def test_a_one_line_change_of_the_turn_logic_changes_what_depends_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, coughs = call(*PLAIN), call(*COUGHS)
    assert "held" in {each.kind for each in decided(coughs)}
    monkeypatch.setattr(turns, "WINDOW_MS", turns.WINDOW_MS / 1.5)  # an onset takes half as much speech again

    assert not changed(plain).changes
    found = changed(coughs)
    assert kinds(found) == {"held", "clear", "turn", "barge-in", "speaks"}
    assert all(change.after is None and 8.5 < change.at_s < 10 for change in found.changes), "the cough, nothing else"


def decided(recorded: Any) -> list[Decision]:
    return decisions(*recorded)


def kept(folder: Path, recorded: Any, name: str) -> Path:
    path = folder / f"{name}{file.SUFFIX}"
    file.append(path, [recorded[0], *recorded[1]])
    return path


def test_the_command_tells_which_calls_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    silences = {"END_SILENCE_MS": 300, "END_SILENCE_LONG_MS": 320}
    kept(tmp_path, call(*PLAIN, **silences), "plain")
    halting = call(*HALTING, **silences)
    kept(tmp_path, halting, "halting")

    assert run(["replay", "--against", str(tmp_path)]) == 0
    assert "with the installed version: 0 of 2 calls change" in capsys.readouterr().out
    setting = ["--set", "END_SILENCE_MS=700", "--set", "END_SILENCE_LONG_MS=1400"]
    assert run(["replay", "--against", *setting, str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert "with END_SILENCE_MS=700 END_SILENCE_LONG_MS=1400: 1 of 2 calls change" in told
    assert f"{halting[0].info['call_sid']}-1 at " in told
    assert "made up" in told


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("END_SILENCE=900", "no such setting"),
        ("END_SILENCE_MS", "write NAME=VALUE"),
        ("END_SILENCE_MS=soon", "--set END_SILENCE_MS=soon: "),
        ("OPENAI_API_KEY=sk-1", "no call that is played again depends on it"),
        ("PORT=1", "no call that is played again depends on it"),
    ],
)
def test_what_cannot_be_set_is_told(given: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / f"x{file.SUFFIX}").write_bytes(b"no recording")
    assert run(["replay", "--set", given, str(tmp_path)]) == 2
    assert says in capsys.readouterr().err
    assert run(["replay", "--against", str(tmp_path)]) == 2
    assert "no recording of a call" in capsys.readouterr().err
