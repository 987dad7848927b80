"""One port on real sockets: HTTP and media side by side, reused connections, hostile packets."""

from contextlib import suppress

import pytest
import structlog
import trio
import trio.testing
import trio_websocket
from quart import request

from tests.fakes.street import UPGRADE, Visitor, open_house

HEAD = b" HTTP/1.1\r\nHost: house\r\n"
KILLERS = {
    "upgrade and a trailing byte": b"GET /x" + HEAD + UPGRADE + b"\r\nx",
    "upgrade with a body": b"GET /x" + HEAD + b"Content-Length: 5\r\n" + UPGRADE + b"\r\nhello",
    "upgrade of a real page and a trailing byte": b"GET /health" + HEAD + UPGRADE + b"\r\nx",
    "upgrade in a pipeline": b"GET /health" + HEAD + b"\r\nGET /x" + HEAD + UPGRADE + b"\r\nx",
    "media upgrade and a trailing byte": b"GET /twilio/media" + HEAD + UPGRADE + b"\r\nx",
    "media upgrade with a body": b"GET /twilio/media" + HEAD + b"Content-Length: 2\r\n" + UPGRADE + b"\r\nhi",
    "media upgrade in a pipeline": b"GET /health" + HEAD + b"\r\nGET /twilio/media" + HEAD + UPGRADE + b"\r\n",
    "media request without an upgrade": b"GET /twilio/media" + HEAD + b"\r\n",
    "media upgrade without a version": b"GET /twilio/media"
    + HEAD
    + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "media path that is no text": b"GET /twilio/media?\xff" + HEAD + UPGRADE + b"\r\n",
    "host that is no name": b"GET /twilio/media HTTP/1.1\r\nHost: \xff\xff..\r\n" + UPGRADE + b"\r\n",
    "media head without end": b"GET /twilio/media" + HEAD + b"X: " + b"a" * 40_000,
    "head without end": b"GET /health" + HEAD + b"X: " + b"a" * 40_000,
    "path that is no text": b"GET /\xff\xfe" + HEAD + b"\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "HTTP/2 out of the blue": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
    "HTTP/2 upgrade": b"GET /" + HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: ?\r\n\r\n",
    "negative length": b"POST /twilio/voice" + HEAD + b"Content-Length: -1\r\n\r\n",
    "broken chunk": b"POST /twilio/voice" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("packet", KILLERS.values(), ids=KILLERS.keys())
async def test_no_packet_ends_the_server_or_disturbs_its_neighbours(packet):
    async with open_house() as house, trio.open_nursery() as nursery:
        neighbour, caller = await house.visit(), await (await house.visit()).upgrade(nursery)
        assert await neighbour.get() == 200
        with structlog.testing.capture_logs() as logs:
            killer = await house.visit()
            await killer.send(packet)
            await killer.stream.send_eof()
            await killer.until_closed()

        await caller.send_message("still there?")
        assert await caller.get_message() == "echo still there?"
        assert await neighbour.get() == 200
        assert await house.healthy()
        assert not [entry for entry in logs if "exc_info" in entry], "bad input shows no traceback"
        nursery.cancel_scope.cancel()


async def test_what_has_two_lengths_is_refused_with_all_that_follows_it():
    both = b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with open_house() as house:
        visitor = await house.visit()
        await visitor.send(b"POST /health" + HEAD + both + b"0\r\n\r\nGET /health" + HEAD + b"\r\n")
        answer = b""
        with suppress(trio.BrokenResourceError):
            while data := bytes(await visitor.stream.receive_some()):
                answer += data

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_media_upgrade_is_served_on_a_connection_that_carried_requests_before():
    async with open_house() as house:
        for requests in [1, 2, 3, 4] * 5:
            visitor = await house.visit()
            for _ in range(requests):
                assert await visitor.get() == 200
            async with trio.open_nursery() as nursery:
                socket = await visitor.upgrade(nursery)
                await socket.send_message("hello")
                assert await socket.get_message() == "echo hello"
                await socket.aclose()


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("size", [1, 5, 17, 18, 19, 60])
async def test_a_media_request_may_come_in_pieces(before, size):
    head = b"GET /twilio/media" + HEAD + UPGRADE + b"\r\n"
    async with open_house() as house:
        visitor = await house.visit()
        for _ in range(before):
            await visitor.get()
        for start in range(0, len(head), size):
            await visitor.send(head[start : start + size])
            await trio.testing.wait_all_tasks_blocked(0.0005)

        assert (await visitor.answer())[0] == 101


@pytest.mark.parametrize("path", ["/twilio/media", "/twilio/media/", "/twilio/media?a=b", "/twilio/media/?a=b"])
async def test_the_media_path_may_have_a_slash_or_a_query(path):
    async with open_house() as house:
        assert await (await house.visit()).raw_upgrade(path) == 101


@pytest.mark.parametrize("path", ["/twilio/mediator", "/twilio/medi", "/", "/health"])
async def test_no_other_path_is_a_socket(path):
    async with open_house() as house:
        status = await (await house.visit()).raw_upgrade(path)

        assert 400 <= status < 500


async def test_what_looks_like_a_media_request_inside_another_is_none():
    decoy = b"GET /twilio/media" + HEAD + UPGRADE + b"\r\n"
    async with open_house() as house:
        visitor = await house.visit()
        await visitor.send(b"POST /twilio/call-status" + HEAD + b"Content-Length: %d\r\n\r\n" % len(decoy))
        await trio.testing.wait_all_tasks_blocked(0.01)
        await visitor.send(decoy)
        assert (await visitor.answer())[0] == 204
        await visitor.send(b"GET /health" + HEAD + b"X: ")
        await trio.testing.wait_all_tasks_blocked(0.01)
        await visitor.send(b"GET /twilio/media HTTP/1.1\r\nY: z\r\n\r\n")

        assert (await visitor.answer())[0] == 200


async def test_a_large_post_keeps_its_connection():
    async with open_house() as house:
        house.app.config["MAX_CONTENT_LENGTH"] = 1_000_000

        @house.app.post("/size")
        async def size():
            return {"size": len(await request.get_data())}

        visitor = await house.visit()
        for _ in range(5):
            await visitor.send(b"POST /size" + HEAD + b"Content-Length: 200000\r\n\r\n")
            await visitor.send(b"x" * 200_000)
            assert await visitor.answer() == (200, b'{"size":200000}\n')


async def test_a_connection_is_kept_over_many_requests_in_pieces_whose_bodies_nobody_asks_for():
    """hypercorn with quart-trio stalls here, unless bodies are read and the end of an answer is shielded."""
    async with open_house() as house:
        visitor = await house.visit()
        for number in range(100):
            path = b"/nowhere" if number % 2 else b"/twilio/after"
            await visitor.send(b"POST " + path + HEAD + b"Content-Length: 5\r\n\r\n")
            await trio.testing.wait_all_tasks_blocked(0.0005)
            await visitor.send(b"hello")
            assert (await visitor.answer())[0] == (404 if number % 2 else 200)


@pytest.mark.parametrize("pause", [0, 0.002])
async def test_a_body_over_the_cap_gets_its_answer_and_the_connection_ends(pause):
    async with open_house() as house:
        for _ in range(10):
            visitor = await house.visit()
            await visitor.send(b"POST /twilio/voice" + HEAD + b"Content-Length: 200000\r\n\r\n")
            await trio.testing.wait_all_tasks_blocked(pause)
            await visitor.send(b"x" * 200_000)
            assert (await visitor.answer())[0] == 413
            assert await visitor.until_closed() == b""


async def test_a_request_whose_peer_goes_away_leaves_nothing_behind():
    async with open_house() as house:
        before = trio.lowlevel.current_statistics().tasks_living
        for _ in range(10):
            visitor = await house.visit()
            await visitor.send(b"POST /twilio/voice" + HEAD + b"Content-Length: 10\r\n\r\nhalf")
            await visitor.stream.aclose()
        while trio.lowlevel.current_statistics().tasks_living > before:  # bounded by the house's patience
            await trio.lowlevel.checkpoint()


async def test_a_hundred_visitors_at_once_are_all_served():
    async def visit(house, number):
        visitor = await house.visit()
        for _ in range(3):
            assert await visitor.get() == 200
        if number % 2:
            async with trio.open_nursery() as nursery:
                socket = await visitor.upgrade(nursery)
                await socket.send_message(str(number))
                assert await socket.get_message() == f"echo {number}"
                await socket.aclose()
        await visitor.stream.aclose()

    async with open_house() as house, trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(visit, house, number)


async def test_http_2_is_not_spoken():
    async with open_house() as house:
        knowing = await house.visit()
        await knowing.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"))
        assert await knowing.until_closed() == b""

        offering = await house.visit()
        await offering.send(
            b"GET /health" + HEAD + b"Connection: Upgrade, HTTP2-Settings\r\n"
            b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
        )
        assert (await offering.answer())[0] == 200
        assert await offering.get() == 200


async def test_closing_the_door_is_quick_with_everyone_inside():
    async with open_house() as house, trio.open_nursery() as nursery:
        idle, beginner, caller = await house.visit(), await house.visit(), await house.visit()
        await idle.get()
        await beginner.send(b"GET /hea")
        socket = await caller.upgrade(nursery)

        house.scope.cancel()
        with trio.fail_after(0.5):
            await house.closed.wait()

        assert await idle.until_closed() == b""
        assert await beginner.until_closed() == b""
        with pytest.raises(trio_websocket.ConnectionClosed) as caught:
            await socket.get_message()
        assert caught.value.reason.code == 1001


async def test_a_visitor_is_told_apart_by_his_address():
    async with open_house() as house:

        @house.app.get("/who")
        async def who():
            return {"who": request.remote_addr}

        visitor = await house.visit()
        await visitor.send(b"GET /who" + HEAD + b"\r\n")
        assert await visitor.answer() == (200, b'{"who":"127.0.0.1"}\n')


async def test_half_sent_requests_do_not_lock_anybody_out(monkeypatch):
    monkeypatch.setattr("nurseries.door.http_side.MAX_CONNECTIONS", 3)
    monkeypatch.setattr("nurseries.door.http_side.BURST", 1)
    async with open_house() as house:
        visitors: list[Visitor] = []
        for _ in range(3):
            visitors.append(await house.visit())
            await visitors[-1].send(b"POST /twilio/voice HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
            await trio.testing.wait_all_tasks_blocked(0.01)

        assert await house.healthy()
        assert await visitors[0].until_closed() == b""


async def test_beyond_the_bound_the_longest_idle_connection_makes_room(monkeypatch):
    monkeypatch.setattr("nurseries.door.http_side.MAX_CONNECTIONS", 3)
    async with open_house() as house:
        visitors: list[Visitor] = []
        for _ in range(3):
            visitors.append(await house.visit())
            assert await visitors[-1].get() == 200
        assert await visitors[0].get() == 200

        assert await house.healthy()

        assert await visitors[1].until_closed() == b""
        assert await visitors[0].get() == 200
        assert await visitors[2].get() == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"a" * 9000 + HEAD, 414),
        (b"GET /health" + HEAD + b"X: " + b"a" * 17_000 + b"\r\n", 431),
        (b"GET /health" + HEAD + b"X: y\r\n" * 101, 431),
    ],
)
async def test_a_head_that_is_too_large_is_refused_also_where_it_arrives_at_once(head, status):
    async with open_house() as house:
        visitor = await house.visit()
        await visitor.send(head + b"\r\n")

        assert (await visitor.answer())[0] == status
        await visitor.until_closed()
        assert await house.healthy()
