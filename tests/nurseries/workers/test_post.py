"""What a worker has of its parent, in virtual time: connections, the word to leave, what its siblings have counted."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import pytest
import trio
import trio.testing

from agent.metrics import Reading
from agent.web.state import ProcessState
from agent.workers import words
from agent.workers.board import Board, Stance, size
from nurseries.workers.hatch import close
from nurseries.workers.post import BEAT_S, CLOSE_S, GATHER_S, Post
from nurseries.workers.stages import Stages
from tests.fakes.hatches import ends

WORKERS = 3


class Shared:
    def __init__(self) -> None:
        self.board = Board(memoryview(bytearray(size(WORKERS))), WORKERS)

    def alone(self):
        return nullcontext()


class House:
    """A worker's post, and its parent's side."""

    def __init__(self) -> None:
        self.parent, hatch = ends()
        self.shared = Shared()
        charter = words.Charter(1, 1, WORKERS, WORKERS, 3000, "seed", 0)
        self.post = Post(hatch, charter, self.shared)
        self.state = ProcessState(ready=True)
        self.post.join(self.state, lambda: [Reading("calls_now", "Now.", 4)])

    async def heard(self) -> list[words.Word]:
        """What the parent has been told since the last time."""
        await trio.testing.wait_all_tasks_blocked()
        told = []
        while self.parent.inbox:
            word, file = self.parent.inbox.popleft()
            told.append(word)
            close(file)
        return told

    def pass_on(self, file: int) -> None:
        self.parent.put(words.Take(), file)
        close(file)


@asynccontextmanager
async def open_house() -> AsyncIterator[House]:
    house = House()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.post.run)
        await trio.testing.wait_all_tasks_blocked()
        yield house
        nursery.cancel_scope.cancel()


def connection() -> tuple[socket.socket, int]:
    """A client, and the number of the file at the server's side."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return ours, theirs.detach()


async def test_a_connection_that_is_handed_on_is_one_like_any_other(autojump_clock):
    async with open_house() as house:
        client, file = connection()
        with client:
            house.pass_on(file)
            async with await house.post.listener.accept() as stream:
                await stream.send_all(b"hello")
                assert client.recv(10) == b"hello"
            assert client.recv(10) == b""


async def test_who_closes_its_door_hands_back_what_nobody_has_taken_and_what_was_on_its_way(autojump_clock):
    async with open_house() as house, trio.open_nursery() as nursery:
        clients = [connection() for _ in range(3)]
        for _, file in clients[:2]:
            house.pass_on(file)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(house.post.listener.aclose)
        assert await house.heard() == [words.Closing()]
        assert not house.shared.board.row(1).stance & Stance.OPEN

        house.pass_on(clients[2][1])
        assert await house.heard() == [words.Back()]
        house.parent.put(words.Closed())
        assert await house.heard() == [words.Back(), words.Back()]
        with pytest.raises(trio.ClosedResourceError):
            await house.post.listener.accept()
        for client, _ in clients:
            with client:
                assert client.recv(10) == b"", "no copy of it is open here"


async def test_a_parent_that_does_not_answer_holds_no_door_open(autojump_clock):
    async with open_house() as house:
        began = trio.current_time()
        await house.post.listener.aclose()
        await house.post.listener.aclose()
        assert trio.current_time() - began == CLOSE_S


async def test_how_it_stands_is_told_in_time(autojump_clock):
    async with open_house() as house:
        row, state = house.shared.board.row(1), house.state
        state.streams, state.taken = 3, 5
        await trio.sleep(2 * BEAT_S)
        assert (row.stance, row.streams, row.taken) == (Stance.OPEN | Stance.ACCEPTING, 3, 5)

        state.draining = True
        await trio.sleep(2 * BEAT_S)
        assert row.stance == Stance.OPEN | Stance.LEAVING
        assert not house.post.elsewhere.is_set(), "nobody else is there"
        house.shared.board.row(0).tell(Stance.OPEN | Stance.ACCEPTING, 0, 0, 0)
        await trio.sleep(2 * BEAT_S)
        assert house.post.elsewhere.is_set()


async def test_what_others_have_counted_comes_in_time_or_not_at_all(autojump_clock):
    async with open_house() as house, trio.open_nursery() as nursery:

        async def parent() -> None:
            word, _ = await house.parent.hear()
            assert isinstance(word, words.Ask)
            house.parent.put(words.Asked(word.n, 2, "1"))
            await trio.sleep(GATHER_S / 2)
            file = os.memfd_create("counted")
            os.pwrite(file, b"calls 7\n", 0)
            house.parent.put(words.Told(word.n, "0"), file)
            if whole:
                house.parent.put(words.Told(word.n, "2"), os.memfd_create("counted"))

        whole = True
        nursery.start_soon(parent)
        assert await house.post.others() == ("1", {"0": "calls 7\n", "2": ""})
        began, whole = trio.current_time(), False
        assert began <= GATHER_S / 2
        nursery.start_soon(parent)
        assert await house.post.others() == ("1", {"0": "calls 7\n"})
        assert trio.current_time() - began == GATHER_S


async def test_it_tells_what_it_has_counted(autojump_clock):
    async with open_house() as house:
        house.parent.put(words.Ask(9))
        word, file = await house.parent.hear()
        assert word == words.Told(9)
        assert b"calling_agent_calls_now 4.0\n" in os.pread(file, 1000, 0)
        os.close(file)


async def test_what_it_has_counted_is_its_own_also_where_another_one_has_its_slot(autojump_clock):
    async with open_house() as house:
        assert house.post.name == "1"
        house.parent.put(words.Leave(1, replaced=True))
        await trio.testing.wait_all_tasks_blocked()
        assert house.post.name == f"replaced-{os.getpid()}"
        await house.post.listener.aclose()


async def test_it_leaves_where_its_parent_is_gone(autojump_clock):
    async with open_house() as house:
        house.parent.close()
        assert await anext(house.post.stages) == signal.SIGTERM
        await house.post.listener.aclose()


async def test_two_words_to_leave_of_one_supervisor_are_one(autojump_clock):
    """It signals every process, and the parent passes the signal on."""
    stages, given = Stages(), []
    send, receive = trio.open_memory_channel[int](10)

    async def take() -> None:
        while True:
            given.append(await anext(stages))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stages.follow, receive)
        nursery.start_soon(take)
        for told, count in [("parent", 1), ("signal", 1), ("signal", 2), ("parent", 2), ("parent", 3), ("signal", 3)]:
            if told == "parent":
                stages.reach(count)
            else:
                send.send_nowait(signal.SIGTERM)
            await trio.testing.wait_all_tasks_blocked()
            assert len(given) == count
        nursery.cancel_scope.cancel()
