"""Sockets that are attended to together: each message in its step, each fault where it belongs."""

import os
import socket
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from functools import partial
from types import SimpleNamespace

import pytest
import trio
import trio.testing

from agent.model import Ending
from nurseries.door.media_socket import WebSocket
from nurseries.door.pipe import SocketPipe
from nurseries.door.switchboard import Switchboard
from nurseries.line.reader import read
from tests.nurseries.door.test_media_socket import masked, tcp_pair

WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


@asynccontextmanager
async def exchange(count):
    """So many peers and our ends, behind one switchboard."""
    board = Switchboard()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            pairs = [await tcp_pair() for _ in range(count)]
            nursery.start_soon(board.run)
            ours = [WebSocket(SocketPipe(far, board)) for _, far in pairs]
            yield SimpleNamespace(peers=[near for near, _ in pairs], ours=ours, nursery=nursery, board=board)
            for near, end in zip((near for near, _ in pairs), ours, strict=True):
                await near.aclose()
                await end.abort()
            assert not board._lines
            nursery.cancel_scope.cancel()


async def until(condition):
    while not condition():
        await trio.testing.wait_all_tasks_blocked(0.001)


def listener(end, got, take=lambda _: True):
    """A task that attends, and tells how it ended."""

    async def listen():
        try:
            await end.each(lambda text: got.append(text) is None and take(text))
            got.append(None)
        except ValueError as error:
            got.append(str(error))

    return listen


async def test_all_calls_hear_what_is_said_to_each_in_their_own_context_and_nobody_else_s():
    async with exchange(5) as door:
        heard = []

        async def listen(n):
            WHO.set(f"call {n}")
            await door.ours[n].each(lambda text: heard.append((WHO.get(), text)) is None)

        for n in range(5):
            door.nursery.start_soon(listen, n)
        for n in range(40):
            await door.peers[n % 5].send_all(masked(1, b"%d" % n))
        await until(lambda: len(heard) == 40)

        for n in range(5):
            assert [int(text) for who, text in heard if who == f"call {n}"] == list(range(n, 40, 5))


async def test_a_message_is_handled_without_waking_whoever_waits_for_it():
    async with exchange(1) as door:
        steps, got = [], []

        class Steps(trio.abc.Instrument):
            def before_task_step(self, task):
                steps.append(task.name)

        door.nursery.start_soon(listener(door.ours[0], got), name="listener")
        await trio.testing.wait_all_tasks_blocked()
        trio.lowlevel.add_instrument(watch := Steps())
        for n in range(3):
            await door.peers[0].send_all(masked(1, b"x"))
            await until(lambda n=n: len(got) > n)
        trio.lowlevel.remove_instrument(watch)

        assert "listener" not in steps


async def test_what_the_handling_raises_is_raised_where_it_is_waited_for_and_the_others_hear_on():
    async with exchange(2) as door:
        got = [[], []]

        def take(text):
            raise ValueError(f"no {text}")

        door.nursery.start_soon(listener(door.ours[0], got[0], take))
        door.nursery.start_soon(listener(door.ours[1], got[1]))
        await trio.testing.wait_all_tasks_blocked()
        for peer in door.peers:
            await peer.send_all(masked(1, b"a"))
        await until(lambda: len(got[0]) == 2 and got[1] == ["a"])

        assert got[0] == ["a", "no a"]


async def test_what_it_raises_is_not_lost_where_it_has_cancelled_its_own_task_before():
    async with exchange(1) as door:
        scope = trio.CancelScope()

        def take(_):
            scope.cancel()
            raise ValueError("a fault")

        await door.peers[0].send_all(masked(1, b"a"))
        with pytest.raises(ValueError, match="a fault"), scope:
            await door.ours[0].each(take)


async def test_who_has_enough_gets_the_rest_by_receiving():
    async with exchange(1) as door:
        got = []
        await door.peers[0].send_all(masked(1, b"a") + masked(1, b"b") + masked(1, b"c"))
        await door.ours[0].each(lambda text: got.append(text) is not None)
        assert got == ["a"]
        assert [await door.ours[0].receive() for _ in range(2)] == ["b", "c"]


async def test_cancelled_it_loses_nothing_not_even_by_its_own_hand():
    async with exchange(1) as door:
        got = []
        with trio.CancelScope() as scope:

            def take(text):
                got.append(text)
                scope.cancel()
                return True

            await door.peers[0].send_all(masked(1, b"a"))
            await door.ours[0].each(take)
        assert (scope.cancelled_caught, got) == (True, ["a"])

        with trio.move_on_after(0.01):
            await door.ours[0].each(take)
        await door.peers[0].send_all(masked(1, b"b"))
        assert await door.ours[0].receive() == "b"


async def test_who_comes_back_to_it_in_the_step_in_which_all_is_cancelled_is_cancelled_too():
    board, (near, far) = Switchboard(), await tcp_pair()
    async with near, far:
        with trio.CancelScope() as scope:
            scope.cancel()
            with suppress(trio.Cancelled):
                await board.run()
            await board.attend(far.socket.fileno(), lambda: True)
        assert scope.cancelled_caught


@pytest.mark.parametrize("way", ["receive", "each", "close"])
async def test_a_goodbye_behind_what_cancelled_its_taker_is_answered_by_whoever_comes_next(way):
    async with exchange(1) as door:
        ours = door.ours[0]
        with trio.CancelScope() as scope:
            door.nursery.start_soon(door.peers[0].send_all, masked(1, b"a") + masked(8, b"\x03\xe8"))
            await ours.each(lambda _: scope.cancel() is None)
        match way:
            case "receive":
                assert await ours.receive() is None
            case "each":
                await ours.each(lambda _: True)
            case "close":
                await ours.close()

        assert await door.peers[0].receive_some() == b"\x88\x02\x03\xe8"


@pytest.mark.parametrize("way", ["close", "abort", "the peer", "the network", "a neighbour", "by its own hand"])
async def test_whoever_hangs_up_ends_it_once(way):
    async with exchange(2) as door:
        got, others = [], []

        async def hang_up():
            with trio.move_on_after(0.05):  # nobody answers the goodbye
                await door.ours[0].close()

        def neighbour(_text):
            door.nursery.start_soon(door.ours[0].abort)
            return True

        def own(_text):
            door.nursery.start_soon(door.ours[0].abort)
            return False

        door.nursery.start_soon(listener(door.ours[0], got, own if way == "by its own hand" else lambda _: True))
        door.nursery.start_soon(listener(door.ours[1], others, neighbour if way == "a neighbour" else lambda _: True))
        await trio.testing.wait_all_tasks_blocked()
        match way:
            case "close":
                await hang_up()
            case "abort":
                await door.ours[0].abort()
            case "the peer":
                await door.peers[0].send_all(masked(8, b"\x03\xe8"))
            case "the network":
                linger = b"\x01\0\0\0\0\0\0\0"  # closing is a reset
                door.peers[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                await door.peers[0].aclose()
            case "a neighbour":
                await door.peers[1].send_all(masked(1, b"x"))
            case "by its own hand":
                await door.peers[0].send_all(masked(1, b"x"))
        await until(lambda: None in got)

        assert got == (["x", None] if way == "by its own hand" else [None])
        assert None not in others
        assert await door.ours[0].receive() is None


async def test_pings_are_answered_and_goodbyes_too_between_messages():
    async with exchange(1) as door:
        got = []
        door.nursery.start_soon(listener(door.ours[0], got))
        await door.peers[0].send_all(masked(9, b"1") + masked(1, b"a"))
        await until(lambda: got == ["a"])
        await door.peers[0].send_all(masked(1, b"b") + masked(8, b"\x03\xe8"))
        told = b""
        with suppress(trio.BrokenResourceError):
            while data := await door.peers[0].receive_some():
                told += data

        assert told == b"\x8a\x011" + b"\x88\x02\x03\xe8"
        assert got == ["a", "b", None]


async def test_a_peer_as_fast_as_it_likes_is_cut_off():
    async with exchange(1) as door:
        got = []
        door.nursery.start_soon(listener(door.ours[0], got))
        with suppress(trio.BrokenResourceError):
            while True:
                await door.peers[0].send_all(masked(1, b"x") * 1000)
        await until(lambda: None in got)

        assert 4000 <= len(got) < 10_000


async def test_what_a_peer_says_before_it_resets_is_heard_also_where_a_sender_finds_that_out_first():
    async with exchange(1) as door:
        got = []
        door.nursery.start_soon(listener(door.ours[0], got))
        await trio.testing.wait_all_tasks_blocked()
        await door.ours[0].send("sound")
        with socket.socket(fileno=door.peers[0].socket.detach()) as peer:
            peer.sendall(masked(1, b"stop"))  # and it is closed over what it has not read: a reset
        with pytest.raises(ConnectionError):
            await door.ours[0].send("more sound")

        assert got[0] == "stop"
        await until(lambda: None in got)


async def test_a_process_that_was_held_up_takes_nobody_for_dead_who_has_spoken_meanwhile(mock_clock):
    async with exchange(1) as door:
        digits, endings = [], []
        nobody = dict.fromkeys(("heard", "mark"), lambda _: None)
        listen = partial(read, door.ours[0], lambda _: None, limit_s=2, now_ms=lambda: 0.0, digit=digits.append)
        door.nursery.start_soon(partial(listen, ended=lambda *told: endings.append(told), **nobody))
        await trio.testing.wait_all_tasks_blocked()
        with socket.socket(fileno=os.dup(door.peers[0].socket.fileno())) as peer:
            peer.send(masked(1, b'{"event":"dtmf","dtmf":{"digit":"1"}}'))
        mock_clock.jump(3)  # no step of ours between
        await until(lambda: digits or endings)
        assert (digits, endings) == (["1"], [])

        for seconds in (1.5, 1.5, 1):  # nothing comes any more: looked for as long as it was late
            assert endings == []
            mock_clock.jump(seconds)
            await trio.testing.wait_all_tasks_blocked(0.001)
        assert endings == [(Ending.CONNECTION_LOST, "no message for 2 s")]
