"""A real server records calls, and the command plays them again: as a user does it."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import trio

from agent.config import Settings
from agent.replay import file
from agent.replay.given import settings_of
from tests.calls.server import Server
from tests.calls.witness import SETTINGS, place, plan_of


def replay(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("calling-agent")), "replay", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three calls at once, one of a caller who breaks in."""
    folder = tmp_path_factory.mktemp("sessions")
    server = Server(folder, **SETTINGS | {"RECORD_SESSIONS": "always", "GREETING": "Hello, who is there? " * 3})

    async def calls() -> None:
        plan = replace(await plan_of(2), barge_in_at_ms=700)
        await place(server.url, plan, 3, 0.3, trio.lowlevel.checkpoint)

    try:
        trio.run(calls)
        server.leave(signal.SIGTERM)
    finally:
        server.kill()
    return folder / "data" / "sessions"


def test_calls_of_a_real_server_are_played_to_the_byte(sessions: Path) -> None:
    paths = sorted(sessions.iterdir())
    assert len(paths) == 3
    told = replay(sessions)

    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.count("all as recorded") == 3
    assert "3 recordings: 3 as recorded, 0 differ" in told.stdout


def test_the_line_of_time_tells_who_spoke_and_what_was_decided(sessions: Path) -> None:
    told = replay("--timeline", next(sessions.iterdir())).stdout

    for words in (
        "agent     speaks",
        "caller    speaks",
        "hear      ",
        "think     ",
        "decision  held",
        "socket    clear",
    ):
        assert words in told


def test_what_differs_is_told(sessions: Path, tmp_path: Path) -> None:
    header, events = file.read(next(sessions.iterdir()))
    header.settings["LEAD_MS"] = 100
    changed = tmp_path / f"changed{file.SUFFIX}"
    file.append(changed, [header, *events])
    told = replay(changed)

    assert told.returncode == 1
    assert "at " in told.stdout
    assert "recorded: " in told.stdout


def test_what_is_no_recording_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "a.session.gz").write_bytes(b"nonsense")
    for given in (tmp_path / "nowhere", tmp_path / "a.session.gz", tmp_path):
        told = replay(given)
        assert told.returncode == 2
        assert str(given) in told.stderr
        assert "Traceback" not in told.stderr


def test_calls_of_a_real_server_are_compared_and_kept(sessions: Path, tmp_path: Path) -> None:
    told = replay("--against", sessions)
    assert (told.returncode, told.stderr) == (0, "")
    assert "with the installed version: 0 of 3 calls change" in told.stdout
    told = replay(min(sessions.iterdir()), "--keep", tmp_path / "real", "--without-audio")
    assert (told.returncode, told.stderr) == (0, "")
    told = replay(tmp_path)
    assert (told.returncode, told.stdout) == (0, "real.session.gz: decides as it should\n")


def test_a_recording_that_this_version_cannot_play_is_told_and_the_others_are_played(
    sessions: Path, tmp_path: Path
) -> None:
    header, events = file.read(min(sessions.iterdir()))
    for name, changed in (
        ("settings", {"settings": header.settings | {"LEAD_MS": "as the other version had it"}}),
        ("manners", {"profile": header.profile | {"greeting": 7}}),
        ("whole", {}),
    ):
        file.append(tmp_path / f"{name}{file.SUFFIX}", [msgspec.structs.replace(header, **changed), *events])
    for told in (replay(tmp_path), replay("--against", tmp_path)):
        assert told.returncode == 1
        assert "LEAD_MS=as the other version had it: " in told.stderr
        assert "manners that this version cannot read: " in told.stderr
        assert "Traceback" not in told.stderr
        assert "1 as recorded" in told.stdout or "0 of 1 call changes" in told.stdout


def test_where_it_is_played_says_nothing_about_how_it_went(
    sessions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("LEAD_MS=333\nSILENCE_S=nonsense\n")
    monkeypatch.setenv("BARGE_IN_MS", "999")

    assert settings_of({"LEAD_MS": 200}).LEAD_MS == 200
    assert settings_of({}) == settings_of({"BARGE_IN_MS": Settings.model_fields["BARGE_IN_MS"].default})
    told = replay(sessions)
    assert (told.returncode, told.stderr) == (0, "")
