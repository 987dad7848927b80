"""The health page, over a server that has had calls, and then is not there any more."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import pytest
from playwright.sync_api import Page, expect

from agent.keep.record import TurnTimes
from agent.providers.sqlite import SqliteStore
from tests.agent.providers.test_stores import record
from tests.browser.looking import PHONE, Watched, inaccessible
from tests.calls.server import Server

ENDINGS = ["caller hung up"] * 22 + ["agent said goodbye"] * 11 + ["transferred"] * 3 + ["failed"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, dice = tmp_path_factory.mktemp("server"), random.Random(7)
    (folder / "data").mkdir()
    store = SqliteStore(folder / "data" / "calls.db")
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    for number, ending in enumerate(ENDINGS):
        turns = []
        for _ in range(dice.randrange(1, 9)):
            heard, token, sound = dice.randrange(0, 120), dice.randrange(150, 600), dice.randrange(50, 300)
            turns.append(TurnTimes(heard, heard + token, heard + token + sound, endpoint_ms=dice.choice([450, 1500])))
        if number == 5:
            turns.append(TurnTimes(40, 2300, 2400, endpoint_ms=450))
        made = record(f"CA{number:032x}", now, ending=ending)
        store.save(msgspec.structs.replace(made, turns=tuple(turns)))
    store.close()
    found = Server(folder, PROVIDER="scripted", DAY_BUDGET="20", MAX_CONCURRENT_CALLS="30")
    yield found
    found.kill()


def card(page: Page, title: str):
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True))


def test_what_there_is_is_drawn_and_told_in_tables(visit: Watched) -> None:
    page = visit("#/health")
    expect(card(page, "The server")).to_contain_text("Taking calls")
    expect(card(page, "The server")).to_contain_text("0 of 30")
    endings = card(page, "Calls by ending")
    expect(endings.get_by_role("img", name="Caller hung up 22")).to_be_visible()
    endings.get_by_text("As a table").click()
    assert endings.locator("tbody tr").all_inner_texts()[1].split("\t") == ["Agent said goodbye", "11"]
    endings.get_by_role("button", name="Since the start").click()
    expect(endings).to_contain_text("No call is over yet.")
    endings.get_by_role("button", name="Today").click()
    expect(card(page, "What the doctor sees")).to_contain_text("ms a durable write")
    expect(card(page, "Spending against caps")).to_contain_text("of $20.00")
    latency = card(page, "From the last word to the answer")
    expect(latency).to_contain_text("Slowest: 2850 ms, mostly first token")
    assert latency.get_by_role("link").get_attribute("href") == f"#/calls/CA{5:032x}"
    latency.get_by_text("As a table").click()
    assert len(latency.locator("tbody tr").all()) == 5
    assert inaccessible(page) == []
    page.emulate_media(color_scheme="dark")
    assert inaccessible(page) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert inaccessible(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    visit.shot(page, "phone", whole=True)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light")
    visit.shot(page, "whole", whole=True)


def test_it_is_looked_at_anew_and_a_server_that_is_gone_is_told(visit: Watched, server: Server) -> None:
    page = visit("#/health")
    page.clock.install()
    page.reload()
    expect(card(page, "The server")).to_be_visible()
    with page.expect_response("**/api/standing"):
        page.clock.run_for(5000)
    page.route("**/api/standing", lambda route: route.abort())
    page.clock.run_for(5000)
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer. Is it running? Below is how it was.")
    expect(card(page, "The server")).to_be_visible()
    page.unroute("**/api/standing")
    page.clock.run_for(5000)
    expect(page.get_by_role("alert")).to_have_count(0)
    visit.faults[:] = [fault for fault in visit.faults if "net::ERR_FAILED" not in fault]  # ours
