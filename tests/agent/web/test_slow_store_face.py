"""A store that does not answer holds up nobody but those who ask it."""

import pytest
import trio

from nurseries.keep import reading
from tests.agent.web.test_calls_face import record


async def test_whoever_waits_for_a_store_keeps_nobody_else_waiting(house):
    built, archive = house()
    archive.store.save(record())
    archive.store.open.clear()
    answers = []

    async def ask(path):
        answers.append((await built.client.get(path)).status_code)

    async with trio.open_nursery() as nursery:
        for path in ("/api/calls", "/api/export", f"/api/calls/{record().call_sid}") * reading.THREADS:
            nursery.start_soon(ask, path)
        await trio.testing.wait_all_tasks_blocked()
        try:
            assert (await built.client.get("/health")).status_code == 200
            assert (await built.client.post("/twilio/call-status", form={"CallSid": "CA1"})).status_code == 204
            assert answers == []
        finally:
            archive.store.open.set()

    assert answers == [200] * 3 * reading.THREADS


async def test_it_is_not_waited_for_for_ever(house, monkeypatch):
    monkeypatch.setattr(reading, "READ_S", 0.01)
    built, archive = house()
    archive.store.open.clear()
    try:
        statuses = [(await built.client.get("/api/calls")).status_code for _ in range(2 * reading.THREADS)]
    finally:
        archive.store.open.set()

    assert set(statuses) == {503}


@pytest.mark.parametrize("path", ["/api/calls", "/api/export"])
async def test_it_is_asked_again_when_it_answers(house, monkeypatch, path):
    monkeypatch.setattr(reading, "READ_S", 0.01)
    built, archive = house()
    archive.store.open.clear()
    assert (await built.client.get(path)).status_code == 503
    archive.store.open.set()
    monkeypatch.setattr(reading, "READ_S", 10)

    assert (await built.client.get(path)).status_code == 200


async def test_an_erasure_goes_on_to_its_end_where_nobody_waits_for_it(house):
    built, archive = house()
    archive.store.save(record())
    archive.store.open.clear()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(built.client.delete, "/api/callers/+919876543210")
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel("the client has gone")
        archive.store.open.set()
    await archive.reading.erased()

    assert not archive.store.records
    assert (archive.data / "audit.log").read_text().count("\n") == 2
