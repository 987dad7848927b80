"""One socket to a Realtime server, in virtual time: over memory streams, with servers good and bad."""

import json
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing
import trio_websocket

from agent.errors import Fault
from agent.providers.realtime_events import HeardAll, SessionUpdated
from agent.providers.realtime_requests import Address
from nurseries.live.link import Ended, Link

KEY = "sk-very-secret"
ADDRESS = Address("house", 443, True, "/v1/realtime?model=m", (("Authorization", f"Bearer {KEY}"),))
CONNECT_S = 3.0
SILENT_S = 20.0
UPDATED = '{"type":"session.updated"}'


class Watched(trio.abc.Stream):
    """A stream that knows whether it is closed."""

    def __init__(self, stream):
        self._stream = stream
        self.closed_at = None

    async def receive_some(self, max_bytes=None):
        return await self._stream.receive_some(max_bytes)

    async def send_all(self, data):
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self):
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self):
        if self.closed_at is None:
            self.closed_at = trio.current_time()
        await self._stream.aclose()


class House:
    """A server's one visitor: `serve` is given the far end, and what becomes of the link is kept."""

    def __init__(self, serve, nursery, make=trio.testing.memory_stream_pair, connect_s=CONNECT_S):
        self.serve = serve
        self.nursery = nursery
        self.make = make
        self.transports = []
        self.opened_at = None
        self.events = []
        self.ended = None
        self.gone_at = None
        self.gone = trio.Event()
        self.scope = trio.CancelScope()
        self.link = Link(
            ADDRESS,
            opened=self.opened,
            received=self.events.append,
            connect_s=connect_s,
            silent_s=SILENT_S,
            open_stream=self.open,
        )

    def opened(self):
        self.opened_at = trio.current_time()

    async def open(self, address):
        assert address is ADDRESS
        await trio.lowlevel.checkpoint()
        near, far = self.make()
        self.transports.append(Watched(near))
        self.nursery.start_soon(self.serve, far)
        return self.transports[-1]

    async def run(self):
        with self.scope:
            self.ended = await self.link.run()
        self.gone_at = trio.current_time()
        self.gone.set()

    @property
    def left_open(self):
        return [transport for transport in self.transports if transport.closed_at is None]


@asynccontextmanager
async def at_home(serve, **options):
    """A link to the server, running; whatever happens, its transport is closed when it has ended."""
    async with trio.open_nursery() as nursery:
        house = House(serve, nursery, **options)
        nursery.start_soon(house.run)
        await trio.testing.wait_all_tasks_blocked()
        yield house
        house.scope.cancel("the test is over")
        await trio.testing.wait_all_tasks_blocked()
        assert house.gone_at is not None
        assert not house.left_open
        nursery.cancel_scope.cancel("the test is over")


async def ended(serve, **options):
    """How a link to this server ends by itself."""
    async with at_home(serve, **options) as house:
        with trio.fail_after(1000):
            await house.gone.wait()
        return house


def speaking(talk):
    """A server that accepts, and then talks."""

    async def serve(stream):
        async with trio.open_nursery() as nursery:
            request = await trio_websocket.wrap_server_stream(nursery, stream)
            with suppress(trio_websocket.ConnectionClosed):
                await talk(await request.accept(), stream)
            nursery.cancel_scope.cancel("the talk is over")

    return serve


async def listen_for_ever(connection, _):
    while True:
        await connection.get_message()


async def never(_stream):
    await trio.sleep_forever()


class TestTalk:
    async def test_what_is_sent_arrives_in_order_also_what_was_sent_before_the_socket_was_open(self, autojump_clock):
        got = []

        async def talk(connection, _):
            while True:
                got.append(await connection.get_message())

        async def serve(stream):
            await trio.sleep(1)
            await speaking(talk)(stream)

        async with at_home(serve) as house:
            house.link.send("0")
            house.link.send("1")
            assert (house.link.queued, house.opened_at) == (2, None)
            await trio.sleep(2)
            for number in range(2, 200):
                house.link.send(str(number))
            await trio.testing.wait_all_tasks_blocked()

            assert got == [str(number) for number in range(200)]
            assert house.link.queued == 0

    async def test_the_key_and_the_resource_are_told_to_the_server(self, autojump_clock):
        seen = {}

        async def serve(stream):
            async with trio.open_nursery() as nursery:
                request = await trio_websocket.wrap_server_stream(nursery, stream)
                seen.update({"path": request.path, **dict(request.headers)})
                await request.accept()

        async with at_home(serve):
            await trio.testing.wait_all_tasks_blocked()

        assert seen["path"] == ADDRESS.resource
        assert seen[b"authorization"] == f"Bearer {KEY}".encode()

    async def test_events_are_handed_on_in_order_and_unknown_ones_are_not(self, autojump_clock):
        async def talk(connection, _):
            await connection.send_message(UPDATED)
            await connection.send_message('{"type":"rate_limits.updated"}')
            done = {"type": "conversation.item.input_audio_transcription.completed", "item_id": "i", "transcript": "hi"}
            await connection.send_message(json.dumps(done))
            await trio.sleep_forever()

        async with at_home(speaking(talk)) as house:
            assert house.events == [SessionUpdated(), HeardAll("i", "hi")]

    async def test_a_message_of_half_a_megabyte_is_taken(self, autojump_clock):
        async def talk(connection, _):
            await connection.send_message(json.dumps({"type": "session.updated", "padding": "x" * 500_000}))
            await trio.sleep_forever()

        async with at_home(speaking(talk)) as house:
            assert house.events == [SessionUpdated()]


def refusing(status, body=b"", length=True):
    async def serve(stream):
        await stream.receive_some()
        head = f"HTTP/1.1 {status} No\r\n" + (f"Content-Length: {len(body)}\r\n" if length else "") + "\r\n"
        await stream.send_all(head.encode() + body)
        await trio.sleep_forever()

    return serve


class TestRefusal:
    @pytest.mark.parametrize(
        ("status", "fault"),
        [
            (401, Fault.REFUSED),
            (403, Fault.REFUSED),
            (404, Fault.REFUSED),
            (429, Fault.BUSY),
            (500, Fault.BROKEN),
            (503, Fault.BROKEN),
            (504, Fault.TIMEOUT),
            (200, Fault.REFUSED),
        ],
    )
    async def test_a_status_is_a_fault(self, status, fault, autojump_clock):
        house = await ended(refusing(status))

        assert house.ended == Ended(fault, str(status))
        assert house.opened_at is None

    async def test_the_server_s_words_are_kept_without_the_key(self, autojump_clock):
        error = {"error": {"code": "model_not_found", "message": f"no model for {KEY}"}}
        house = await ended(refusing(404, json.dumps(error).encode()))

        assert house.ended == Ended(Fault.REFUSED, "404 model_not_found no model for ***")

    async def test_of_a_401_only_the_code_is_kept(self, autojump_clock):
        error = {"error": {"code": "invalid_api_key", "message": "Incorrect API key provided: sk-ve*****cret"}}
        house = await ended(refusing(401, json.dumps(error).encode()))

        assert house.ended == Ended(Fault.REFUSED, "401 invalid_api_key")

    @pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"error":null}', b'{"error":"no"}', b'{"error":{"code":7}}'])
    async def test_a_body_that_is_no_error_of_the_api_is_left_out(self, body, autojump_clock):
        assert (await ended(refusing(503, body))).ended == Ended(Fault.BROKEN, "503")

    @pytest.mark.parametrize("error", [OSError("no route"), trio.BrokenResourceError("tls"), UnicodeError("label")])
    async def test_no_transport_at_all(self, error, autojump_clock):
        async def fail(_address):
            await trio.lowlevel.checkpoint()
            raise error

        link = Link(ADDRESS, opened=pytest.fail, received=pytest.fail, connect_s=1, silent_s=1, open_stream=fail)

        assert (await link.run()).fault is Fault.UNREACHABLE

    async def test_a_transport_that_does_not_come_in_time(self, autojump_clock):
        async def hang(_address):
            await trio.sleep_forever()

        link = Link(ADDRESS, opened=pytest.fail, received=pytest.fail, connect_s=4, silent_s=1, open_stream=hang)
        began = trio.current_time()

        assert (await link.run()).fault is Fault.TIMEOUT
        assert trio.current_time() - began == pytest.approx(4)

    async def test_a_handshake_that_does_not_come_in_time(self, autojump_clock):
        house = await ended(never)

        assert house.ended.fault is Fault.TIMEOUT
        assert house.gone_at == CONNECT_S

    async def test_the_time_for_connecting_does_not_end_what_is_open(self, autojump_clock):
        async with at_home(speaking(listen_for_ever)) as house:
            await trio.sleep(CONNECT_S * 2)
            assert house.gone_at is None

    @pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x15\x03\x01\x00\x02\x02\x50", b"\n" * 400])
    async def test_a_server_of_something_else_altogether(self, garbage, autojump_clock):
        async def serve(stream):
            await stream.send_all(garbage)
            await trio.sleep_forever()

        assert (await ended(serve)).ended.fault in {Fault.BROKEN, Fault.TIMEOUT}

    async def test_an_end_in_the_handshake(self, autojump_clock):
        async def serve(stream):
            await stream.receive_some()
            await stream.aclose()

        house = await ended(serve)
        assert house.ended.fault is Fault.BROKEN
        assert house.gone_at < CONNECT_S

    async def test_a_key_that_no_header_can_carry(self, autojump_clock):
        async def open_stream(_address):
            await trio.lowlevel.checkpoint()
            return trio.testing.memory_stream_pair()[0]

        address = Address("house", 443, True, "/v1", (("Authorization", "Bearer a\nb"),))
        link = Link(address, opened=pytest.fail, received=print, connect_s=3, silent_s=9, open_stream=open_stream)

        assert (await link.run()).fault is Fault.BROKEN


def closing(code, reason=None):
    async def talk(connection, _):
        await connection.send_message(UPDATED)
        await connection.aclose(code, reason)

    return speaking(talk)


class TestEnd:
    @pytest.mark.parametrize(
        ("code", "reason", "fault"),
        [
            (1000, None, Fault.UNREACHABLE),
            (1001, "session expired", Fault.UNREACHABLE),
            (1008, "no", Fault.REFUSED),
            (1011, "oops", Fault.BROKEN),
            (1013, "later", Fault.BUSY),
            (3000, "invalid_request_error.invalid_api_key", Fault.REFUSED),
            (4000, "rate_limit_exceeded", Fault.BUSY),
            (4999, None, Fault.BROKEN),
        ],
    )
    async def test_the_server_s_goodbye(self, code, reason, fault, autojump_clock):
        house = await ended(closing(code, reason))

        assert house.ended == Ended(fault, f"closed with {code} {reason or ''}".strip())
        assert house.events == [SessionUpdated()]  # what came before it is not lost

    async def test_an_abrupt_end_after_some_messages(self, autojump_clock):
        async def talk(connection, stream):
            for _ in range(100):
                await connection.send_message(UPDATED)
            await trio.aclose_forcefully(stream)

        house = await ended(speaking(talk))
        assert house.ended.fault is Fault.BROKEN
        assert len(house.events) == 100

    @pytest.mark.parametrize("message", ["hello", b"\xff\xfe", '{"type":"response.output_audio.delta","delta":7}'])
    async def test_a_message_that_is_no_event(self, message, autojump_clock):
        async def talk(connection, _):
            await connection.send_message(message)
            await trio.sleep_forever()

        assert (await ended(speaking(talk))).ended.fault is Fault.BROKEN

    @pytest.mark.parametrize("frame", [b"\xff" * 20, b"\x81\x7f\x7f" + b"\xff" * 7, b"\x81\x02\xff\xff", b"\x83\x00"])
    async def test_frames_that_break_the_protocol(self, frame, autojump_clock):
        async def talk(_connection, stream):
            await stream.send_all(frame)
            await trio.sleep_forever()

        assert (await ended(speaking(talk))).ended.fault is Fault.BROKEN

    async def test_a_message_beyond_all_bounds(self, autojump_clock):
        async def talk(connection, _):
            await connection.send_message("x" * 5_000_000)
            await trio.sleep_forever()

        assert (await ended(speaking(talk))).ended.fault is Fault.BROKEN

    async def test_a_callback_that_crashes_is_not_hidden_and_leaves_no_transport(self, autojump_clock):
        async def talk(connection, _):
            await connection.send_message(UPDATED)
            await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            house = House(speaking(talk), nursery)
            house.link._received = lambda _: 1 / 0
            with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
                await house.run()
            assert not house.left_open
            nursery.cancel_scope.cancel()


class TestSilence:
    async def test_a_server_that_says_nothing_but_answers_pings_is_kept(self, autojump_clock):
        async with at_home(speaking(listen_for_ever)) as house:
            await trio.sleep(SILENT_S * 10)
            assert house.gone_at is None

    async def test_a_server_that_answers_nothing_is_dead_after_twice_the_time(self, autojump_clock):
        async def talk(_connection, _stream):
            await trio.sleep_forever()

        async def serve(stream):
            upgrade = trio.testing.memory_stream_pair()
            async with trio.open_nursery() as nursery:

                async def deaf():
                    await upgrade[0].send_all(await stream.receive_some())
                    await stream.send_all(await upgrade[0].receive_some())
                    await trio.sleep_forever()

                nursery.start_soon(deaf)
                await speaking(talk)(upgrade[1])

        house = await ended(serve)
        assert house.ended.fault is Fault.TIMEOUT
        assert house.opened_at == 0
        assert 2 * SILENT_S <= house.gone_at <= 2 * SILENT_S + 1

    async def test_a_server_that_stops_reading_blocks_nobody_and_leaving_is_at_once(self, autojump_clock):
        async def talk(_connection, _stream):
            await trio.sleep_forever()

        async def serve(stream):
            async with trio.open_nursery() as nursery:
                connection = await (await trio_websocket.wrap_server_stream(nursery, stream)).accept()
                nursery.cancel_scope.cancel("reads no more")
            del connection

        async with at_home(serve, make=trio.testing.lockstep_stream_pair) as house:
            assert house.opened_at == 0
            for number in range(1000):
                house.link.send("x" * 1000)
                assert house.link.queued == number + 1
                await trio.lowlevel.checkpoint()
            assert house.link.queued == 1000
            at = trio.current_time()
            house.scope.cancel("enough")
            await trio.testing.wait_all_tasks_blocked()
            assert house.gone_at == house.transports[0].closed_at == at


class TestCancellation:
    @pytest.mark.parametrize("make", [trio.testing.memory_stream_pair, trio.testing.lockstep_stream_pair])
    async def test_at_every_step_it_is_immediate_and_leaves_no_transport(self, make, autojump_clock):
        async def talk(connection, _):
            while True:
                await connection.get_message()
                await connection.send_message(UPDATED)

        steps = 0
        finished = False
        while not finished and steps < 500:
            async with trio.open_nursery() as nursery:
                house = House(speaking(talk), nursery, make=make)
                for _ in range(3):
                    house.link.send("hello")
                nursery.start_soon(house.run)
                for _ in range(steps):
                    await trio.lowlevel.checkpoint()
                at = trio.current_time()
                finished = len(house.events) == 3
                house.scope.cancel("now")
                await trio.testing.wait_all_tasks_blocked()
                assert house.gone_at == at
                assert house.ended is None
                assert not house.left_open
                nursery.cancel_scope.cancel("next")
            steps += 1
        assert finished
        assert steps > 20
