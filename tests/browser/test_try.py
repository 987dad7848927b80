"""Another greeting and other guards for one call, from the page, beside the call before."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from agent.trying import NOT_HERE
from tests.browser.looking import PHONE, Watched, inaccessible

CUT = r"(Cut off here\. Would have said: )?"
GREETED = rf"Ahoy, {CUT}Priya {CUT}here\."
"""Whoever types fast cuts it short, and the rest of it is struck."""


def call(page: Page, *typed: str) -> None:
    """Without a microphone, to its end."""
    page.get_by_role("button", name="Without a microphone").click()
    expect(page.locator(".bubbles .agent").first).to_be_visible()
    box = page.get_by_role("textbox", name="Type instead of talk")
    for n, words in enumerate(typed):
        box.fill(words)
        box.press("Enter")
        expect(page.locator(".bubbles .caller")).to_have_count(n + 1)
        expect(page.locator(".bubbles .latency")).to_have_count(n + 1)
    page.get_by_role("button", name="Hang up").click()
    expect(page.locator(".outcome a")).to_be_visible()


def test_two_calls_are_set_side_by_side(visit: Watched, tmp_path) -> None:
    page = visit("#/try", expected={400})
    page.get_by_label("Greeting").fill("Ahoy, {agent} here.")
    page.locator("#guard-END_SILENCE_MS").fill("5")
    page.get_by_role("button", name="Without a microphone").click()
    expect(page.locator("#guard-END_SILENCE_MS-fault")).to_have_text("It has to be greater than or equal to 96.")
    expect(page.locator("#guard-END_SILENCE_MS")).to_be_focused()
    assert inaccessible(page) == []

    page.locator("#guard-END_SILENCE_MS").fill("900")
    call(page, "I want to buy a flat")
    expect(page.locator(".bubbles .agent").first).to_contain_text(re.compile(GREETED))
    page.locator("#guard-END_SILENCE_MS").fill("300")
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("You sell boats.\r\nBe brief.\n")
    page.locator("#try-file").set_input_files(prompt)
    expect(page.get_by_role("textbox", name="Prompt")).to_have_value("You sell boats.\nBe brief.")
    call(page, "I want to sell my villa", "in Jayanagar")

    compared = page.locator(".compare")
    expect(compared.locator("tr", has_text="END_SILENCE_MS")).to_have_text("END_SILENCE_MS900300")
    expect(compared.locator("tr", has_text="prompt")).to_contain_text("2 new")
    expect(compared.locator("tr", has_text="Each answer").locator("td").nth(1)).to_contain_text(",")
    before, last = compared.locator(".told").all()
    expect(before).to_contain_text("I want to buy a flat")
    expect(last).to_contain_text("in Jayanagar")
    assert inaccessible(page) == []

    page.reload()
    expect(page.locator("#guard-END_SILENCE_MS")).to_have_value("300")
    expect(page.locator(".compare .told")).to_have_count(2)
    page.get_by_role("button", name="All as it was").click()
    expect(page.locator(".form .tag")).to_have_count(0)


def test_what_was_tried_is_no_other_call_s(visit: Watched) -> None:
    page = visit("#/try", size=PHONE)
    page.get_by_label("Greeting").fill("Ahoy.")
    call(page)
    page.goto(page.url.replace("#/try", "#/call"))
    page.get_by_role("button", name="Call without a microphone").click()
    expect(page.locator(".bubbles .agent").first).to_contain_text("Hello")
    page.get_by_role("button", name="Hang up").click()


@pytest.mark.parametrize("status", [403])
def test_where_it_is_not_allowed_it_says_so(visit: Watched, status: int) -> None:
    def refuse(route) -> None:
        route.fulfill(status=status, json={"detail": NOT_HERE})

    page = visit("#/call", expected={status})
    page.route("**/api/try", refuse)
    page.goto(page.url.replace("#/call", "#/try"))
    expect(page.get_by_role("alert")).to_have_text(NOT_HERE)
