"""The front door's patience, in virtual time."""

import pytest
import trio

from nurseries.door.front_door import GOODBYE_S
from nurseries.door.handover import HEAD_S, LEAVE_S, SEND_S
from nurseries.door.http_side import ARRIVING_S, BUSY_S, KEEP_ALIVE_S
from tests.fakes.street import UPGRADE, open_house

REQUEST = b"GET /health HTTP/1.1\r\nHost: house\r\n\r\n"


async def seconds_until_closed(visitor):
    start = trio.current_time()
    await visitor.until_closed()
    return trio.current_time() - start


async def test_a_visitor_who_says_nothing_is_shown_out(autojump_clock):
    async with open_house(imagined=True) as house:
        assert await seconds_until_closed(house.street.connect()) == pytest.approx(HEAD_S)


@pytest.mark.parametrize("path", [b"/health", b"/twilio/media"])
async def test_a_head_that_drips_in_does_not_prolong_its_welcome(path, autojump_clock):
    async with open_house(imagined=True) as house, trio.open_nursery() as nursery:
        visitor = house.street.connect()

        async def drip():
            for byte in b"GET " + path + b" HTTP/1.1\r\n" + b"X: y\r\n" * 1000:
                await visitor.send(bytes([byte]))
                await trio.sleep(0.9)

        nursery.start_soon(drip)
        # A media request changes hands once its path is there, and has its time for the rest anew.
        assert await seconds_until_closed(visitor) <= 2 * HEAD_S + 1
        nursery.cancel_scope.cancel()


async def test_between_two_requests_a_connection_may_rest_a_minute(autojump_clock):
    async with open_house(imagined=True) as house:
        visitor = house.street.connect()
        await visitor.get()
        await trio.sleep(KEEP_ALIVE_S - 1)
        assert await visitor.get() == 200

        assert await seconds_until_closed(visitor) == pytest.approx(KEEP_ALIVE_S)


async def test_the_head_of_a_later_request_has_no_more_time_than_the_first(autojump_clock):
    async with open_house(imagined=True) as house:
        visitor = house.street.connect()
        await visitor.get()
        await trio.sleep(30)
        await visitor.send(REQUEST[:20])

        assert await seconds_until_closed(visitor) == pytest.approx(HEAD_S)


async def test_a_body_that_does_not_come_is_answered_in_the_end(autojump_clock):
    async with open_house(imagined=True) as house:
        visitor = house.street.connect()
        await visitor.send(b"POST /twilio/voice HTTP/1.1\r\nHost: house\r\nContent-Length: 10\r\n\r\nhalf")

        assert (await visitor.answer())[0] == 408
        assert await visitor.until_closed() == b""


async def test_a_visitor_who_never_reads_is_given_up(autojump_clock):
    async with open_house(imagined=True) as house:
        visitor = house.street.connect(deaf=True)
        await visitor.send(REQUEST)

        assert await seconds_until_closed(visitor) <= SEND_S + 1


async def test_who_reads_ever_so_slowly_does_not_keep_the_door_open(autojump_clock):
    async with open_house(imagined=True) as house, trio.open_nursery() as nursery:

        @house.app.get("/long")
        async def long():
            return b"x" * 10_000_000

        visitor = house.street.connect(lockstep=True)

        async def sip():
            async for _ in visitor.stream:
                await trio.sleep(10)

        await visitor.send(b"GET /long HTTP/1.1\r\nHost: house\r\n\r\n")
        nursery.start_soon(sip)
        await trio.sleep(100)
        house.scope.cancel()
        with trio.fail_after(max(GOODBYE_S, LEAVE_S) + 1):
            await house.closed.wait()
        nursery.cancel_scope.cancel()


async def test_a_visitor_who_never_reads_does_not_keep_the_door_open(autojump_clock):
    async with open_house(imagined=True) as house:
        await house.street.connect(deaf=True).send(REQUEST)
        await trio.testing.wait_all_tasks_blocked()

        house.scope.cancel()
        with trio.fail_after(max(GOODBYE_S, LEAVE_S) + 1):
            await house.closed.wait()


@pytest.mark.parametrize(("work_s", "served"), [(GOODBYE_S - 0.5, True), (GOODBYE_S + 0.5, False)])
async def test_an_answer_in_progress_is_finished_when_the_door_closes_if_it_is_quick(work_s, served, autojump_clock):
    async with open_house(imagined=True) as house:

        @house.app.get("/work")
        async def work():
            await trio.sleep(work_s)
            return {}

        visitor, idle = house.street.connect(), house.street.connect()
        await idle.get()
        await visitor.send(b"GET /work HTTP/1.1\r\nHost: house\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()
        start = trio.current_time()
        house.scope.cancel()

        assert await idle.until_closed() == b""
        assert trio.current_time() == start, "an idle connection ends at once"
        rest = await visitor.until_closed()
        assert rest.startswith(b"HTTP/1.1 200") == served
        await house.closed.wait()
        assert trio.current_time() - start <= GOODBYE_S + 0.1


async def test_while_the_process_drains_its_health_can_be_asked(autojump_clock):
    async with open_house(imagined=True) as house:
        house.state.draining = True
        visitor = house.street.connect()

        assert [await visitor.get("/health"), await visitor.get("/health/ready")] == [200, 503]


async def test_a_caller_who_does_not_answer_a_goodbye_is_not_waited_for(autojump_clock):
    async def brief(socket):
        await socket.receive()

    async with open_house(brief, imagined=True) as house:
        visitor = house.street.connect()
        assert await visitor.raw_upgrade() == 101
        await visitor.send(b"\x81\x82\x00\x00\x00\x00hi")

        assert await seconds_until_closed(visitor) == pytest.approx(1)


async def test_an_upgrade_that_is_not_read_does_not_last(autojump_clock):
    async with open_house(imagined=True) as house:
        visitor = house.street.connect(deaf=True)
        await visitor.send(b"GET /twilio/media HTTP/1.1\r\nHost: house\r\n" + UPGRADE + b"\r\n")

        assert await seconds_until_closed(visitor) <= HEAD_S + 1


async def test_a_call_that_does_not_want_to_end_does_not_keep_the_door_open(autojump_clock):
    async def stubborn(socket):
        await trio.sleep_forever()

    async with open_house(stubborn, imagined=True) as house:
        for _ in range(10):
            await house.street.connect().raw_upgrade()

        house.scope.cancel()
        with trio.fail_after(1.5):
            await house.closed.wait()


@pytest.mark.parametrize(
    "rest", [b" HTTP/1.1\r\nHost: house\r\n\r\n", b"?\xff HTTP/1.1\r\nHost: house\r\n" + UPGRADE + b"\r\n"]
)
async def test_a_failed_upgrade_leaves_nothing_behind(rest, autojump_clock):
    async with open_house(imagined=True) as house:
        await trio.testing.wait_all_tasks_blocked()
        before = trio.lowlevel.current_statistics().tasks_living
        visitor = house.street.connect()
        await visitor.send(b"GET /twilio/media" + rest)
        await visitor.until_closed()
        await trio.testing.wait_all_tasks_blocked()

        assert trio.lowlevel.current_statistics().tasks_living == before
        assert trio.current_time() < 0.1


async def test_a_peer_that_errs_during_the_goodbye_does_not_interrupt_what_follows_a_call(autojump_clock):
    kept = []

    async def call(socket):
        with trio.move_on_after(1):
            await socket.close()
        await trio.sleep(5)
        kept.append("record")

    async with open_house(call, imagined=True) as house:
        visitor = house.street.connect()
        await visitor.raw_upgrade()
        await visitor.send(b"\x89\x80\x00\x00\x00\x00")  # a ping where a goodbye was due
        await trio.sleep(10)

    assert kept == ["record"]


SLOW = (b"GET /health HTTP/1.1\r\nX: ", b"POST /twilio/voice HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")


@pytest.mark.parametrize("beginning", SLOW)
async def test_a_burst_of_slow_clients_does_not_push_out_who_has_just_been_let_in(
    monkeypatch, autojump_clock, beginning
):
    monkeypatch.setattr("nurseries.door.http_side.MAX_CONNECTIONS", 3)
    async with open_house(imagined=True) as house:

        async def slow(count: int) -> list[object]:
            crowd = [house.street.connect() for _ in range(count)]
            for visitor in crowd:
                await visitor.send(beginning)
            return crowd

        crowd = await slow(5)
        arriving = house.street.connect()
        await arriving.send(REQUEST[:-2])
        await trio.sleep(ARRIVING_S / 2)
        await slow(8)
        await arriving.send(REQUEST[-2:])

        assert (await arriving.answer())[0] == 200
        await trio.sleep(BUSY_S)
        assert await house.street.connect().get() == 200
        assert [await visitor.until_closed() for visitor in crowd] == [b""] * 5
