"""A line for a call, in virtual time."""

import time

import pytest
import trio
from trio.lowlevel import ParkingLot

from agent.web.state import ProcessState
from nurseries.legs.admission import OLD_STREAM_S, admit


class Socket:
    closed = None

    async def close(self, code=1000, reason=""):
        await trio.lowlevel.checkpoint()
        self.closed = code, reason


@pytest.fixture
def socket():
    return Socket()


async def test_a_promised_call_gets_in_however_many_there_are(socket):
    state = ProcessState(calls=2, most=3, promised={"CA1": time.time()})

    assert await admit("CA1", socket, state, ParkingLot())
    assert state.promised == {}
    assert socket.closed is None


async def test_one_that_another_process_announced_gets_in_where_there_is_a_line(socket):
    assert await admit("CA1", socket, ProcessState(calls=2, most=3), ParkingLot())


async def test_and_else_is_turned_away(socket):
    state = ProcessState(calls=2, most=3, promised={"CA2": time.time()})

    assert not await admit("CA1", socket, state, ParkingLot())
    assert socket.closed == (1013, "all lines are busy")
    assert "CA1" in state.turned_away


async def test_a_second_stream_of_a_call_that_goes_on_is_refused(socket, autojump_clock):
    state = ProcessState(calls=1, held={"CA1"})

    assert not await admit("CA1", socket, state, ParkingLot())
    assert trio.current_time() == pytest.approx(OLD_STREAM_S)
    assert socket.closed == (1008, "this call has its stream already")
    assert "CA1" not in state.turned_away


async def test_a_redirected_call_may_bring_its_second_stream_a_moment_before_the_first_ends(autojump_clock):
    state, changed = ProcessState(calls=1, held={"CA1"}), ParkingLot()
    sockets, admitted = [Socket(), Socket()], []

    async def enter(socket):
        if await admit("CA1", socket, state, changed):
            state.held.add("CA1")
            admitted.append(socket)

    async with trio.open_nursery() as nursery:
        for socket in sockets:
            nursery.start_soon(enter, socket)
        await trio.sleep(OLD_STREAM_S / 2)
        state.held.discard("CA1")
        changed.unpark_all()

    assert len(admitted) == 1, "of two that wait, one has the line"
    assert [socket.closed is None for socket in sockets].count(True) == 1


async def test_a_peer_that_does_not_take_its_refusal_holds_nobody(autojump_clock):
    class Deaf(Socket):
        async def close(self, code=1000, reason=""):
            await trio.sleep_forever()

    assert not await admit("CA1", Deaf(), ProcessState(calls=3, most=3), ParkingLot())
    assert trio.current_time() <= 1
