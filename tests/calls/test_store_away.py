"""A real mongod stopped, killed and started again under real calls: they go on, and everything is in it afterwards."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from agent.rehearsal.log import CALLER_HUNG_UP, CallLog
from tests.calls.server import Server
from tests.calls.witness import SETTINGS, lost, place, plan_of, stored_at
from tests.fakes.mongod import Mongod

CALLS = 3
DRAINED_S = 30


@pytest.fixture
def mongod() -> Iterator[Mongod]:
    running = Mongod()
    yield running
    running.remove()


def test_no_call_is_disturbed_and_everything_is_there_afterwards(tmp_path: Path, mongod: Mongod) -> None:
    server = Server(tmp_path, **SETTINGS, MONGODB_URI=mongod.uri)

    async def trouble() -> None:
        await trio.sleep(3)
        mongod.stop()
        await trio.sleep(7)  # longer than a write is waited for
        mongod.go_on()
        await trio.sleep(2)
        mongod.kill()
        await trio.sleep(3)
        await trio.to_thread.run_sync(mongod.start)

    async def calls() -> list[CallLog]:
        return await place(server.url, await plan_of(3), CALLS, 1.0, trouble)

    try:
        logs = trio.run(calls)
        deadline = time.monotonic() + DRAINED_S
        while list((tmp_path / "data" / "journal").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert list((tmp_path / "data" / "journal").iterdir()) == []
        kept = stored_at(mongod.uri)
    finally:
        server.kill()

    assert any("the store does not take records" in line for line in server.lines)
    assert any("the store has all records again" in line for line in server.lines)
    assert Counter(record["call_sid"] for record in kept) == Counter(log.call_sid for log in logs)
    records = {record["call_sid"]: record for record in kept}
    for log in logs:
        assert (log.ended, log.violations, log.failures) == (CALLER_HUNG_UP, [], [])
        record = records[log.call_sid]
        assert record["ending"] == "caller hung up"
        assert lost(log, record, durable_ms=0) == ""
        starts = [entry["start_ms"] for entry in record["entries"]]
        assert starts == sorted(starts)
        assert [entry["role"] for entry in record["entries"]] == ["agent", *["caller", "agent"] * 3]
