"""A disk that fails costs no call anything: what is recorded is given up, and nothing of it stays in memory."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
import trio
from trio.testing import MockClock

from agent.keep.record import CallRecord
from agent.metrics import exposition
from agent.replay import file
from agent.replay.events import VERSION, Asked, Header
from nurseries.replay.pass_clock import Watcher
from nurseries.replay.take import Take
from nurseries.replay.taking import LEAVE_S, LOOK_S, ROUND_S, Taking, Write
from tests.calls.stage import configured

FIELDS = dict[str, Any]


def header(sid: str) -> Header:
    info: FIELDS = {"call_sid": sid}
    none: FIELDS = {}
    return Header(VERSION, "1", "1", info, none, none, none, 8000, [], "", "")


class Disk:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.written: list[str] = []

    async def write(self, sheet: file.Sheet, lines: list[Any]) -> None:
        if sheet.path.name.startswith("bad"):
            if self.error is None:
                await trio.sleep_forever()
            raise self.error
        self.written += [sheet.path.name] * len(lines)


def taking(write: Write) -> Taking:
    return Taking(configured(RECORD_SESSIONS="always"), Watcher(), write=write)


def begun(taken: Taking, sid: str) -> Take:
    take = taken.take()
    taken.begins(take, header(sid))
    take.events.append(Asked("receive"))
    return take


async def test_a_disk_that_does_not_answer_holds_nothing_up(autojump_clock: MockClock) -> None:
    disk = Disk()
    sessions = taking(disk.write)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sessions.run)
        hanging, behind = begun(sessions, "bad"), begun(sessions, "behind")
        await trio.sleep(LOOK_S + ROUND_S + 0.1)
        for take in (hanging, behind):
            take.sent("more")
            assert not take.events

        later = begun(sessions, "later")
        await trio.sleep(LOOK_S)
        assert not later.events
        assert len(disk.written) == 2

        begun(sessions, "bad-again")
        since = trio.current_time()
        nursery.cancel_scope.cancel()
    assert trio.current_time() - since <= LEAVE_S


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), UnicodeEncodeError("utf-8", "", 0, 1, "no")])
async def test_one_that_cannot_be_written_is_given_up_and_the_others_are_not(
    autojump_clock: MockClock, error: Exception
) -> None:
    disk = Disk(error)
    sessions = taking(disk.write)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sessions.run)
        bad, good = begun(sessions, "bad"), begun(sessions, "good")
        await trio.sleep(LOOK_S + 0.1)
        bad.sent("more")
        assert not bad.events

        good.sent("more")
        sessions.ends(bad, cast("CallRecord", None))  # nobody looks at it
        assert not sessions._over
        nursery.cancel_scope.cancel()
    assert disk.written == ["good-1.session.gz"] * 3


async def test_a_disk_that_takes_nothing_is_told_once_and_each_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "sessions"
    folder.parent.mkdir()
    folder.write_text("in the way")
    sessions = Taking(configured(RECORD_SESSIONS="always", DATA_DIR=folder.parent), Watcher())
    before = lost()
    with structlog.testing.capture_logs() as logs:
        for sids in (["CA1"], ["CA2"], ["CA3", "CA4"]):
            for sid in sids:
                begun(sessions, sid)
            await sessions._round()
        assert told(logs) == ["File exists"]
        assert lost() - before == 4

        folder.unlink()
        begun(sessions, "CA5")
        await sessions._round()
        assert [path.name for path in folder.iterdir()] == ["CA5-1.session.gz"]
        folder.rename(folder.with_name("elsewhere"))
        folder.write_text("in the way")
        begun(sessions, "CA6")
        await sessions._round()
    assert told(logs) == ["File exists"] * 2
    assert lost() - before == 5


async def test_what_is_being_written_as_the_process_leaves_and_what_follows_is_one_file(tmp_path: Path) -> None:
    """The disk takes its time for the first piece, and another leg of the name is there."""
    sessions = Taking(configured(RECORD_SESSIONS="always", DATA_DIR=tmp_path), Watcher())
    other = file.path_of(tmp_path / "sessions", "CA1", 1)
    file.append(other, [header("CA1")])
    goes, writes = threading.Event(), trio.Event()
    token = trio.lowlevel.current_trio_token()

    class Slow(file.Sheet):
        def append(self, lines: Iterable[Any]) -> None:
            trio.from_thread.run_sync(writes.set, trio_token=token)
            goes.wait(30)
            super().append(lines)

    async with trio.open_nursery() as nursery:
        take = begun(sessions, "CA1")
        sessions._takes[take] = sheet = Slow(other)
        nursery.start_soon(sessions.run)
        await writes.wait()
        take.events.append(Asked("send"))
        nursery.cancel_scope.cancel()
        goes.set()

    assert sheet.path.name == "CA1-1.2.session.gz"
    assert len(gzip.decompress(sheet.path.read_bytes()).splitlines()) == 3
    assert len(gzip.decompress(other.read_bytes()).splitlines()) == 1


def lost() -> float:
    """How often one was given up, as /metrics tells."""
    (line,) = re.findall(rb"^calling_agent_sessions_lost_total (\S+)", exposition(), re.MULTILINE)
    return float(line)


def told(logs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why nothing is recorded, as often as it is said."""
    return [line["error"] for line in logs if line["event"] == "sessions not recorded"]
