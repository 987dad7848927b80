"""The media socket over a memory stream, with a well-behaved peer and with ones that are not."""

from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import trio
import trio.testing
import trio_websocket

from agent.providers.websocket import MAX_MESSAGE, WebSocket
from tests.fakes.street import Visitor


@asynccontextmanager
async def connected():
    """A socket of ours, its peer, and the raw streams below both."""
    near, far = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        pair = SimpleNamespace(near=near, far=far)

        async def accept():
            request = await trio_websocket.wrap_server_stream(nursery, far, 32, MAX_MESSAGE)
            pair.ours = WebSocket(await request.accept(), far)

        nursery.start_soon(accept)
        pair.peer = await trio_websocket.wrap_client_stream(nursery, near, "house", "/")
        await trio.testing.wait_all_tasks_blocked()
        yield pair
        nursery.cancel_scope.cancel()


async def test_messages_go_both_ways():
    async with connected() as pair:
        await pair.peer.send_message("to us")
        await pair.ours.send("to them")

        assert await pair.ours.receive() == "to us"
        assert await pair.peer.get_message() == "to them"


async def test_a_binary_message_is_handed_on_as_bytes():
    async with connected() as pair:
        await pair.peer.send_message(b"\x00\xff")

        assert await pair.ours.receive() == b"\x00\xff"


async def test_messages_before_a_goodbye_are_read_and_then_nothing_for_ever():
    async with connected() as pair:
        await pair.peer.send_message("last words")
        await pair.peer.aclose()

        assert [await pair.ours.receive() for _ in range(3)] == ["last words", None, None]
        with pytest.raises(ConnectionError):
            await pair.ours.send("too late")


async def test_a_cancelled_receive_loses_nothing(autojump_clock):
    async with connected() as pair:
        with trio.move_on_after(1):
            await pair.ours.receive()
        await pair.peer.send_message("hello")

        assert await pair.ours.receive() == "hello"


async def test_a_connection_cut_off_is_an_end():
    async with connected() as pair:
        await trio.aclose_forcefully(pair.near)

        assert await pair.ours.receive() is None
        with pytest.raises(ConnectionError):
            await pair.ours.send("anyone?")


async def test_closing_tells_the_peer_why():
    async with connected() as pair:
        await pair.ours.close(1008, "who are you?")

        with pytest.raises(trio_websocket.ConnectionClosed):
            await pair.peer.get_message()
        assert (pair.peer.closed.code, pair.peer.closed.reason) == (1008, "who are you?")
        assert await pair.ours.receive() is None
        with pytest.raises(ConnectionError):
            await pair.ours.send("too late")


async def test_closing_twice_or_after_the_peer_is_harmless():
    async with connected() as pair:
        await pair.peer.aclose()
        await pair.ours.close()
        await pair.ours.close()
        await pair.ours.abort()


@pytest.mark.parametrize("way", ["close", "abort"])
async def test_closing_wakes_who_receives(way):
    async with connected() as pair, trio.open_nursery() as nursery:
        got = []

        async def receive():
            got.append(await pair.ours.receive())

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        await getattr(pair.ours, way)()
        await trio.testing.wait_all_tasks_blocked()

        assert got == [None]


@asynccontextmanager
async def silent_peer(near, far):
    """A socket of ours whose peer says and reads nothing after the upgrade."""
    async with trio.open_nursery() as nursery, near:
        nursery.start_soon(Visitor(near).raw_upgrade)
        request = await trio_websocket.wrap_server_stream(nursery, far, 32, MAX_MESSAGE)
        yield WebSocket(await request.accept(), far)
        nursery.cancel_scope.cancel()


async def test_waiting_for_a_silent_peers_goodbye_can_be_cancelled_and_the_transport_is_gone(autojump_clock):
    near, far = trio.testing.memory_stream_pair()
    async with silent_peer(near, far) as ours:
        with trio.move_on_after(1) as patience:
            await ours.close()

        assert patience.cancelled_caught
        with pytest.raises(trio.ClosedResourceError):
            await far.send_all(b"x")


async def test_aborting_frees_a_sender_whose_peer_does_not_read():
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    near = await trio.open_tcp_stream(*listener.socket.getsockname())
    with trio.fail_after(10):
        async with listener, silent_peer(near, await listener.accept()) as ours, trio.open_nursery() as nursery:
            freed = trio.Event()

            async def send():
                try:
                    while True:
                        await ours.send("x" * 60_000)
                except ConnectionError:
                    freed.set()

            nursery.start_soon(send)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert not freed.is_set()
            await ours.abort()
            await freed.wait()
