"""kill -9 of a real server in the middle of real calls: nothing is lost but the last second, and the next one finishes
the records."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from agent.rehearsal.log import CallLog
from tests.calls.server import Server
from tests.calls.witness import NOBODY_ASKS, lost, place, plan_of, stored, stored_at, words_of

CALLS = 3
FINISHED_S = 30


def journals(folder: Path) -> list[Path]:
    return list((folder / "data" / "journal").iterdir())


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + FINISHED_S
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


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
    logs = killed_after(Server(tmp_path, **NOBODY_ASKS), seconds)
    assert len(logs) == CALLS
    before = {record["call_sid"]: record for record in stored(tmp_path)}  # a second later than a word, it is there
    assert all(record["ending"] == "" for record in before.values())

    again = Server(tmp_path, **NOBODY_ASKS)
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


def test_another_process_finishes_what_a_killed_one_has_left_in_their_store(tmp_path: Path, mongo_uri: str) -> None:
    """And what only the dead one's journal had comes from that, whenever somebody finds it."""
    shared = NOBODY_ASKS | {"MONGODB_URI": mongo_uri}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    servers = [Server(tmp_path / name, **shared) for name in ("one", "two")]
    try:
        logs = killed_after(servers[0], 6.0)
        sids = {log.call_sid for log in logs}

        def ended() -> dict[str, Any]:
            return {
                record["call_sid"]: record
                for record in stored_at(mongo_uri)
                if record["call_sid"] in sids and record["summary"]
            }

        until(lambda: len(ended()) == CALLS)
        for log in logs:
            record = ended()[log.call_sid]
            assert record["ending"] == "interrupted"
            assert [leg["why"] for leg in record["legs"]] == ["process gone"]
            assert lost(log, record, durable_ms=3000) == ""

        servers.append(Server(tmp_path / "one", **shared))
        until(lambda: journals(tmp_path / "one") == [])
        for log in logs:
            assert lost(log, ended()[log.call_sid]) == ""
    finally:
        for server in servers:
            server.kill()


def test_a_process_does_not_take_the_journal_of_one_that_lives(tmp_path: Path) -> None:
    """Two processes on one DATA_DIR, as during a deploy."""
    first = Server(tmp_path, **NOBODY_ASKS)
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
        second.append(await trio.to_thread.run_sync(lambda: Server(tmp_path, **NOBODY_ASKS)))
        await said_more_than(said + 3)  # the other one is up, and the call has gone on beside it
        assert [record["ending"] for record in await trio.to_thread.run_sync(stored, tmp_path)] == [""]
        assert not any("gone" in line for line in second[0].lines)
        assert len(journals(tmp_path)) == 1
        await trio.to_thread.run_sync(first.kill)

    async def calls() -> list[CallLog]:
        return await place(first.url, await plan_of(), 1, 0.0, start_another)

    try:
        trio.run(calls)
    finally:
        for server in [first, *second]:
            server.kill()
