"""Calls to be placed and the do-not-call list, over HTTP: what is taken, and in which words the rest is refused."""

from __future__ import annotations

from contextlib import closing

import msgspec
import pytest

from agent.config import Settings
from agent.errors import StoreError
from agent.guard.order import Refused, Wanted
from agent.providers.sqlite_dial_book import SqliteDialBook
from agent.web.scope import scope_of
from nurseries.outbound.dialling import Dialling
from nurseries.outbound.refraining import Refraining
from tests.fakes.memory_placing import MemoryPlacing

ASHA, OURS = "+919876543210", "+918012345678"
ASKED = {"to": ASHA, "purpose": "about the visit on Saturday", "variables": {"name": "Asha"}}


class Desk:
    """A face with all that calling out needs."""

    def __init__(self, face, placing, book, refraining) -> None:
        self.client, self.app = face.client, face.app
        self.placing, self.book, self.refraining = placing, book, refraining

    async def post(self, path, body, headers=None):
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        sent = {"Host": "localhost", "Content-Type": "application/json"} | (headers or {})
        return await self.client.post(path, data=raw, headers=sent)

    async def get(self, path):
        return await self.client.get(path, headers={"Host": "localhost"})

    async def delete(self, path):
        return await self.client.delete(path, headers={"Host": "localhost"})


@pytest.fixture
async def desk(house, nursery, tmp_path):
    settings = Settings(_env_file=None, DATA_DIR=tmp_path, TWILIO_CALLER_ID=OURS, CALLING_HOURS="00:00-24:00")
    book = SqliteDialBook(tmp_path / "dial_book.db")
    refraining, placing = Refraining(settings, book), MemoryPlacing()
    nursery.start_soon(refraining.run)
    rules = Dialling(settings, book, asked=refraining.asked)
    face, _ = house(
        out={"rules": rules, "placing": placing, "do_not_call": refraining}, DATA_DIR=tmp_path, TWILIO_CALLER_ID=OURS
    )
    yield Desk(face, placing, book, refraining)
    book.close()


async def test_a_call_is_placed_once_for_a_key(desk: Desk) -> None:
    first = await desk.post("/api/calls", ASKED, {"Idempotency-Key": "k1"})
    order = await first.get_json()
    again = await desk.post("/api/calls", ASKED | {"idempotency_key": "k1"})

    assert (first.status_code, first.headers["Location"]) == (201, "/api/orders/OR1")
    assert (order["state"], order["wanted"]["to"], order["wanted"]["caller_id"]) == ("queued", ASHA, OURS)
    assert (again.status_code, (await again.get_json())["order_id"]) == (200, "OR1")
    assert len(desk.placing.orders) == 1


async def test_the_same_key_for_another_call_is_a_conflict(desk: Desk) -> None:
    await desk.post("/api/calls", ASKED, {"Idempotency-Key": "k1"})

    other = await desk.post("/api/calls", ASKED | {"purpose": "something else"}, {"Idempotency-Key": "k1"})
    both = await desk.post("/api/calls", ASKED | {"idempotency_key": "k2"}, {"Idempotency-Key": "k1"})

    assert (other.status_code, both.status_code) == (409, 409)
    assert "take a new one" in (await other.get_json())["detail"]


async def test_a_call_of_which_nobody_knows_is_told_as_such(desk: Desk) -> None:
    desk.placing.outcome = "unknown"

    response = await desk.post("/api/calls", ASKED)

    assert (response.status_code, (await response.get_json())["state"]) == (202, "unknown")


async def test_what_is_asked_reaches_the_one_who_places(desk: Desk) -> None:
    await desk.post(
        "/api/calls",
        {
            "to": "+91 98765-43210",
            "purpose": " about\n the\x1b visit ",
            "from": "+91 80 1234 5678",
            "variables": {"name": "Asha\r\n<Dial>"},
            "campaign": "nov-24",
        },
    )

    (order,) = desk.placing.orders.values()
    assert order.wanted == Wanted(ASHA, "about the visit", OURS, {"name": "Asha <Dial>"}, "nov-24", "")


@pytest.mark.parametrize(
    ("refused", "status", "again"),
    [
        ((Refused("hours", "a", 60.2), Refused("attempts", "b", 7200.0)), 429, "7200"),
        ((Refused("busy", "a", 0.5),), 429, "1"),
        ((Refused("hours", "a", 60.0), Refused("do-not-call", "b")), 403, None),
        ((Refused("country", "a"), Refused("number", "b")), 422, None),
        ((Refused("budget", "a"),), 403, None),
    ],
)
async def test_every_rule_that_says_no_is_told(desk: Desk, refused, status: int, again: str | None) -> None:
    desk.placing.refused = refused

    response = await desk.post("/api/calls", ASKED)
    told = await response.get_json()

    assert (response.status_code, response.headers.get("Retry-After")) == (status, again)
    assert [each["rule"] for each in told["refused"]] == [each.rule for each in refused]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[" * 60_000, "body"),
        (b'"\xff"', "body"),
        ({"purpose": "x"}, "to"),
        (ASKED | {"to": 5}, "to"),
        (ASKED | {"to": "1" * 41}, "to"),
        (ASKED | {"purpose": ""}, "purpose"),
        (ASKED | {"purpose": "x" * 501}, "purpose"),
        (ASKED | {"variables": {"a b": "x"}}, "variables"),
        (ASKED | {"variables": {"name": "x" * 201}}, "variables"),
        (ASKED | {"variables": {f"v{n}": "" for n in range(21)}}, "variables"),
        (ASKED | {"campaign": "a/../b"}, "campaign"),
        (ASKED | {"idempotency_key": "a b"}, "idempotency_key"),
        (ASKED | {"url": "http://example.com"}, "url"),
    ],
)
async def test_what_cannot_be_used_is_told(desk: Desk, body, where: str) -> None:
    for path in ("/api/calls", "/api/calls/check"):
        response = await desk.post(path, body)
        told = await response.get_json()

        assert response.status_code == 400, told
        assert told["errors"][0]["parameter"].startswith(where)
    assert not desk.placing.orders


async def test_a_form_is_no_json(desk: Desk) -> None:
    response = await desk.post("/api/calls", b"to=%2B91", {"Content-Type": "application/x-www-form-urlencoded"})

    assert response.status_code == 400
    assert "application/json" in (await response.get_json())["detail"]


async def test_a_verdict_costs_nothing(desk: Desk) -> None:
    allowed = await desk.post("/api/calls/check", ASKED)
    refused = await desk.post("/api/calls/check", ASKED | {"to": "09876543210"})

    assert await allowed.get_json() == {"allowed": True, "refused": []}
    assert [each["rule"] for each in (await refused.get_json())["refused"]] == ["number"]
    assert not desk.placing.orders
    assert desk.book.attempts(ASHA, "2026-11-27") == 0


async def test_the_list_is_kept_over_http(desk: Desk) -> None:
    added = await desk.post("/api/do-not-call", {"number": "+91 98765 43210", "why": "asked by letter"})
    entry = await added.get_json()
    verdict = await (await desk.post("/api/calls/check", ASKED)).get_json()

    assert (added.status_code, added.headers["Location"]) == (201, f"/api/do-not-call/{ASHA}")
    assert (entry["number"], entry["who"], entry["why"]) == (ASHA, "this machine", "asked by letter")
    assert [each["rule"] for each in verdict["refused"]] == ["do-not-call"]
    assert await (await desk.get("/api/do-not-call/+919876543210")).get_json() == entry
    assert await (await desk.get("/api/do-not-call")).get_json() == {"entries": [entry], "next": None}
    assert (await desk.delete(f"/api/do-not-call/{ASHA}")).status_code == 204
    assert (await desk.delete(f"/api/do-not-call/{ASHA}")).status_code == 404
    assert (await desk.get(f"/api/do-not-call/{ASHA}")).status_code == 404


async def test_pages_lead_through_the_list(desk: Desk) -> None:
    for n in range(3):
        await desk.post("/api/do-not-call", {"number": f"+91987654321{n}"})

    first = await (await desk.get("/api/do-not-call?limit=2")).get_json()
    second = await (await desk.get(f"/api/do-not-call?limit=2&cursor={first['next']}")).get_json()

    assert [each["number"][-1] for each in first["entries"] + second["entries"]] == ["0", "1", "2"]
    assert second["next"] is None
    assert (await desk.get("/api/do-not-call?cursor=;drop")).status_code == 400
    assert (await desk.get("/api/do-not-call?limit=0")).status_code == 400


async def test_a_number_without_its_country_is_not_guessed(desk: Desk) -> None:
    response = await desk.post("/api/do-not-call", {"number": "09876543210"})

    assert response.status_code == 400
    assert "write +919876543210" in (await response.get_json())["detail"]


async def test_a_number_that_the_store_cannot_take_is_taken_all_the_same(desk: Desk, monkeypatch) -> None:
    monkeypatch.setattr("nurseries.outbound.refraining.SOON_S", 0.05)

    def away(*_) -> int:
        raise StoreError("the store is away")

    monkeypatch.setattr(desk.book, "add", away)
    response = await desk.post("/api/do-not-call", {"number": ASHA})

    assert response.status_code == 202
    verdict = await (await desk.post("/api/calls/check", ASKED)).get_json()
    assert [each["rule"] for each in verdict["refused"]] == ["do-not-call"]


async def test_a_server_without_a_carrier_says_what_it_lacks(house) -> None:
    face, _ = house()
    body = msgspec.json.encode(ASKED)
    headers = {"Host": "localhost", "Content-Type": "application/json"}

    response = await face.client.post("/api/calls", data=body, headers=headers)

    assert response.status_code == 403
    assert "TWILIO_ACCOUNT_SID" in (await response.get_json())["detail"]
    assert (await face.client.post("/api/calls/check", data=body, headers=headers)).status_code == 503
    assert (await face.client.get("/api/do-not-call", headers={"Host": "localhost"})).status_code == 503


async def test_a_server_without_a_carrier_would_place_no_call(house, tmp_path) -> None:
    settings = Settings(_env_file=None, DATA_DIR=tmp_path, TWILIO_CALLER_ID=OURS, CALLING_HOURS="00:00-24:00")
    with closing(SqliteDialBook(tmp_path / "dial_book.db")) as book:
        face, _ = house(out={"rules": Dialling(settings, book, asked=lambda _: False)}, TWILIO_CALLER_ID=OURS)
        headers = {"Host": "localhost", "Content-Type": "application/json"}
        body = msgspec.json.encode(ASKED)
        verdict = await (await face.client.post("/api/calls/check", data=body, headers=headers)).get_json()

    assert (verdict["allowed"], [each["rule"] for each in verdict["refused"]]) == (False, ["carrier"])


def test_placing_and_adding_take_the_scope_to_call(face) -> None:
    app = face(records=object()).app
    scopes = {
        (rule.endpoint, method): scope_of(app.view_functions[rule.endpoint], method)
        for rule in app.url_map.iter_rules()
        for method in rule.methods
        if rule.rule.startswith(("/api/calls", "/api/do-not-call")) and method in {"GET", "POST", "DELETE"}
    }

    assert scopes["api.place", "POST"] == scopes["api.check", "POST"] == scopes["api.add", "POST"] == "call"
    assert scopes["api.remove", "DELETE"] == "admin"
    assert scopes["api.do_not_call", "GET"] == scopes["api.entry", "GET"] == "read"
