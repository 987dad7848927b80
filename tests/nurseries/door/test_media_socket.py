"""The media socket with a well-behaved peer and with ones that are not: ours, and trio-websocket's as the measure."""

import json
import socket
import struct
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import pytest
import trio
import trio.testing
import trio_websocket

from agent.providers import websocket
from agent.wire.upgrade import Opening, Upgrade, accepted
from nurseries.door.media_socket import MAX_MESSAGE, WebSocket
from nurseries.door.pipe import pipe
from tests.fakes.street import Visitor

IN_MEMORY = ["the library", "ours"]
"""For virtual time."""
KINDS = [*IN_MEMORY, "ours on a socket"]


async def tcp_pair():
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        near = await trio.open_tcp_stream(*listener.socket.getsockname())
        return near, await listener.accept()


async def streams(kind):
    return await tcp_pair() if "socket" in kind else trio.testing.memory_stream_pair()


async def accept(kind, nursery, far):
    """Our end, once the peer has asked for it."""
    if kind == "the library":
        request = await trio_websocket.wrap_server_stream(nursery, far, 32, MAX_MESSAGE)
        return websocket.WebSocket(await request.accept(), far)
    line, opening = pipe(far), Opening()
    while (request := opening.feed(bytes(await line.receive()))) is None:
        pass
    assert isinstance(request, Upgrade)
    await line.send(accepted(request))
    return WebSocket(line, request.rest)


@asynccontextmanager
async def connected(kind):
    """A socket of ours, its peer, and the raw stream below the peer."""
    near, far = await streams(kind)
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery, near:
            pair = SimpleNamespace(near=near)

            async def ours():
                pair.ours = await accept(kind, nursery, far)

            nursery.start_soon(ours)
            pair.peer = await trio_websocket.wrap_client_stream(nursery, near, "house", "/")
            await trio.testing.wait_all_tasks_blocked()
            yield pair
            await pair.ours.abort()
            nursery.cancel_scope.cancel()


each_kind = pytest.mark.parametrize("kind", KINDS)
in_memory = pytest.mark.parametrize("kind", IN_MEMORY)


@each_kind
async def test_messages_go_both_ways(kind):
    async with connected(kind) as pair:
        await pair.peer.send_message("to us")
        await pair.ours.send("to them")

        assert await pair.ours.receive() == "to us"
        assert await pair.peer.get_message() == "to them"


@each_kind
async def test_a_binary_message_is_handed_on_as_bytes(kind):
    async with connected(kind) as pair:
        await pair.peer.send_message(b"\x00\xff")

        assert await pair.ours.receive() == b"\x00\xff"


@each_kind
async def test_messages_before_a_goodbye_are_read_and_then_nothing_for_ever(kind):
    async with connected(kind) as pair, trio.open_nursery() as nursery:
        await pair.peer.send_message("last words")
        nursery.start_soon(pair.peer.aclose)
        await trio.testing.wait_all_tasks_blocked()

        assert [await pair.ours.receive() for _ in range(3)] == ["last words", None, None]
        with pytest.raises(ConnectionError):
            await pair.ours.send("too late")


@in_memory
async def test_a_cancelled_receive_loses_nothing(kind, autojump_clock):
    async with connected(kind) as pair:
        with trio.move_on_after(1):
            await pair.ours.receive()
        await pair.peer.send_message("hello")

        assert await pair.ours.receive() == "hello"


@each_kind
async def test_a_connection_cut_off_is_an_end(kind):
    async with connected(kind) as pair:
        await trio.aclose_forcefully(pair.near)

        assert await pair.ours.receive() is None
        with pytest.raises(ConnectionError):
            await pair.ours.send("anyone?")


@each_kind
async def test_closing_tells_the_peer_why(kind):
    async with connected(kind) as pair:
        await pair.ours.close(1008, "who are you?")

        with pytest.raises(trio_websocket.ConnectionClosed):
            await pair.peer.get_message()
        assert (pair.peer.closed.code, pair.peer.closed.reason) == (1008, "who are you?")
        assert await pair.ours.receive() is None
        with pytest.raises(ConnectionError):
            await pair.ours.send("too late")


@each_kind
async def test_closing_twice_or_after_the_peer_is_harmless(kind):
    async with connected(kind) as pair, trio.open_nursery() as nursery:
        nursery.start_soon(pair.peer.aclose)
        await trio.testing.wait_all_tasks_blocked()
        await pair.ours.close()
        await pair.ours.close()
        await pair.ours.abort()


@pytest.mark.parametrize("way", ["close", "abort"])
@each_kind
async def test_closing_wakes_who_receives(kind, way):
    async with connected(kind) as pair, trio.open_nursery() as nursery:
        got = []

        async def receive():
            got.append(await pair.ours.receive())

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        await getattr(pair.ours, way)()
        await trio.testing.wait_all_tasks_blocked()

        assert got == [None]


@asynccontextmanager
async def silent_peer(kind, near, far):
    """A socket of ours whose peer says and reads nothing after the upgrade."""
    async with trio.open_nursery() as nursery, near:
        upgraded = trio.Event()

        async def upgrade():
            assert await Visitor(near).raw_upgrade() == 101
            upgraded.set()

        nursery.start_soon(upgrade)
        ours = await accept(kind, nursery, far)
        await upgraded.wait()
        yield ours
        await ours.abort()
        nursery.cancel_scope.cancel()


@in_memory
async def test_waiting_for_a_silent_peers_goodbye_can_be_cancelled_and_the_transport_is_gone(kind, autojump_clock):
    near, far = trio.testing.memory_stream_pair()
    async with silent_peer(kind, near, far) as ours:
        with trio.move_on_after(1) as patience:
            await ours.close()

        assert patience.cancelled_caught
        with pytest.raises(trio.ClosedResourceError):
            await far.send_all(b"x")


@pytest.mark.parametrize("way", ["close", "abort"])
@pytest.mark.parametrize("kind", ["the library", "ours on a socket"])
async def test_a_sender_whose_peer_does_not_read_is_freed(kind, way):
    near, far = await tcp_pair()
    with trio.fail_after(10):
        async with silent_peer(kind, near, far) as ours, trio.open_nursery() as nursery:
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
            with trio.move_on_after(0.05):
                await getattr(ours, way)()
            await freed.wait()


async def test_a_goodbye_waits_for_the_message_that_is_being_written():
    near, far = trio.testing.lockstep_stream_pair()
    async with silent_peer("ours", near, far) as ours, trio.open_nursery() as nursery:
        nursery.start_soon(ours.send, "x" * 1000)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ours.close)
        await trio.testing.wait_all_tasks_blocked()

        told = b""
        while not told.endswith(b"\x88\x02\x03\xe8"):
            data = await near.receive_some(100)
            assert data, "cut off within a message"
            told += data
        assert told[:-4] == b"\x81\x7e\x03\xe8" + b"x" * 1000
        nursery.cancel_scope.cancel()


async def test_behind_our_goodbye_nothing_is_handed_out():
    near, far = trio.testing.memory_stream_pair()
    async with silent_peer("ours", near, far) as ours, trio.open_nursery() as nursery:
        got = []

        async def hand_out():
            await ours.each(lambda message: got.append(message) or True)
            got.append(None)

        nursery.start_soon(hand_out)
        await near.send_all(masked(1, b"in time"))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ours.close)
        await trio.testing.wait_all_tasks_blocked()
        await near.send_all(masked(1, b"late") + masked(1, b"later"))
        await trio.testing.wait_all_tasks_blocked()

        assert got == ["in time", None]
        nursery.cancel_scope.cancel()


async def test_what_has_come_with_the_request_is_handed_out_first(autojump_clock):
    near, far = trio.testing.memory_stream_pair()
    ours, got = WebSocket(pipe(far), masked(1, b"first")), []
    await near.send_all(masked(1, b"second"))

    with trio.fail_after(1):
        await ours.each(lambda message: got.append(message) or len(got) < 2)

    assert got == ["first", "second"]
    await ours.abort()


def masked(kind, payload, *, fin=True):
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
    return bytes([(0x80 if fin else 0) | kind]) + size + b"\0\0\0\0" + payload


@each_kind
async def test_pings_are_answered_in_order_while_somebody_receives(kind):
    near, far = await streams(kind)
    with trio.fail_after(10):
        async with silent_peer(kind, near, far) as ours:
            await near.send_all(masked(9, b"1") + masked(1, b"a", fin=False) + masked(9, b"2") + masked(0, b"b"))
            assert await ours.receive() == "ab"

            told = b""
            while len(told) < 6:
                told += await near.receive_some()
            assert told == b"\x8a\x011\x8a\x012"


@pytest.mark.parametrize("kind", KINDS[2:])
async def test_a_peer_that_only_pings_and_never_reads_costs_a_bound_and_loses_no_message(kind):
    near, far = await tcp_pair()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with trio.fail_after(10):
        async with silent_peer(kind, near, far) as ours:
            for n in range(12):
                await near.send_all(masked(9, b"x" * 125) * 100 + masked(1, b"%d" % n))
                assert await ours.receive() == str(n)
            assert 4096 <= len(ours._owed) < 4096 + 127

            drained = bytearray()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ours.send, "done")
                while not drained.endswith(b"\x81\x04done"):
                    drained += await near.receive_some()
            assert drained[:-6] == masked_less(b"x" * 125) * ((len(drained) - 6) // 127)


def masked_less(payload):
    return bytes([0x8A, len(payload)]) + payload


@pytest.mark.parametrize("kind", KINDS[2:])
async def test_a_sender_that_was_cancelled_within_a_frame_leaves_no_goodbye_behind_half_of_it(kind):
    near, far = await tcp_pair()
    with trio.fail_after(10):
        async with silent_peer(kind, near, far) as ours:
            with trio.move_on_after(0.05):
                await ours.send("x" * 20_000_000)
            await ours.close()

            with pytest.raises(ConnectionError):
                await ours.send("more")
            rest = b""
            with suppress(trio.BrokenResourceError):
                while data := await near.receive_some():
                    rest = data[-4:]
            assert set(rest) == set(b"x")


@each_kind
async def test_a_receiver_that_is_cancelled_during_a_goodbye_leaves_it_to_who_said_it(kind):
    async with connected(kind) as pair, trio.open_nursery() as nursery:
        receiving = trio.CancelScope()

        async def receive():
            with receiving:
                await pair.ours.receive()

        async def leave():
            await pair.ours.close(1000)
            nursery.cancel_scope.cancel()

        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(leave)
        receiving.cancel()
        await trio.sleep_forever()


@each_kind
async def test_what_a_carrier_sends_comes_as_it_was_however_it_is_cut(kind):
    near, far = await streams(kind)
    frames = [json.dumps({"event": "media", "media": {"payload": "A" * 216, "n": n}}) for n in range(40)]
    data = b"".join(masked(1, text.encode()) for text in frames)
    with trio.fail_after(10):
        async with silent_peer(kind, near, far) as ours, trio.open_nursery() as nursery:

            async def send():
                for at in range(0, len(data), 333):
                    await near.send_all(data[at : at + 333])

            nursery.start_soon(send)
            assert [await ours.receive() for _ in frames] == frames
