"""Calling out for real: an order placed in one process, its call held by another, over the carrier's API on sockets."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx2
import msgspec
import trio

from agent.config import Settings
from agent.guard.order import FINAL, Order, Placed, Wanted
from agent.providers.http_client import open_http_client
from agent.providers.sqlite_dial_book import SqliteDialBook
from agent.providers.sqlite_orders import SqliteOrders
from agent.providers.twilio_rest import TwilioRest
from agent.rehearsal.plan import CallPlan
from nurseries.outbound.dialling import Dialling
from nurseries.outbound.orders import Orders
from nurseries.outbound.placing import Placing
from nurseries.rehearsal.webhooks import Target
from tests.calls.server import PROGRAM, Server, environment
from tests.calls.witness import stored
from tests.fakes.twilio_rest import ACCOUNT, TOKEN, FakeTwilio

PUBLIC = "https://voice.example.in"
SPEAKS = "t" * 32
PATIENCE_S = 60
ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 11, 27, 7, tzinfo=UTC)
"""In India."""
COMMON = {
    "PROVIDER": "scripted",
    "PUBLIC_URL": PUBLIC,
    "TWILIO_SIGNATURE": "require",
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TWILIO_CALLER_ID": "+918012345678",
    "API_TOKEN": SPEAKS,
    "CALLS_PER_SECOND": "50",
    "DIAL_ATTEMPTS": "50",
    "CALLING_HOURS": "00:00-24:00",
}
CHILD = """
import sys, trio
from pathlib import Path
from tests.calls.test_calling_out import killed
trio.run(killed, Path(sys.argv[1]), sys.argv[2])
"""


class Stage:
    """A carrier, a server that holds calls, and, in this process, another one that places them."""

    def __init__(self, fake: FakeTwilio, server: Server, placing: Placing) -> None:
        self.fake = fake
        self.server = server
        self.placing = placing

    async def place(self, n: int = 10) -> Order:
        placed = await self.placing.place(Wanted(f"+9198765432{n}", "to ask about the flat", campaign="may"))
        assert isinstance(placed, Placed), placed
        return placed.order

    async def until(self, order: Order, holds: Callable[[Order], bool]) -> Order:
        with trio.fail_after(PATIENCE_S):
            while True:
                now = await self.placing.order(order.order_id)
                assert now is not None
                if holds(now):
                    return now
                await trio.sleep(0.02)

    async def record(self, order: Order) -> dict:
        with trio.fail_after(PATIENCE_S):
            while True:
                found = await trio.to_thread.run_sync(stored, self.server.folder)
                mine = [record for record in found if record["order"] == order.order_id and record["ending"]]
                if mine:
                    return mine[0]
                await trio.sleep(0.1)

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        async with httpx2.AsyncClient(trust_env=False) as http:
            headers = {"Authorization": f"Bearer {SPEAKS}"}
            answer = await http.request(method, self.server.url + path, headers=headers, json=body)
            return answer.status_code, answer.content


async def met(holds: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not holds():  # noqa: ASYNC110  another process's doing
            await trio.sleep(0.02)


def over(order: Order) -> bool:
    return order.state in FINAL


@asynccontextmanager
async def placer(folder: Path, url: str, **changes: str) -> AsyncIterator[Placing]:
    """A process of its own, but for being in this one: it shares the stores with the server."""
    settings = Settings(_env_file=None, **(COMMON | {"TWILIO_API_URL": url} | changes))
    orders, book = SqliteOrders(folder / "data" / "orders.db"), SqliteDialBook(folder / "data" / "dial_book.db")
    try:
        async with open_http_client() as http, trio.open_nursery() as nursery:
            rules = Dialling(settings, book, now=lambda: NOON)
            placing = Placing(TwilioRest(settings, http), Orders(orders), rules, settings)
            await nursery.start(placing.run)
            yield placing
            nursery.cancel_scope.cancel()
    finally:
        book.close()
        orders.close()


@asynccontextmanager
async def stage(folder: Path, **changes: str) -> AsyncIterator[Stage]:
    async with trio.open_nursery() as nursery:
        fake = await nursery.start(FakeTwilio(slow_s=30).run)
        server = await trio.to_thread.run_sync(
            lambda: Server(folder, **(COMMON | {"TWILIO_API_URL": fake.url} | changes))
        )
        fake.target = Target(url=server.url, public_url=PUBLIC, auth_token=TOKEN)
        try:
            async with placer(folder, fake.url, **changes) as placing:
                yield Stage(fake, server, placing)
        finally:
            server.kill()
        nursery.cancel_scope.cancel()
    assert not any("Traceback" in line for line in server.lines)


async def killed(folder: Path, url: str) -> None:
    """In a child: orders are placed, and never heard of."""
    async with placer(folder, url) as placing, trio.open_nursery() as nursery:
        for to in ("+919876543210", "+919876543211"):
            nursery.start_soon(placing.place, Wanted(to, "to ask"))


async def test_a_person_is_talked_to_a_machine_left_and_a_call_ended_from_outside(tmp_path: Path) -> None:
    async with stage(tmp_path) as house:
        plans = {"10": CallPlan(hang_up_at_ms=4500), "11": CallPlan(), "12": CallPlan()}
        house.fake.plan = lambda call: plans[call["To"][-2:]]
        house.fake.answered_by = lambda call: "machine_start" if call["To"].endswith("11") else "human"
        person, machine, ended = [await house.place(n) for n in (10, 11, 12)]
        talking = await house.until(ended, lambda now: now.state == "answered")
        assert (await house.ask("DELETE", f"/api/calls/{talking.call_sid}"))[0] == 204
        done = [await house.until(order, over) for order in (person, machine, ended)]
        records = [await house.record(order) for order in done[:2]]
        status, body = await house.ask("GET", f"/api/orders/{person.order_id}")
        assert (await house.ask("DELETE", f"/api/calls/{talking.call_sid}"))[0] == 204, "it is over already"
        command = [PROGRAM, "hang-up", f"CA{'0' * 32}", "--url", house.server.url]
        nobodys = await trio.run_process(command, env=environment(API_TOKEN=SPEAKS), check=False, capture_stderr=True)
        stranger = await trio.run_process(command, env=environment(), check=False, capture_stderr=True)
        await house.until(person, lambda _: house.placing.placed == 0)

    assert [(order.state, order.answered_by) for order in done[:2]] == [
        ("completed", "human"),
        ("completed", "machine_start"),
    ]
    assert done[2].state == "completed"
    assert (nobodys.returncode, nobodys.stderr) == (0, b"")
    assert stranger.returncode == 1
    assert b"key" in stranger.stderr
    assert (status, msgspec.json.decode(body, type=Order)) == (200, done[0])
    assert [record["ending"] for record in records] == ["caller hung up", "machine"]
    assert records[1]["reason"] == "machine_start"
    assert records[0]["entries"][0]["text"].startswith("You are speaking"), "that a machine speaks comes first"
    for record in records:
        assert (record["direction"], record["campaign"]) == ("outbound-api", "may")
        assert record["purpose"] == "to ask about the flat"
        assert (record["caller"], record["called"][:11]) == ("+918012345678", "+9198765432")
    assert len(house.fake.calls) == 3


async def test_a_call_asked_for_over_the_api_is_placed_and_held(tmp_path: Path) -> None:
    async with stage(tmp_path) as house:
        house.fake.plan = lambda _: CallPlan(hang_up_at_ms=1500)
        house.fake.faults.append("429")
        wanted = {"to": "+919876543210", "purpose": "to ask about the flat", "idempotency_key": "k"}
        status, body = await house.ask("POST", "/api/calls", wanted)
        order = msgspec.json.decode(body, type=Order)
        again, same = await house.ask("POST", "/api/calls", wanted)
        done = await house.until(order, over)
        record = await house.record(order)

    assert (status, order.state in {"queued", "ringing", "answered"}) == (201, True)
    assert (again, msgspec.json.decode(same, type=Order).order_id) == (200, order.order_id)
    assert (done.state, record["called"]) == ("completed", "+919876543210")
    assert (len(house.fake.calls), house.fake.creates) == (1, 2)


async def test_whatever_the_carrier_does_there_is_one_call_or_it_is_found_out(tmp_path: Path) -> None:
    faults = ["429", "429:1", "500-after", "reset-after", "slow-after", "garbage", "400", "reset-before", "html-502"]
    limits = {"PLACE_TIMEOUT_S": "4", "TWILIO_API_TIMEOUT_S": "1", "RECONCILE_S": "4"}
    async with stage(tmp_path, **limits) as house:
        placed: list[Order] = []
        for n, fault in enumerate(faults):
            house.fake.faults.append(fault)
            placed.append(await house.place(10 + n))
        calls = [call["StatusCallback"].rpartition("=")[2] for call in house.fake.calls.values()]
        states = [
            (await house.until(order, over)).state if order.order_id in calls else order.state for order in placed
        ]
        listed = json.loads((await house.ask("GET", "/api/orders?limit=50"))[1])["orders"]

    assert len(calls) == len(set(calls)) == 6
    assert states == ["no-answer"] * 6 + ["failed", "unknown", "unknown"]
    assert placed[2].state in {"unknown", "no-answer", "queued", "ringing"}, "before the callbacks, or after"
    assert "21211" in placed[6].reason
    assert [each["order_id"] for each in reversed(listed)] == [order.order_id for order in placed]
    assert house.fake.creates == len(faults) + 2, "only the busy ones were asked again"


async def test_orders_of_a_killed_process_are_found_and_never_sent_again(tmp_path: Path) -> None:
    """kill -9 between writing orders and hearing of them: the carrier has one of the two calls."""
    limits = {"PLACE_TIMEOUT_S": "1", "RECONCILE_S": "1", "LOST_S": "4", "RING_S": "5"}
    async with trio.open_nursery() as nursery:
        fake = await nursery.start(FakeTwilio(slow_s=60).run)
        fake.faults += ["slow-after", "slow-before"]
        (tmp_path / "data").mkdir()
        command = [sys.executable, "-c", CHILD, str(tmp_path), fake.url]
        child = await nursery.start(partial(trio.run_process, command, cwd=ROOT, check=False))
        await met(lambda: fake.creates == 2)
        child.kill()
        store = SqliteOrders(tmp_path / "data" / "orders.db")
        assert [order.state for order in store.find(None, 9)] == ["placing", "placing"]
        settings = COMMON | {"TWILIO_API_URL": fake.url} | limits
        server = await trio.to_thread.run_sync(lambda: Server(tmp_path, **settings))
        try:
            await met(lambda: not {order.state for order in store.find(None, 9)} & {"placing", "unknown"})
            found = {order.state: order for order in store.find(None, 9)}
        finally:
            server.kill()
            store.close()
        nursery.cancel_scope.cancel()

    assert fake.creates == 2
    assert [found["queued"].call_sid] == list(fake.calls)
    assert found["queued"].wanted.to == fake.calls[found["queued"].call_sid]["To"]
    assert "the carrier has none" in found["failed"].reason
