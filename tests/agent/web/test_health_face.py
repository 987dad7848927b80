"""What supervisors and load balancers see."""

import os

import pytest

from agent.web.state import PROMISE_S


async def ask(face, path):
    response = await face.client.get(path)
    return response.status_code, await response.get_json()


async def test_a_ready_process_says_so(face):
    house = face()
    house.state.calls = 3

    assert await ask(house, "/health") == (200, {"status": "ready", "calls": 3, "promised": 0, "most": 50})
    assert await ask(house, "/health/live") == (200, {"status": "alive", "pid": os.getpid()})
    assert await ask(house, "/health/ready") == (200, {"status": "ready"})


async def test_whoever_was_told_to_connect_and_never_did_is_not_told_for_ever(face):
    house = face()
    house.state.promise("CA1", house.clock[0])

    assert (await ask(house, "/health"))[1]["promised"] == 1
    house.clock[0] += PROMISE_S
    assert (await ask(house, "/health"))[1]["promised"] == 0


async def test_a_provider_that_is_not_asked_is_told_and_calls_are_welcome(face):
    house = face()
    house.state.degraded = lambda: ("llm", "tts")

    status, body = await ask(house, "/health")
    assert (status, body["status"]) == (200, "degraded: llm, tts")
    assert (await ask(house, "/health/ready"))[0] == 200


@pytest.mark.parametrize(("ready", "draining", "word"), [(False, False, "starting"), (True, True, "draining")])
async def test_a_process_that_takes_no_calls_is_alive_but_not_ready(face, ready, draining, word):
    house = face()
    house.state.ready, house.state.draining = ready, draining

    assert await ask(house, "/health/ready") == (503, {"status": word})
    assert (await ask(house, "/health"))[0] == 200
    assert (await ask(house, "/health/live"))[0] == 200


async def test_a_journal_that_cannot_be_written_takes_no_new_calls_until_it_can(face):
    house = face()
    house.state.journal_fault = "cannot write /data/journal/1.journal: No space left on device"

    assert await ask(house, "/health/ready") == (503, {"status": "journal cannot be written"})
    assert (await ask(house, "/health"))[0] == 200

    house.state.journal_fault = ""
    assert await ask(house, "/health/ready") == (200, {"status": "ready"})


async def test_an_earlier_journal_that_was_damaged_is_told_and_keeps_nobody_out(face):
    house = face()
    house.state.journal_doubt = "an earlier one was damaged"

    assert await ask(house, "/health/ready") == (200, {"status": "ready", "journal": "an earlier one was damaged"})
