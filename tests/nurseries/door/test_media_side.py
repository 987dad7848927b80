"""Media sockets at the door: who is let in, and what a hostile peer can reach."""

import socket
import struct
from contextlib import suppress

import pytest
import structlog
import trio
import trio.testing
import trio_websocket

from agent.config import Settings
from agent.web.rates import Limits
from agent.wire.signature import sign
from tests.fakes.street import AUTH_TOKEN, UPGRADE, echo, open_house

PUBLIC = "https://voice.example.in"
SIGNED = {"TWILIO_SIGNATURE": "require", "PUBLIC_URL": PUBLIC}


def frame(payload, *, opcode=1, fin=True, masked=True, size=None):
    """One WebSocket frame with a mask of zeros; `size` lies about the length."""
    length = len(payload) if size is None else size
    head = bytes([(0x80 if fin else 0) | opcode])
    if length < 126:
        head += bytes([(0x80 if masked else 0) | length])
    else:
        head += bytes([(0x80 if masked else 0) | 127]) + struct.pack("!Q", length)
    return head + (b"\0\0\0\0" if masked else b"") + payload


HOSTILE = {
    "a message over the cap": frame(b"a" * 65_537),
    "a message over the cap in pieces": frame(b"a" * 40_000, fin=False) + frame(b"a" * 40_000, opcode=0),
    "a frame that announces a gigabyte": frame(b"a" * 100_000, size=1 << 30),
    "a frame longer than there are numbers": frame(b"a", size=(1 << 64) - 1),
    "an unmasked frame": frame(b"hello", masked=False),
    "a ping in pieces": frame(b"hello", opcode=9, fin=False),
    "a ping that is too long": frame(b"a" * 126, opcode=9),
    "an unknown kind of frame": frame(b"hello", opcode=3),
    "bits nobody agreed upon": b"\xf1" + frame(b"hello")[1:],
    "a piece without a beginning": frame(b"hello", opcode=0),
    "two beginnings": frame(b"a", fin=False) + frame(b"b", fin=False),
    "text that is none": frame(b"\xff\xfe"),
    "a goodbye of one byte": frame(b"\x03", opcode=8),
    "a goodbye with a forbidden code": frame(struct.pack("!H", 1005), opcode=8),
    "noise": bytes(range(256)) * 40,
    "pings after a goodbye": frame(b"\x03\xe8", opcode=8) + frame(b"", opcode=9) * 50,
}


class Calls:
    """What the process saw: for each socket its messages, and None for the end."""

    def __init__(self):
        self.seen = []

    async def serve(self, media):
        mine = []
        self.seen.append(mine)
        while (message := await media.receive()) is not None:
            mine.append(message)
            with suppress(ConnectionError):
                await media.send(f"echo {message}")
        mine.append(None)


async def until(true):
    """Bounded by the patience of the house."""
    while not true():
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("frames", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_peer_reaches_only_its_own_socket(frames):
    calls = Calls()
    async with open_house(calls.serve) as house, trio.open_nursery() as nursery:
        neighbour = await (await house.visit()).upgrade(nursery)
        await neighbour.send_message("one")
        with structlog.testing.capture_logs() as logs:
            visitor = await house.visit()
            assert await visitor.raw_upgrade() == 101
            await visitor.send(frame(b"hello"))
            with suppress(trio.BrokenResourceError):  # thrown out before all of it was sent
                await visitor.send(frames)
                await visitor.until_closed()
            await until(lambda: calls.seen[-1][-1:] == [None])

        await neighbour.send_message("two")
        assert [await neighbour.get_message() for _ in range(2)] == ["echo one", "echo two"]
        assert calls.seen == [["one", "two"], ["hello", None]]
        assert not [entry for entry in logs if "exc_info" in entry], "bad input shows no traceback"
        nursery.cancel_scope.cancel()


async def test_a_flood_of_pings_is_answered_and_hurts_nobody():
    calls = Calls()
    async with open_house(calls.serve) as house, trio.open_nursery() as nursery:
        flood = await house.visit()
        await flood.raw_upgrade()
        nursery.start_soon(flood.until_closed)
        await flood.send(frame(b"a" * 125, opcode=9) * 3_000)
        await flood.send(frame(b"bye"))
        await until(lambda: calls.seen == [["bye"]])

        assert await house.healthy()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("rude", [True, False], ids=["reset", "closed without a goodbye"])
async def test_a_peer_that_is_suddenly_gone_is_an_ended_stream(rude):
    calls = Calls()
    async with open_house(calls.serve) as house:
        visitor = await house.visit()
        await visitor.raw_upgrade()
        await visitor.send(frame(b"hello"))
        await visitor.stream.receive_some()
        if rude:
            visitor.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        visitor.stream.socket.close()

        await until(lambda: calls.seen == [["hello", None]])


async def test_a_call_that_crashes_closes_its_socket_and_no_other():
    async def fragile(media):
        if await media.receive() == "break":
            raise RuntimeError("crash")
        await media.send("fine")

    async with open_house(fragile) as house, trio.open_nursery() as nursery:
        neighbour = await (await house.visit()).upgrade(nursery)
        victim = await (await house.visit()).upgrade(nursery)
        with structlog.testing.capture_logs() as logs:
            await victim.send_message("break")
            with pytest.raises(trio_websocket.ConnectionClosed) as caught:
                await victim.get_message()

        assert caught.value.reason.code == 1011
        assert [entry["event"] for entry in logs] == ["crashed"]
        await neighbour.send_message("hello")
        assert await neighbour.get_message() == "fine"
        with pytest.raises(trio_websocket.ConnectionClosed) as caught:
            await neighbour.get_message()
        assert caught.value.reason.code == 1000


async def upgrade(house, **headers):
    visitor = await house.visit()
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return await visitor.raw_upgrade(headers=lines.encode())


@pytest.mark.parametrize(
    "url",
    [
        "wss://voice.example.in/twilio/media",
        "wss://voice.example.in/twilio/media/",
        "wss://voice.example.in:443/twilio/media",
    ],
)
async def test_a_socket_that_twilio_signed_is_let_in(url):
    async with open_house(**SIGNED) as house:
        assert await upgrade(house, X_Twilio_Signature=sign(url, (), AUTH_TOKEN)) == 101


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("https://voice.example.in/twilio/media", AUTH_TOKEN),
        ("wss://house/twilio/media", AUTH_TOKEN),
        ("wss://voice.example.in/twilio/other", AUTH_TOKEN),
        ("wss://voice.example.in/twilio/media", "another"),
    ],
)
async def test_a_socket_that_twilio_did_not_sign_is_refused_before_it_is_one(url, token):
    calls = Calls()
    async with open_house(calls.serve, **SIGNED) as house:
        assert await upgrade(house, X_Twilio_Signature=sign(url, (), token)) == 403
        assert await upgrade(house) == 403
        assert calls.seen == []


async def test_behind_a_tunnel_in_development_the_signed_address_is_the_tunnels():
    signature = sign("wss://house/twilio/media", (), AUTH_TOKEN)
    async with open_house(TWILIO_SIGNATURE="require", PUBLIC_URL="") as house:
        assert await upgrade(house, X_Twilio_Signature=signature, X_Forwarded_Proto="https") == 101
        assert await upgrade(house, X_Twilio_Signature=signature) == 403


async def test_in_log_mode_an_unsigned_socket_is_let_in_and_reported():
    async with open_house(TWILIO_SIGNATURE="log", PUBLIC_URL=PUBLIC) as house:
        with structlog.testing.capture_logs() as logs:
            assert await upgrade(house) == 101

    assert "signature does not fit" in [entry["event"] for entry in logs]


async def test_sockets_that_have_not_become_calls_are_bounded(monkeypatch):
    monkeypatch.setattr("nurseries.door.media_side.MAX_STRANGERS", 2)
    async with open_house() as house:
        first, *others = [await house.visit() for _ in range(3)]
        assert [await visitor.raw_upgrade() for visitor in (first, *others)] == [101] * 3
        await first.until_closed()
        assert await house.healthy()


async def test_a_socket_that_is_closed_makes_room_for_others(monkeypatch, autojump_clock):
    monkeypatch.setattr("nurseries.door.media_side.MAX_STRANGERS", 2)
    calls = Calls()
    async with open_house(calls.serve, imagined=True) as house:
        for n in range(4):
            visitor = house.street.connect()
            assert await visitor.raw_upgrade() == 101
            await visitor.send(frame(b"%d" % n))
            await visitor.stream.receive_some()
            await visitor.stream.aclose()
            await trio.testing.wait_all_tasks_blocked()

    assert calls.seen == [[str(n), None] for n in range(4)]


async def test_a_socket_that_has_become_a_call_makes_room_for_nobody(monkeypatch):
    monkeypatch.setattr("nurseries.door.media_side.MAX_STRANGERS", 1)

    async def admitted(media):
        house.state.welcome.add(media)
        await echo(media)

    async with open_house(admitted) as house, trio.open_nursery() as nursery:
        callers = []
        for _ in range(3):
            callers.append(await (await house.visit()).upgrade(nursery))
            for caller in callers:
                await caller.send_message("hello")
                assert await caller.get_message() == "echo hello"
        nursery.cancel_scope.cancel()


async def test_while_the_process_drains_promised_sockets_are_served():
    async with open_house() as house:
        house.state.draining = True

        assert await upgrade(house) == 101


@pytest.mark.parametrize("piece", [frame(b"", opcode=9), frame(b"", opcode=0, fin=False), frame(b"a")])
async def test_a_peer_that_sends_far_faster_than_sound_is_made_is_cut_off(piece, monkeypatch):
    monkeypatch.setattr("nurseries.door.media_socket.FRAMES_AT_ONCE", 500)
    calls = Calls()
    async with open_house(calls.serve) as house, trio.open_nursery() as nursery:
        neighbour = await (await house.visit()).upgrade(nursery)
        with structlog.testing.capture_logs() as logs:
            visitor = await house.visit()
            await visitor.raw_upgrade()
            nursery.start_soon(visitor.until_closed)
            await visitor.send(frame(b"a", fin=False) if piece[0] == 0 else b"")
            with suppress(trio.BrokenResourceError):
                for _ in range(200):
                    await visitor.send(piece * 200)
            await until(lambda: calls.seen[-1][-1:] == [None])

        assert [entry["reason"] for entry in logs if entry["event"] == "media socket cut off"]
        await neighbour.send_message("hello")
        assert await neighbour.get_message() == "echo hello"
        nursery.cancel_scope.cancel()


async def test_forged_handshakes_get_429_in_the_end_and_a_signed_one_passes():
    signature = sign("wss://voice.example.in/twilio/media", (), AUTH_TOKEN)
    async with open_house(**SIGNED, limits=Limits(Settings(_env_file=None, REFUSED_RATE=2))) as house:
        assert [await upgrade(house, X_Twilio_Signature="forged") for _ in range(4)] == [403, 403, 429, 429]
        assert await upgrade(house, X_Twilio_Signature=signature) == 101


async def test_offers_of_extensions_and_protocols_are_not_taken_up():
    async with open_house() as house, trio.open_nursery() as nursery:
        visitor = await house.visit()
        await visitor.send(
            b"GET /twilio/media HTTP/1.1\r\nHost: house\r\nSec-WebSocket-Extensions: permessage-deflate; "
            b"client_max_window_bits\r\n" + UPGRADE + b"\r\n"
        )
        answer = await visitor.stream.receive_some()
        assert answer.startswith(b"HTTP/1.1 101")
        assert b"extensions" not in answer.lower()
        nursery.cancel_scope.cancel()


async def test_half_sent_handshakes_lock_nobody_out(monkeypatch):
    monkeypatch.setattr("nurseries.door.media_side.MAX_ARRIVING", 3)
    async with open_house() as house:
        visitors = [await house.visit() for _ in range(6)]
        for visitor in visitors:
            await visitor.send(b"GET /twilio/media HTTP/1.1\r\nHost: house\r\nX: ")
            await trio.testing.wait_all_tasks_blocked(0.01)

        for visitor in visitors[:3]:
            await visitor.until_closed()
        assert await upgrade(house) == 101


async def test_a_frame_that_never_ends_has_no_more_time_than_silence(autojump_clock):
    """Bytes that drip in are no message: whoever waits for one, with a limit, does not wait longer."""
    ended = trio.Event()

    async def impatient(media):
        with trio.move_on_after(5):
            await media.receive()
        ended.set()

    async with open_house(impatient, imagined=True) as house, trio.open_nursery() as nursery:
        visitor = house.street.connect()

        async def drip():
            await visitor.raw_upgrade()
            for byte in frame(b"a" * 1000):
                await visitor.send(bytes([byte]))
                await trio.sleep(0.9)

        nursery.start_soon(drip)
        with trio.fail_after(6):
            await ended.wait()
        nursery.cancel_scope.cancel()
