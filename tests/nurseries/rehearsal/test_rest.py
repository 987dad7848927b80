"""Twilio's API for simulated calls, asked by the server's own client of it and with requests that it must refuse."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from agent.providers.http_client import open_http_client
from agent.providers.twilio_rest import TwilioRest
from agent.rehearsal.log import CallLog
from nurseries.rehearsal.exchange import Exchange
from nurseries.rehearsal.rest import Rest
from tests.calls.stage import configured

ACCOUNT, TOKEN = "AC" + "5" * 32, "f" * 32
SID = "CA" + "1" * 32
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{SID}.json"


class Up:
    """A call that is up."""

    def __init__(self) -> None:
        self.log = CallLog()
        self.updates: list[dict[str, Any]] = []

    def update(self, **how: Any) -> None:
        self.updates.append(how)


@pytest.fixture
async def rest(nursery: trio.Nursery) -> AsyncIterator[Rest]:
    exchange = Exchange()
    made = Rest(exchange, ACCOUNT, TOKEN)
    await nursery.start(made.serve)
    yield made
    nursery.cancel_scope.cancel()


def up(rest: Rest) -> Up:
    call = Up()
    rest._exchange.connect(SID, call)
    return call


async def test_the_servers_own_client_brings_a_call_back_and_ends_it(rest: Rest) -> None:
    call = up(rest)
    settings = configured(TWILIO_ACCOUNT_SID=ACCOUNT, TWILIO_AUTH_TOKEN=TOKEN, TWILIO_API_URL=rest.url)
    async with open_http_client() as http:
        client = TwilioRest(settings, http)
        assert await client.redirect(SID, "https://h/twilio/after#rc=5")
        await client.hang_up(SID)
        assert rest.updates == {SID: 2}
        rest._exchange.disconnect(SID)
        assert not await client.redirect(SID, "https://h/twilio/after")

    assert call.updates == [
        {"url": "https://h/twilio/after#rc=5", "document": b""},
        {"completed": True},
    ]
    assert rest.refused == {21220: 1}


@pytest.mark.parametrize(
    ("method", "path", "key", "form", "status", "code"),
    [
        ("POST", PATH, "Basic bm9ib2R5Om5vdGhpbmc=", {"Status": "completed"}, 401, 20003),
        ("POST", PATH.replace("1.json", "2.json"), "", {"Status": "completed"}, 404, 20404),
        ("POST", PATH, "", {}, 400, 21205),
        ("POST", PATH, "", {"Status": "busy"}, 400, 21205),
        ("DELETE", PATH, "", {}, 404, 20404),
        ("GET", "/2010-04-01/Accounts/AC1/Calls.json", "", {}, 404, 20404),
    ],
)
def test_what_twilio_would_refuse(
    method: str, path: str, key: str, form: dict[str, str], status: int, code: int
) -> None:
    rest = Rest(Exchange(), ACCOUNT, TOKEN)
    call = up(rest)
    answered, body = rest.answer(method, path, key or rest._key, form)

    assert (answered, json.loads(body)["code"]) == (status, code)
    assert rest.refused == {code: 1}
    assert call.updates == []


def test_a_call_is_told() -> None:
    rest = Rest(Exchange(), ACCOUNT, TOKEN)
    up(rest)
    assert json.loads(rest.answer("GET", PATH, rest._key, {})[1])["status"] == "in-progress"
    rest._exchange.disconnect(SID)
    assert json.loads(rest.answer("GET", PATH, rest._key, {})[1])["status"] == "completed"
