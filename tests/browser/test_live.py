"""Calls while they go on, as who runs the line sees them: a real call, the real page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.browser.calling import SPEECH, calling
from tests.browser.looking import PHONE, Watched, inaccessible
from tests.calls.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that records, so that one may listen in, and has a colleague to pass callers on to."""
    settings = {"PROVIDER": "scripted", "RECORD_CALLS": "on", "TRANSFER_TO": "+918012345678"}
    found = Server(tmp_path_factory.mktemp("server"), **settings)
    yield found
    found.kill()


def record(server: Server, call_sid: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx2.get(f"{server.url}/api/calls/{call_sid}", trust_env=False).json()
    return found


def said(page: Page) -> list[str]:
    """What the transcript shows, without what is for ears alone."""
    return page.eval_on_selector_all(
        ".said:not(.tool) p",
        "(all) => all.map((each) => [...each.childNodes].filter((node) => !node.classList?.contains('unseen')"
        " && node.nodeName !== 'S').map((node) => node.textContent).join('').trim())",
    )


def test_a_call_is_in_the_list_and_its_end_too(visit: Watched, server: Server) -> None:
    page = visit("#/live")
    expect(page.get_by_role("heading", name="Nobody is on the line")).to_be_visible()
    with calling(server.url, hang_up_at_ms=9000) as call_sid:
        row = page.locator(f"a[href='#/live/{call_sid}']")
        expect(row).to_have_text("+919876543210")
        expect(page.locator("tbody tr").first).to_contain_text("agent speaks")
        page.get_by_role("button", name="Score").click()
        expect(page.get_by_role("columnheader", name="Score")).to_have_attribute("aria-sort", "descending")
        page.get_by_placeholder("Number, line or words").fill("nobody has this")
        expect(page.get_by_text("No live call has these words.")).to_be_visible()
        page.get_by_role("button", name="Show all").click()
        expect(row).to_be_visible()
        for size in ((1280, 800), PHONE):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                assert inaccessible(page) == []
            visit.shot(page, f"list-{size[0]}")
    expect(page.locator(f".over a[href='#/calls/{call_sid}']")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(0)


def test_what_is_said_is_the_record_at_its_end_and_what_was_cut_off_is_struck(visit: Watched, server: Server) -> None:
    with calling(server.url, SPEECH, barge_in_at_ms=3500, quiet_ms=6000) as call_sid:
        page = visit(f"#/live/{call_sid}")
        expect(page.locator(".said.agent").first).to_contain_text("This call is recorded.")
        expect(page.locator(".said s").first).to_be_visible()
        expect(page.locator(".waterfall tbody tr")).to_have_count(1)
        view = page.get_by_role("application")
        view.focus()
        told = set()
        for _ in range(40):
            page.keyboard.press("ArrowRight")
            told.add(page.locator(".readout").inner_text().partition(". ")[2].partition(":")[0])  # "": not drawn yet
        assert told >= {"Caller", "Agent", "Voice activity", "Turns", "Barge-ins", "Clears", "Marks"}
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        expect(page.locator(".said:focus")).to_be_in_viewport()
        page.get_by_role("button", name="As a table").click()
        expect(page.get_by_role("region", name="Moments")).to_contain_text("the caller takes the turn")
        for size in ((1280, 800), PHONE):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                assert inaccessible(page) == []
            visit.shot(page, f"call-{size[0]}")
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    expect(page.get_by_role("link", name="See it in the history")).to_be_visible()
    expect(page.locator(".said small", has_text="interrupted").first).to_be_visible()
    kept = record(server, call_sid)
    entries = [entry for entry in kept["entries"] if entry["role"] != "tool"]
    expect(page.locator(".said:not(.tool)")).to_have_count(len(entries))
    assert said(page) == [entry["text"] for entry in entries]
    cut = next(entry for entry in entries if entry.get("interrupted"))
    assert page.locator(".said s").first.inner_text() == cut["meant"].removeprefix(cut["text"]).strip()
    expect(page.locator(".waterfall tbody tr")).to_have_count(len(kept["turns"]))


def test_hanging_up_is_asked_for_and_done(visit: Watched, server: Server) -> None:
    with calling(server.url, *[SPEECH] * 8) as call_sid:
        page = visit(f"#/live/{call_sid}")
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("button", name="Follow now").click()
        page.get_by_role("button", name="Whole call").click()
        expect(page.get_by_role("button", name="Follow now")).to_be_visible()
        page.get_by_role("button", name="Hang up").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("The caller hears nothing more")
        assert inaccessible(page) == []
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        page.get_by_role("button", name="Hang up").click()
        dialog.get_by_role("button", name="Hang up").click()
        expect(page.get_by_text("This call is over")).to_be_visible()
    assert record(server, call_sid)["ending"]


def test_a_caller_is_passed_on(visit: Watched, server: Server) -> None:
    with calling(server.url, *[SPEECH] * 8) as call_sid:
        page = visit(f"#/live/{call_sid}", expected={409})
        page.route("**/transfer", lambda route: route.fulfill(status=409, json={"detail": "It is leaving already."}))
        transfer = page.get_by_role("button", name="Transfer")
        transfer.click()
        page.get_by_role("dialog").get_by_role("button", name="Transfer").click()
        expect(page.get_by_role("alert")).to_have_text("It is leaving already.")
        page.unroute("**/transfer")
        transfer.click()
        page.get_by_role("dialog").get_by_role("button", name="Transfer").click()
        expect(page.get_by_text("The caller is being handed over.")).to_be_visible()
        expect(page.get_by_text("This call is over")).to_be_visible()


def test_one_may_listen_in(visit: Watched, server: Server) -> None:
    with calling(server.url, *[SPEECH] * 8) as call_sid:
        page = visit(f"#/live/{call_sid}")
        with page.expect_response(f"**/api/live/{call_sid}/sound") as answer:
            page.get_by_role("button", name="Listen in").click()
        assert answer.value.status == 200
        expect(page.get_by_role("slider", name="Volume")).to_be_visible()
        for side in ("Agent, right", "Caller, left"):
            page.wait_for_function(
                "(name) => [...document.querySelectorAll('label.meter')].some((each) => each.textContent.includes(name)"
                " && each.querySelector('meter').value > 0.3)",
                arg=side,
            )
        assert inaccessible(page) == []
        page.get_by_role("button", name="Hang up").click()
        page.get_by_role("dialog").get_by_role("button", name="Hang up").click()
        expect(page.get_by_text("This call is over")).to_be_visible()


def test_a_call_that_there_is_not_is_told_with_where_to_look(visit: Watched) -> None:
    page = visit("#/live/CAnothing", expected={404})
    expect(page.get_by_role("heading", level=1)).to_have_text("This call is not going on")
    page.get_by_role("link", name="history", exact=True).click()
    expect(page).to_have_url(re.compile("#/calls/CAnothing$"))


@pytest.mark.parametrize("ahead_ms", [-3_600_000, 3_600_000])
def test_how_long_a_call_takes_is_told_by_the_server_s_clock(visit: Watched, server: Server, ahead_ms: int) -> None:
    page = visit("#/live")
    page.add_init_script(f"{{ const real = Date.now; Date.now = () => real() + ({ahead_ms}); }}")
    page.reload()
    with calling(server.url, hang_up_at_ms=15_000):
        expect(page.locator("td.duration").first).to_have_text(re.compile(r"^0:(0[3-9]|1\d)$"))
