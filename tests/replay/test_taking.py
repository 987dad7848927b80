"""A disk that fails costs no call anything: what is recorded is given up, and nothing of it stays in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from agent.keep.record import CallRecord
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

    async def write(self, path: Path, lines: list[Any]) -> None:
        if path.name.startswith("bad"):
            if self.error is None:
                await trio.sleep_forever()
            raise self.error
        self.written += [path.name] * len(lines)


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
