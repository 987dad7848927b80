"""A real server records calls, and the command plays them again: as a user does it."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from agent.replay import file
from agent.replay.events import Command, Over
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


def test_calls_that_go_on_as_the_server_is_told_to_leave_have_whole_recordings(tmp_path: Path) -> None:
    """Several at once, and longer than they may: each has its end, and what was done to it."""
    server = Server(tmp_path, **SETTINGS | {"RECORD_SESSIONS": "always", "DRAIN_TIMEOUT_S": "2"})

    async def in_the_middle() -> None:
        await trio.sleep(2.5)
        server.process.send_signal(signal.SIGTERM)

    async def calls() -> None:
        await place(server.url, await plan_of(4), 3, 0.3, in_the_middle)

    try:
        trio.run(calls)
        assert server.process.wait(30) == 0
    finally:
        server.kill()
    told = replay(tmp_path / "data" / "sessions")

    assert (told.returncode, told.stderr) == (0, "")
    assert "3 recordings: 3 as recorded, 0 differ" in told.stdout
    assert "breaks off" not in told.stdout
    for path in (tmp_path / "data" / "sessions").iterdir():
        _, events = file.read(path)
        assert isinstance(events[-1], Over)
        assert any(isinstance(event, Command) for event in events)  # it was told


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
    assert told.stderr == ""
    assert told.returncode in {0, 1}  # a machine that was held up may have decided later than one that is not
    assert " of 3 calls change" in told.stdout
    told = replay(min(sessions.iterdir()), "--keep", tmp_path / "real", "--without-audio")
    assert (told.returncode, told.stderr) == (0, "")
    told = replay(tmp_path)
    assert (told.returncode, told.stdout) == (0, "real.session.gz: decides as it should\n")
