"""What supervisors and load balancers see."""

import os

import pytest


async def ask(face, path):
    response = await face.client.get(path)
    return response.status_code, await response.get_json()


async def test_a_ready_process_says_so(face):
    house = face()
    house.state.calls = 3

    assert await ask(house, "/health") == (200, {"status": "ready", "calls": 3})
    assert await ask(house, "/health/live") == (200, {"status": "alive", "pid": os.getpid()})
    assert await ask(house, "/health/ready") == (200, {"status": "ready"})


@pytest.mark.parametrize(("ready", "draining", "word"), [(False, False, "starting"), (True, True, "draining")])
async def test_a_process_that_takes_no_calls_is_alive_but_not_ready(face, ready, draining, word):
    house = face()
    house.state.ready, house.state.draining = ready, draining

    assert await ask(house, "/health/ready") == (503, {"status": word})
    assert (await ask(house, "/health"))[0] == 200
    assert (await ask(house, "/health/live"))[0] == 200
