"""A real disk without room under real calls: it is told, the calls go on, and nothing is missing once there is room.

Twice: on a small file system in memory, in a namespace of the server's own, which needs no root where the system lets
users have one; and with the system's limit on the size of files, which every system has.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import httpx2
import pytest
import trio

from agent.rehearsal.log import CALLER_HUNG_UP, CallLog
from nurseries.replay.play import play
from tests.calls.server import Server
from tests.calls.witness import SETTINGS, lost, place, plan_of

CALLS = 2
BOUND_S = 30
SMALL = ("unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=4m tmpfs data && exec "$@"', "sh")


class Limit:
    """No file may grow."""

    before: tuple[str, ...] = ()

    def data(self, server: Server) -> Path:
        return server.folder / "data"

    def fill(self, server: Server) -> None:
        self._set(server, 0)

    def empty(self, server: Server) -> None:
        self._set(server, resource.RLIM_INFINITY)

    def _set(self, server: Server, soft: int) -> None:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))


class Small:
    """A file system of four megabytes."""

    before = SMALL

    def data(self, server: Server) -> Path:
        return Path(f"/proc/{server.process.pid}/root{server.folder}/data")

    def fill(self, server: Server) -> None:
        file = os.open(self.data(server) / "filler", os.O_WRONLY | os.O_CREAT)
        with suppress(OSError):
            while os.write(file, bytes(4096)):
                pass
        os.close(file)

    def empty(self, server: Server) -> None:
        (self.data(server) / "filler").unlink()


@pytest.fixture(params=[Limit, Small])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Limit | Small:
    (tmp_path / "data").mkdir()
    if request.param is Small:
        tried = subprocess.run([*SMALL, "true"], cwd=tmp_path, capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"NO NAMESPACES FOR USERS HERE, only the limit is tested: {tried.stderr.strip()}")
    return request.param()


def ready(server: Server) -> tuple[int, str]:
    answer = httpx2.get(server.url + "/health/ready", trust_env=False)
    return answer.status_code, answer.json()["status"]


def tried(folder: Path) -> int:
    """When the journal was last written, or what was half written of it was taken back."""
    return max(path.stat().st_ctime_ns for path in (folder, *folder.iterdir()))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_is_told_and_the_calls_go_on(tmp_path: Path, disk: Limit | Small) -> None:
    server = Server(tmp_path, before=disk.before, **SETTINGS, RECORD_SESSIONS="always")
    assert ready(server) == (200, "ready")

    def trouble() -> None:
        disk.fill(server)
        until(lambda: ready(server) == (503, "journal cannot be written"))
        form = {"CallSid": "CA1", "AccountSid": "AC1", "From": "+911111111", "To": "+912222222"}
        assert httpx2.post(server.url + "/twilio/voice", data=form, trust_env=False).status_code == 503
        for _ in range(2):
            before = tried(disk.data(server) / "journal")
            until(lambda before=before: tried(disk.data(server) / "journal") > before)
            assert ready(server)[0] == 503
        disk.empty(server)
        until(lambda: ready(server) == (200, "ready"))

    async def in_the_middle() -> None:
        await trio.sleep(4)
        await trio.to_thread.run_sync(trouble)

    async def calls() -> list[CallLog]:
        return await place(server.url, await plan_of(2), CALLS, 0.5, in_the_middle)

    try:
        logs = trio.run(calls)
        until(lambda: not list((disk.data(server) / "journal").iterdir()))
        records, sound = _read(disk.data(server))
        played = [play(path) for path in sorted((disk.data(server) / "sessions").iterdir())]
        metrics = httpx2.get(server.url + "/metrics", trust_env=False).text
    finally:
        server.kill()

    told = [line for line in server.lines if "sessions not recorded" in line]
    most = CALLS if isinstance(disk, Small) else 1  # the last page of a file has room where the disk has none
    assert 1 <= len(told) <= most, told
    assert f"calling_agent_sessions_lost_total {CALLS}.0" in metrics
    assert [(each.difference, each.breaks_off) for each in played] == [(None, True)] * CALLS
    told = [line for line in server.lines if "the journal cannot be written" in line]
    assert len(told) == 1, told
    assert "No space left" in told[0] or "File too large" in told[0]
    assert not any("Traceback" in line for line in server.lines)
    assert sound == "ok"
    assert Counter(record["call_sid"] for record in records) == Counter(log.call_sid for log in logs)
    for log in logs:
        assert (log.ended, log.violations, log.failures) == (CALLER_HUNG_UP, [], [])
        (record,) = [each for each in records if each["call_sid"] == log.call_sid]
        assert lost(log, record, durable_ms=0) == ""


def _read(data: Path) -> tuple[list[dict], str]:
    """The records, and what SQLite says of its file."""
    with (
        tempfile.TemporaryDirectory() as copy,
        closing(sqlite3.connect(Path(shutil.copytree(data, copy, dirs_exist_ok=True), "calls.db"))) as db,
    ):
        rows = db.execute("SELECT record FROM calls").fetchall()
        (sound,) = db.execute("PRAGMA integrity_check").fetchone()
    return [json.loads(text) for (text,) in rows], sound


def test_a_journal_that_cannot_be_written_at_the_start_is_told_and_no_call_is_taken(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal").write_text("in the way")
    server = Server(tmp_path, **SETTINGS)
    try:
        assert ready(server) == (503, "journal cannot be written")
        assert any("the journal cannot be written" in line and "File exists" in line for line in server.lines)
        (tmp_path / "data" / "journal").unlink()
        until(lambda: ready(server) == (200, "ready"))
    finally:
        server.kill()


def test_a_journal_that_is_damaged_is_told_and_kept(tmp_path: Path) -> None:
    (tmp_path / "data" / "journal").mkdir(parents=True)
    (tmp_path / "data" / "journal" / "1-a.journal").write_bytes(b"00000000 {spoilt}\n\0\0\0\0\n")
    server = Server(tmp_path, **SETTINGS)
    try:
        until(lambda: any("a journal is damaged" in line for line in server.lines))
        told = httpx2.get(server.url + "/health/ready", trust_env=False).json()
    finally:
        server.kill()

    assert told == {"status": "ready", "journal": "an earlier one was damaged"}
    assert [path.name for path in (tmp_path / "data" / "journal").iterdir()] == ["1-a.damaged"]
