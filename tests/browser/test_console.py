"""Every page, as anybody finds it: no error, none but our own addresses, for every eye and without a mouse."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import Watched

PAGES = {
    "call": "Call",
    "live": "Live calls",
    "calls": "History",
    "health": "Health",
    "place": "Place a call",
    "try": "Try the agent",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everybody_and_asks_nobody_else(visit: Watched, name: str) -> None:
    page = visit(f"#/{name}")
    assert page.locator("h1").inner_text() == PAGES[name]
    assert page.locator("nav a[aria-current=page]").get_attribute("href") == f"#/{name}"
    assert page.title().startswith(PAGES[name].split(" calls")[0])
    visit.is_for_everybody(page)


def test_the_keyboard_reaches_everything(visit: Watched) -> None:
    page = visit()
    for name, heading in PAGES.items():
        page.keyboard.press("Tab")
        link = page.locator(f"nav a[href='#/{name}']")
        for _ in range(12):
            if link.evaluate("(each) => each === document.activeElement"):
                break
            page.keyboard.press("Tab")
        outline = link.evaluate("(each) => getComputedStyle(each).outlineStyle")
        assert outline == "solid", "where one is cannot be seen"
        page.keyboard.press("Enter")
        page.locator("h1", has_text=heading).wait_for()
    page.reload()
    page.locator("h1").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # past the pages
    assert page.evaluate("document.activeElement.id") == "content"


def test_an_address_that_there_is_not_leads_to_the_first_page(visit: Watched) -> None:
    assert visit("#/nowhere").locator("h1").inner_text() == PAGES["call"]


def test_an_address_that_is_no_address_leads_somewhere_too(visit: Watched) -> None:
    page = visit("#/calls/100%", expected={404})
    assert page.get_by_role("alert").inner_text().startswith("There is no call 100%")
    assert visit("#/%E0%A4%A").locator("h1").inner_text() == PAGES["call"]


def test_tabs_that_are_not_seen_keep_no_connection_from_one_that_is(visit: Watched) -> None:
    first = visit("#/live")
    tabs = [first, *(first.context.new_page() for _ in range(7))]
    for tab in tabs:
        tab.goto(f"{visit.url}/#/live")
        expect(tab.get_by_role("heading", name="Nobody is on the line")).to_be_visible()
        see(tab, "hidden")
    with first.expect_request("**/api/live"):
        see(first, "visible")
    expect(first.get_by_text("Waiting for the server")).to_be_hidden()


def see(page: Page, how: str) -> None:
    page.evaluate(
        "(how) => { Object.defineProperty(document, 'visibilityState', {value: how, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        how,
    )
