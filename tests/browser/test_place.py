"""A call is placed from the page: refused by rules in words, then rung, answered, followed to its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from agent.rehearsal.plan import CallPlan
from tests.browser.carrier import carrier, webhooks_of
from tests.browser.looking import PHONE, Watched, inaccessible
from tests.browser.tls import behind_tls
from tests.calls.server import Server
from tests.fakes.twilio_rest import ACCOUNT, TOKEN, FakeTwilio

KEY = "an-admin-token-of-this-test-0123456789"
ASHA, BUSY = "+919876543210", "+919876543211"


@pytest.fixture(scope="module")
def twilio() -> Iterator[FakeTwilio]:
    with carrier({ASHA: CallPlan(patience_ms=120_000), BUSY: "busy"}) as fake:
        yield fake


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, twilio: FakeTwilio) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "lines.toml").write_text('[visits]\nlanguage = "en-IN"\n')
    with behind_tls(
        folder,
        PROVIDER="scripted",
        TWILIO_SIGNATURE="require",
        TWILIO_ACCOUNT_SID=ACCOUNT,
        TWILIO_AUTH_TOKEN=TOKEN,
        TWILIO_CALLER_ID="+918012345678",
        TWILIO_API_URL=twilio.url,
        CALLING_HOURS="00:00-24:00",
        MACHINE_DETECTION="off",
        API_TOKEN=KEY,
    ) as made:
        twilio.target = webhooks_of(made)
        yield made


@pytest.fixture
def page(visit: Watched) -> Page:
    found = visit("#/place", ignore_https_errors=True, expected={401})
    found.get_by_label("API key").fill(KEY)
    found.keyboard.press("Enter")
    expect(found.locator("h1")).to_have_text("Place a call")
    return found


def fill(page: Page, number: str) -> None:
    page.get_by_label("Number", exact=True).fill(number)
    page.get_by_label("Why the agent calls").fill("Remind them of the visit on Saturday.")


def test_every_rule_says_what_it_thinks_before_anybody_is_rung(page: Page, visit: Watched, twilio: FakeTwilio) -> None:
    call, rules = page.get_by_role("button", name="Call"), page.locator(".rules li")
    expect(call).to_be_disabled()
    fill(page, "+971 50 123 4567")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Check the rules").click()
    expect(page.get_by_text("This call would not be placed.")).to_be_visible()
    expect(rules.filter(has_text="We call that country")).to_contain_text("is in AE, and calls go to IN only")
    expect(rules.filter(has_text="A line is free")).to_have_class("yes")
    expect(call).to_be_disabled()
    assert inaccessible(page) == []
    page.emulate_media(color_scheme="dark")
    assert inaccessible(page) == []
    visit.shot(page, "dark", whole=True)
    fill(page, "+91 1")
    expect(rules).to_have_count(0)
    page.get_by_role("button", name="Check the rules").click()
    expect(rules.filter(has_text="A person may be behind the number")).to_have_class("no")
    expect(rules.filter(has_text="It is within calling hours")).to_contain_text("not looked at")
    assert twilio.creates == 0


def test_a_call_is_rung_answered_watched_and_hung_up(page: Page, visit: Watched, twilio: FakeTwilio) -> None:
    fill(page, ASHA)
    page.get_by_role("button", name="Add a fact").click()
    page.get_by_label("Name of fact 1").fill("name")
    page.get_by_label("Value of fact 1").fill("Asha")
    page.get_by_role("button", name="Check the rules").click()
    expect(page.get_by_text("This call may be placed.")).to_be_visible()
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    visit.shot(page, "allowed", whole=True)
    page.get_by_role("button", name=f"Call {ASHA}").click()
    step = page.locator(".steps [aria-current=step]")
    expect(step).to_have_text("Answered")
    assert "#/place/OR" in page.url
    expect(page.get_by_role("link", name="Watch it live")).to_be_visible()
    assert inaccessible(page) == []
    page.reload()
    expect(step).to_have_text("Answered")
    visit.shot(page, "answered", whole=True)
    page.get_by_role("button", name="Hang up").click()
    expect(step).to_have_text("Over")
    said = page.get_by_role("link", name="What was said").get_attribute("href")
    (made,) = [call for call in twilio.calls.values() if call["To"] == ASHA]
    assert said == f"#/calls/{made.sid}"
    assert twilio.creates == len(twilio.calls)


def test_a_line_that_is_busy_is_told_and_another_call_can_be_placed(page: Page) -> None:
    fill(page, BUSY)
    page.get_by_role("button", name="Check the rules").click()
    page.get_by_role("button", name=f"Call {BUSY}").click()
    expect(page.locator(".steps [aria-current=step]")).to_have_text("Busy")
    expect(page.get_by_role("table").get_by_role("link", name=BUSY)).to_be_visible()
    page.get_by_role("button", name="Place another").click()
    expect(page.get_by_label("Number", exact=True)).to_have_value("")
