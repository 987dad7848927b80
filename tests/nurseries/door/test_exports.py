"""Files that are made as they are read, at the door: whoever stops reading, or goes, ends them."""

import structlog
import trio

from agent.config import Settings
from agent.errors import StoreError
from agent.web.api import api_routes
from nurseries.door.handover import SEND_S
from tests.agent.web.test_calls_face import record
from tests.fakes.street import open_house

ASK = b"GET /api/export?format=jsonl HTTP/1.1\r\nHost: localhost\r\n\r\n"
PAGE = [record(n, started_at=f"2026-11-22T10:00:00.{n:03}+00:00") for n in range(200)]


class Endless:
    """The Records port, with no end of calls."""

    def __init__(self, pages=10**9):
        self.asked = 0
        self.pages = pages

    async def find(self, query, limit, after, shape):
        await trio.lowlevel.checkpoint()
        self.asked += 1
        if self.asked > self.pages:
            raise StoreError("away")
        return shape(PAGE)


def shop(house, records):
    house.app.register_blueprint(api_routes(Settings(_env_file=None), records))
    return records


async def test_who_does_not_read_is_shown_out_and_holds_nothing(autojump_clock):
    async with open_house(imagined=True) as house:
        records = shop(house, Endless())
        visitor = house.street.connect(deaf=True)
        start = trio.current_time()
        with structlog.testing.capture_logs() as logs:
            await visitor.send(ASK)
            await visitor.until_closed()

        assert trio.current_time() - start <= 2 * SEND_S + 2
        assert records.asked <= 2
        assert [entry["waited_s"] for entry in logs if entry["event"] == "peer does not read"] == [SEND_S]


async def test_who_reads_slowly_gets_all_of_it(autojump_clock):
    """2 KB a second, and nothing for 20 s now and then."""
    async with open_house(imagined=True) as house:
        records = shop(house, Endless(pages=2))
        visitor = house.street.connect(lockstep=True)
        await visitor.send(ASK)
        got = b""
        start = trio.current_time()
        while data := await visitor.stream.receive_some(20 * 2048):
            got += data
            await trio.sleep(20)
            if got.count(b"call_sid") == 400:
                break

        assert trio.current_time() - start > 4 * SEND_S
        assert got.count(b"call_sid") == 400
        assert records.asked >= 2


async def test_who_goes_away_ends_it():
    async with open_house() as house:
        records = shop(house, Endless())
        visitor = await house.visit()
        await visitor.send(ASK)
        assert await visitor.stream.receive_some()
        await visitor.stream.aclose()
        before = -1
        while before != records.asked:
            before = records.asked
            await trio.testing.wait_all_tasks_blocked(0.02)

        assert await house.healthy()
        assert records.asked == before


async def test_one_that_cannot_go_on_is_not_taken_for_a_whole_one():
    async with open_house() as house:
        shop(house, Endless(pages=3))
        visitor = await house.visit()
        with structlog.testing.capture_logs() as logs:
            await visitor.send(ASK)
            answer = await visitor.until_closed()

        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.count(b"call_sid") == 600
        assert not answer.endswith(b"0\r\n\r\n")
        assert next(entry["event"] for entry in logs if entry["event"] != "api") == "an answer is broken off"
        assert not [entry for entry in logs if "exc_info" in entry]
