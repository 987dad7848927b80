"""kill -9 of a real server in the middle of real calls: nothing is lost but the last second, and the next one finishes
the records."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import trio

from agent.rehearsal.log import CallLog
from tests.calls.server import Server
from tests.calls.witness import SETTINGS, lost, place, plan_of, stored, words_of

CALLS = 3
FINISHED_S = 30


def journals(folder: Path) -> list[Path]:
    return list((folder / "data" / "journal").iterdir())


def killed_after(server: Server, seconds: float) -> list[CallLog]:
    """Calls that go on when the server is killed, so long after the first has begun."""

    async def kill() -> None:
        await trio.sleep(seconds)
        await trio.to_thread.run_sync(server.kill)

    async def calls() -> list[CallLog]:
        return await place(server.url, await plan_of(), CALLS, 1.0, kill)

    return trio.run(calls)


@pytest.mark.parametrize("seconds", [5.0, 14.0])  # within the greeting; within an answer or a question
def test_nothing_is_lost_but_the_last_second(tmp_path: Path, seconds: float) -> None:
    logs = killed_after(Server(tmp_path, **SETTINGS), seconds)
    assert len(logs) == CALLS
    before = {record["call_sid"]: record for record in stored(tmp_path)}  # a second later than a word, it is there
    assert all(record["ending"] == "" for record in before.values())

    again = Server(tmp_path, **SETTINGS)
    try:
        deadline = time.monotonic() + FINISHED_S
        while journals(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert journals(tmp_path) == []
        assert not any("error" in line for line in again.lines)
        after = {record["call_sid"]: record for record in stored(tmp_path)}
    finally:
        again.kill()

    assert len(stored(tmp_path)) == len(after) == CALLS
    for log in logs:
        assert lost(log, before[log.call_sid]) == ""
        assert lost(log, after[log.call_sid]) == ""
        assert words_of(after[log.call_sid])
        assert after[log.call_sid]["ending"] == "interrupted"
        assert after[log.call_sid]["summary"]
        assert after[log.call_sid]["lead"] is not None


def test_a_process_does_not_take_the_journal_of_one_that_lives(tmp_path: Path) -> None:
    """Two processes on one DATA_DIR, as during a deploy."""
    first = Server(tmp_path, **SETTINGS)
    second: list[Server] = []

    async def said_more_than(words: int) -> int:
        with trio.fail_after(FINISHED_S):
            while True:
                records = await trio.to_thread.run_sync(stored, tmp_path)
                said = sum(len(words_of(record)) for record in records)
                if said > words:
                    return said
                await trio.sleep(0.05)

    async def start_another() -> None:
        said = await said_more_than(0)
        second.append(await trio.to_thread.run_sync(lambda: Server(tmp_path, **SETTINGS)))
        await said_more_than(said + 3)  # the other one is up, and the call has gone on beside it
        assert [record["ending"] for record in await trio.to_thread.run_sync(stored, tmp_path)] == [""]
        await trio.to_thread.run_sync(first.kill)

    async def calls() -> list[CallLog]:
        return await place(first.url, await plan_of(), 1, 0.0, start_another)

    try:
        trio.run(calls)
        assert not any("gone" in line for server in second for line in server.lines)
        assert len(journals(tmp_path)) == 1
    finally:
        for server in [first, *second]:
            server.kill()
