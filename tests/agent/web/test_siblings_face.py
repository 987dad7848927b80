"""A process that leaves while siblings behind the same port take calls: it answers for them."""

from contextlib import nullcontext

import pytest

from agent.guard.lease import Stand
from agent.workers.board import Board, Stance, size
from agent.workers.lines import SharedLines
from tests.agent.web.test_resuming_face import Ways, after, lease, verbs
from tests.agent.web.test_twilio_face import form, read


@pytest.fixture
def board():
    """The row 0 is the process's, 1 a sibling's that takes calls."""
    made = Board(memoryview(bytearray(size(2))), 2)
    made.row(0).tell(Stance.OPEN | Stance.LEAVING, 1.0, 0, 0)
    made.row(1).tell(Stance.OPEN | Stance.ACCEPTING, 1.0, 0, 0)
    return made


@pytest.fixture
def leaving(face, board, twilio):
    house = face(ways=Ways(lease(twilio, Stand.MOVING)), DRAIN_MODE="hand-off")
    house.state.siblings = SharedLines(board, 0, nullcontext)
    house.state.draining = True
    return house


async def test_the_server_is_ready_and_says_how_many_calls_all_have(leaving, board):
    leaving.state.begin("CA0", 1)
    board.row(1).hold(["CA1"], ["CA2"])

    answer = await leaving.client.get("/health/ready")
    assert (answer.status_code, await answer.get_json()) == (200, {"status": "ready"})
    lines = await (await leaving.client.get("/health")).get_json()
    assert lines == {"status": "ready", "calls": 2, "promised": 1, "most": 50}

    board.leaving = True
    answer = await leaving.client.get("/health/ready")
    assert (answer.status_code, await answer.get_json()) == (503, {"status": "draining"})


async def test_a_new_call_is_connected_and_not_sent_around(leaving, board, twilio):
    assert "Connect" in [verb.tag for verb in await read(await leaving.post("/twilio/voice", form(twilio)))]
    assert leaving.state.siblings.room(twilio.call, 1), "its line is there, wherever its stream comes to"

    board.leaving = True
    other = form(twilio, CallSid="CA" + "9" * 32)
    assert [verb.tag for verb in await read(await leaving.post("/twilio/voice", other))] == ["Pause", "Redirect"]


async def test_a_call_that_was_handed_off_is_led_to_them_at_once(leaving, board, twilio):
    assert verbs(await after(leaving, twilio)) == ["Connect", "Redirect"]
    assert not leaving.state.kept, "its stream comes to a sibling"

    board.leaving = True
    assert verbs(await after(leaving, twilio)) == ["Pause", "Redirect"]
