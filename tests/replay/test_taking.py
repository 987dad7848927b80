"""A disk that fails costs no call anything: what is recorded is given up, and nothing of it stays in memory."""

from __future__ import annotations

import random
import resource
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from agent.keep.record import CallRecord
from agent.replay import file
from agent.replay.events import VERSION, Asked, Header, Pass
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

    async def write(self, path: Path, lines: list[Any]) -> Path:
        if path.name.startswith("bad"):
            if self.error is None:
                await trio.sleep_forever()
            raise self.error
        self.written += [path.name] * len(lines)
        return path


def taking(write: Write | None) -> Taking:
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


async def test_a_disk_that_is_full_gives_one_up_and_leaves_what_there_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    sessions, told = taking(None), list[FIELDS]()
    monkeypatch.setattr("nurseries.replay.taking.log.warning", lambda what, **more: told.append({"what": what} | more))
    small, large = begun(sessions, "small"), begun(sessions, "large")
    small.events[:0], large.events[:0] = [Pass(0.0)], [Pass(0.0)]
    await sessions._write()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # this thread's signal for it is ignored by Python
    try:
        large.events += [Asked("think", random.Random(n).randbytes(40).hex()) for n in range(400)]
        small.events.append(Asked("think"))
        await sessions._write()
        large.sent("more")
        small.events.append(Asked("think"))
        await sessions._write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert [each["what"] for each in told] == ["session not recorded"]
    assert "large-1" in told[0]["path"]
    assert not large.events
    folder = tmp_path / "sessions"
    assert len(file.read(folder / "small-1.session.gz")[1]) == 4
    assert file.read(folder / "large-1.session.gz")[0] == header("large")
