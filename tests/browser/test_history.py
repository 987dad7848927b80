"""Calls that are over: found again, heard, understood, downloaded, erased."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.looking import PHONE, Watched, inaccessible
from tests.browser.past_calls import ONE, POINTS, SCORE, THEM, keep
from tests.calls.server import Server


def test_a_page_is_left_while_its_call_is_heard(visit: Watched) -> None:
    page = opened(visit)
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator(".transcript li[aria-current]")).to_have_count(1)
    page.get_by_role("link", name="Health").click()
    expect(page.locator("h1")).to_have_text("Health")


MINUS = "\u2212"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    keep(folder)
    found = Server(folder, PROVIDER="scripted", RECORD_CALLS="on", RECORD_SESSIONS="0.05")
    yield found
    found.kill()


def opened(visit: Watched) -> Page:
    page = visit(f"#/calls/{ONE}")
    page.get_by_role("slider", name="Position in the call").wait_for()
    return page


def test_a_call_is_found_by_words_and_opened_by_the_keyboard(visit: Watched) -> None:
    page = visit("#/calls")
    page.locator("tbody tr").first.wait_for()
    page.keyboard.press("/")
    page.keyboard.type("eighty WHITEFIELD")
    page.keyboard.press("Enter")

    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.locator("tbody mark").all_inner_texts() == ["Whitefield", "eighty"]
    assert page.evaluate("location.hash") == "#/calls?q=eighty+WHITEFIELD"
    page.locator("a.open").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(THEM)
    page.get_by_role("link", name="All calls").click()
    expect(page.get_by_label("Words said")).to_have_value("eighty WHITEFIELD")


def test_an_address_is_what_is_shown_and_back_is_back(visit: Watched) -> None:
    page = visit("#/calls?sort=longest&min_score=10")
    lengths = page.locator("tbody td.length")
    expect(lengths.first).to_have_text("0:46")
    told = [int(text[0]) * 60 + int(text[2:]) for text in lengths.all_inner_texts()]
    assert told == sorted(told, reverse=True)
    assert len(told) == 25

    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2")).to_be_visible()
    page.get_by_label("Order").select_option("score")
    expect(page.locator("tbody td.score").first).to_have_text(str(SCORE))
    expect(page.get_by_role("columnheader", name="Score")).to_have_attribute("aria-sort", "descending")
    page.go_back()
    expect(page.get_by_text("Page 2")).to_be_visible()
    page.go_back()
    expect(lengths.first).to_have_text("0:46")


def test_a_call_that_goes_on_stays_while_the_server_is_away(visit: Watched) -> None:
    asked = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 2:
            return route.fulfill(status=503, json={"detail": "The store does not answer. Try again."})
        told = route.fetch().json()
        return route.fulfill(json=told | {"ending": ""} if len(asked) == 1 else told)

    page = visit("#/live", expected={503})
    page.route(f"**/api/calls/{ONE}", answer)
    page.goto(f"{visit.url}/#/calls/{ONE}")
    expect(page.get_by_text("This call goes on.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_text("The store does not answer. Try again.")
    expect(page.get_by_role("heading", name=THEM)).to_be_visible()
    expect(page.get_by_text("This call goes on.")).to_be_hidden()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_words_without_an_end_do_not_widen_a_telephone_s_page(visit: Watched) -> None:
    def answer(route: Route) -> None:
        told = route.fetch().json()
        told["entries"][2]["text"] = told["summary"] = told["purpose"] = "x" * 1000
        told["caller"] = told["lead"]["facts"][0]["value"] = told["lead"]["points"][0]["utterance"] = "y" * 150
        route.fulfill(json=told)

    page = visit("#/live", size=PHONE)
    page.route(f"**/api/calls/{ONE}", answer)
    page.goto(f"{visit.url}/#/calls/{ONE}")
    expect(page.locator("h1")).to_contain_text("yyy")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_nothing_is_said_of_how_an_agent_was_heard_that_never_spoke(visit: Watched) -> None:
    page = visit("#/live")
    page.route(f"**/api/calls/{ONE}", lambda route: route.fulfill(json=route.fetch().json() | {"entries": []}))
    page.goto(f"{visit.url}/#/calls/{ONE}")
    expect(page.get_by_role("heading", name="Slowest answer")).to_be_visible()
    expect(page.get_by_text("cut short")).to_have_count(0)


def test_what_cannot_be_asked_and_what_there_is_not_is_told(visit: Watched) -> None:
    page = visit("#/calls?number=Asha+Rao&q=flat", expected={400, 404})

    expect(page.get_by_label("Number")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#f-number-fault")).to_contain_text("write it like +91 98765 43210")
    page.evaluate("location.hash = '#/calls?q=unheardof'")
    expect(page.get_by_text("No call fits all of this.")).to_be_visible()
    page.get_by_role("link", name="Show all calls").click()
    expect(page.locator("tbody tr")).to_have_count(25)
    page.evaluate("location.hash = '#/calls/CA404'")
    expect(page.get_by_role("alert")).to_contain_text("There is no call CA404")


def test_a_call_is_heard_and_the_line_that_is_spoken_is_marked(visit: Watched) -> None:
    page = opened(visit)
    both_sides_are_drawn(page)
    slider = page.get_by_role("slider", name="Position in the call")
    now = page.locator(".transcript li[aria-current]")
    expect(now).to_have_count(0)
    page.get_by_role("button", name="Play from 0:04: Caller").click()
    expect(now).to_contain_text("two bedroom flat")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.evaluate("document.querySelector('audio').currentTime = 9.95")  # as time goes on
    expect(now).to_contain_text("How soon are you hoping to move?")
    page.get_by_role("button", name="Pause").click()

    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "0:00 of 0:36. ")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "5")
    page.keyboard.press("PageUp")
    expect(slider).to_have_attribute("aria-valuenow", "35")
    expect(now).to_have_count(0)
    page.keyboard.press("PageDown")
    expect(now).to_contain_text("two bedroom flat")  # also while it does not play
    page.get_by_text("Very good. How soon are you").click()
    expect(now).to_contain_text("How soon are you hoping to move?")


def both_sides_are_drawn(page: Page) -> None:
    # Of each side, whether anything is drawn at these seconds: above the middle the caller, below it the agent.
    look = """() => {
        const canvas = document.querySelector(".wave canvas");
        const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
        pen.drawImage(canvas, 0, 0);
        return [6, 11, 18, 26].map((second) => [0.3, 0.7].map((high) => {
            const [x, y] = [canvas.width * second / 36, canvas.height * high];
            return pen.getImageData(x - 6, y - 6, 12, 12).data.some((byte) => byte);
        }));
    }"""
    drawn = "[[true,false],[false,true],[false,false],[true,false]]"
    page.wait_for_function(f"() => JSON.stringify(({look})()) === '{drawn}'")
    gap = page.locator(".wave .gap")
    expect(gap).to_have_attribute("title", "connection lost, 3.50 s")
    expect(page.locator("li.between")).to_have_text("connection lost, 3.50 s")


def why_it_scored_is_shown_in_the_callers_own_words(page: Page) -> None:
    assert page.get_by_role("heading", name=f"Why {SCORE} of 100").is_visible()
    told = [int(text.replace(MINUS, "-")) for text in page.locator(".sum tbody td.figure").all_inner_texts()]
    assert told == [each.points for each in POINTS]
    assert page.locator(".sum tfoot strong").inner_text() == str(SCORE) == str(sum(told))

    expect(page.get_by_text("What more could have counted: ")).to_contain_text("visit +10")
    page.get_by_role("button", name="budget: 80 lakh rupees").click()
    expect(page.locator("mark.strong")).to_have_text("eighty lakhs")
    assert page.evaluate("document.activeElement.id") == "line-caller-1"
    page.get_by_role("button", name="objections: price").click()
    expect(page.locator("mark.strong")).to_have_text("too expensive")
    page.get_by_role("button", name="intent: buy").click()  # of no words of its own
    assert "".join(page.locator("mark.strong").all_inner_texts()).startswith("I am looking for")


def what_was_not_heard_and_what_was_slow_is_said_at_the_top(page: Page) -> None:
    glance = page.locator(".glance")

    assert "Cut short once" in glance.inner_text()
    assert "Not heard: you buy, sell or rent a home." in glance.inner_text()
    assert glance.locator("s").inner_text() == "you buy, sell or rent a home."
    assert page.locator(".transcript s").inner_text() == "you buy, sell or rent a home."
    assert "Turn 2 was the slowest: 3.09 s" in glance.inner_text()
    assert "first token (2120 ms)" in glance.inner_text()
    expect(page.locator(".waterfall tr.worst th")).to_have_text("2")


def what_it_cost_adds_up_and_estimates_say_so(page: Page) -> None:
    costs = page.locator("section", has=page.get_by_role("heading", name="Cost"))
    rows = [float(text[1:]) for text in costs.locator("tbody td.figure").all_inner_texts()]

    assert len(rows) == 4
    assert sum(rows) == pytest.approx(float(costs.locator("tfoot td").inner_text()[1:]), abs=0.0003)
    assert costs.get_by_text("estimate", exact=True).count() == 1


def test_who_has_never_seen_it_finds_why(visit: Watched) -> None:
    page = opened(visit)
    what_was_not_heard_and_what_was_slow_is_said_at_the_top(page)
    why_it_scored_is_shown_in_the_callers_own_words(page)
    what_it_cost_adds_up_and_estimates_say_so(page)


def test_its_files_open_and_the_command_that_plays_it_again_is_there(visit: Watched, tmp_path: Path) -> None:
    page = opened(visit)
    files = {}
    for name in ("Sound (WAV)", "Record (JSON)", "Captions (VTT)", "Text"):
        with page.expect_download() as found:
            page.get_by_role("link", name=name).click()
        files[name] = tmp_path / found.value.suggested_filename
        found.value.save_as(files[name])

    assert {path.name for path in files.values()} == {f"{ONE}.{end}" for end in ("wav", "json", "vtt", "txt")}
    assert files["Sound (WAV)"].read_bytes()[:4] == b"RIFF"
    assert json.loads(files["Record (JSON)"].read_text())["call_sid"] == ONE
    assert files["Captions (VTT)"].read_text().startswith("WEBVTT")
    assert (
        f"calling-agent replay --timeline data/sessions/{ONE}-1.session.gz" in page.locator("pre.command").inner_text()
    )


@pytest.mark.parametrize("where", ["", f"/{ONE}"], ids=["the list", "a call"])
def test_it_is_for_everybody(visit: Watched, where: str) -> None:
    page = visit(f"#/calls{where}")
    page.get_by_role("slider" if where else "table").first.wait_for()
    if where:
        page.get_by_role("button", name="budget: 80 lakh rupees").click()
    visit.is_for_everybody(page)


def test_what_goes_is_told_before_a_person_is_erased(visit: Watched) -> None:
    page = opened(visit)
    page.get_by_role("button", name="Erase…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 call:")
    expect(dialog).to_contain_text("1 recording")
    assert inaccessible(page) == []
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Erase…").click()
    dialog.get_by_role("button", name="Erase for good").click()
    expect(dialog).to_contain_text("Erased: 1 record, 2 recordings.")
    dialog.get_by_role("link", name="To all calls").click()
    expect(page.locator("tbody tr")).to_have_count(25)
    expect(page.get_by_text(THEM)).to_have_count(0)
