"""A call from the page: by real speech into a browser's microphone, and by typing where there is none."""

from __future__ import annotations

import re
import wave
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import trio
from playwright.sync_api import Page, expect

from agent.wire import mulaw
from nurseries.rehearsal.own_speech import find_voice, spoken
from tests.browser.chromium import chromium
from tests.browser.looking import PHONE, Watched, inaccessible
from tests.calls.server import Server

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

SAYS = "Sorry, I am looking for a two bedroom flat in Whitefield."
BEGINS_S = 3.0
"""Within the greeting, which takes seven seconds."""
ANSWERED_MS = 30_000

BUBBLES = """(lists) => lists[0] ? [...lists[0].querySelector("ol").children].map((line) => ({
    role: line.className.split(" ")[0],
    text: line.querySelector("p").cloneNode(true),
})).map(({ role, text }) => {
    const gone = text.querySelector("s");
    for (const each of text.querySelectorAll("s, .unseen")) each.remove();
    return [role, text.textContent.trim(), gone ? gone.textContent : ""];
}) : []"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Its microphone hears somebody who breaks in, once."""
    path = tmp_path_factory.mktemp("sound") / "caller.wav"
    write(path)
    with chromium(path) as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It hears and speaks with the local models."""
    found = Server(tmp_path_factory.mktemp("server"), PROVIDER="local")
    yield found
    found.kill()


def write(path: Path) -> None:
    voice = find_voice()
    assert voice is not None, "the local voice is part of the development environment"
    sound = mulaw.decode(trio.run(spoken, voice, SAYS))
    silence = np.zeros(int(BEGINS_S * 8000), np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.concatenate((silence, sound, silence)).tobytes())


def captions(page: Page) -> list[tuple[str, str, str]]:
    """Who says what, and what of it was not heard."""
    return [tuple(each) for each in page.locator(".bubbles").evaluate_all(BUBBLES)]


def record(page: Page) -> dict[str, Any]:
    """Of the call that is over, by the link that leads to it."""
    link = page.locator(".outcome a")
    expect(link).to_be_visible()
    sid = (link.get_attribute("href") or "").removeprefix("#/calls/")
    return page.evaluate("(sid) => fetch(`/api/calls/${sid}`).then((answer) => answer.json())", sid)


def same_words(page: Page, told: dict[str, Any]) -> None:
    """The record says the same words in the same order as the captions."""
    said = [(entry["role"], entry["text"]) for entry in told["entries"] if entry["role"] != "tool"]
    assert [(role, text) for role, text, _ in captions(page) if text] == said


def test_who_speaks_is_understood_breaks_in_and_hangs_up(visit: Watched) -> None:
    page = visit("#/call")
    page.get_by_role("button", name="Call Priya").click()
    answer = page.locator(".bubbles .agent:has(.latency)").first
    expect(answer).to_be_visible(timeout=ANSWERED_MS)
    greeting, *others = captions(page)
    asked = next(each for each in others if each[0] == "caller")

    assert greeting[0] == "agent"
    assert greeting[1].startswith("Hello, this is Priya")
    assert greeting[2], "the agent was not cut short"
    assert re.search(r"looking for (a )?two[- ]bedroom flat", asked[1])
    expect(answer).to_contain_text("Whitefield")
    expect(answer.locator(".latency")).to_contain_text("slowest")
    expect(page.get_by_role("button", name="Mute")).to_be_focused()
    assert inaccessible(page) == []

    page.get_by_role("button", name="Hang up").click()
    told = record(page)
    expect(page.get_by_role("button", name="Call again")).to_be_focused()
    assert told["ending"] == "caller hung up"
    assert told["barge_ins"] == 1
    same_words(page, told)
    expect(page.locator(".outcome")).to_contain_text("Median latency")
    assert inaccessible(page) == []


def test_who_has_no_microphone_types_and_the_agent_falls_silent_for_it(visit: Watched) -> None:
    page = visit("#/call", size=PHONE, dark=True)
    page.get_by_role("button", name="Call without a microphone").click()
    box = page.get_by_role("textbox", name="Type instead of talk")
    expect(page.locator(".bubbles .agent")).to_contain_text("Hello")
    expect(box).to_be_focused()
    assert inaccessible(page) == []
    box.fill("I want to sell my villa in Jayanagar")
    box.press("Enter")
    expect(page.locator(".bubbles .caller")).to_contain_text("villa in Jayanagar")
    expect(page.locator(".bubbles s").first).to_be_visible()
    expect(page.locator(".bubbles .agent").nth(1)).to_contain_text("villa")
    expect(box).to_be_focused()

    page.get_by_role("button", name="Keypad").click()
    page.get_by_role("button", name="4", exact=True).click()
    page.keyboard.press("2")
    expect(page.locator(".bubbles .caller").nth(1)).to_contain_text("42")
    page.locator("nav").get_by_role("link", name="Live").click()
    page.get_by_role("link", name="Your call goes on").click()
    page.get_by_role("button", name="Hang up").click()

    told = record(page)
    callers = [entry for entry in told["entries"] if entry["role"] == "caller"]
    assert [(entry["text"], entry.get("keys", "")) for entry in callers] == [
        ("I want to sell my villa in Jayanagar", ""),
        ("four two", "42"),
    ]
    assert told["barge_ins"] >= 1
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "one has to scroll sideways"


def test_it_is_said_why_there_is_no_sound_of_the_caller(visit: Watched) -> None:
    page = visit("#/call")
    page.evaluate(
        """() => {
            navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", "NotAllowedError"); };
        }"""
    )
    page.get_by_role("button", name="Call Priya").click()
    expect(page.get_by_text("The microphone was refused.")).to_be_visible()
    expect(page.locator(".bubbles .agent")).to_contain_text("Hello")
    page.get_by_role("button", name="Hang up").click()
    assert record(page)["ending"] == "caller hung up"


def test_a_refusal_is_told_in_the_server_s_words(visit: Watched) -> None:
    page = visit("#/call", expected={429})
    page.route("**/api/softphone", lambda route: route.fulfill(status=429, json={"detail": "All lines are busy."}))
    page.get_by_role("button", name="Call without a microphone").click()
    expect(page.get_by_role("alert")).to_have_text("All lines are busy.")
    expect(page.get_by_role("button", name="Call Priya")).to_be_enabled()


def test_the_agent_s_goodbye_is_heard_and_the_call_summed_up(visit: Watched) -> None:
    page = visit("#/call")
    page.get_by_role("button", name="Call without a microphone").click()
    box = page.get_by_role("textbox", name="Type instead of talk")
    expect(page.locator(".bubbles .agent")).to_contain_text("Hello")
    box.fill("I want to buy a flat in Whitefield for eighty lakh")
    box.press("Enter")
    expect(page.locator(".bubbles .agent").nth(1)).to_contain_text("move?")
    expect(page.locator(".coming")).to_have_count(0)  # it was heard
    box.fill("That is all, thank you, goodbye")
    box.press("Enter")
    expect(page.locator(".outcome")).to_contain_text("Agent said goodbye", timeout=ANSWERED_MS)
    expect(page.locator(".outcome div", has_text="Lead score").locator("dd")).to_have_text("55")
    assert captions(page)[-1][2] == "", "its last words were cut off"
    same_words(page, record(page))
