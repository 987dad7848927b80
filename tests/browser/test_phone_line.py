"""What the page's telephone says on its media socket, as the server would have it of Twilio."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocket, expect

from agent.rehearsal.strict import Strictness, Violation
from agent.wire.media_stream import Connected, Dtmf, Mark, Media, Start, Stop, Typed, decode
from tests.browser.looking import Watched

FRAME_MS = 20
EARLY, LATE = 5, 60
"""Frames of the caller's between a mark's moment and the mark: both are told the time by the sound alone."""


@dataclass
class Line:
    """Both directions of a media socket, in order."""

    messages: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    """sent or heard; the message; as it was."""

    def watch(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda text: self.messages.append(("sent", json.loads(text), text)))
        socket.on("framereceived", lambda text: self.messages.append(("heard", json.loads(text), text)))

    def sent(self, event: str) -> list[dict[str, Any]]:
        return [message for way, message, _ in self.messages if way == "sent" and message["event"] == event]


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def page(visit: Watched, line: Line) -> Page:
    page = visit("#/call")
    page.on("websocket", line.watch)
    return page


def levels(page: Page, frames: int) -> list[float]:
    """How loud the caller's next frames are."""
    return page.evaluate(
        """async (frames) => {
            const { phone } = await import("/console/phone/phone.js");
            const levels = [];
            const frame = phone.frame.bind(phone);
            await new Promise((done) => {
                phone.frame = (bytes, level) => {
                    levels.push(level);
                    frame(bytes, level);
                    if (levels.length === frames) done();
                };
            });
            phone.frame = frame;
            return levels;
        }""",
        frames,
    )


def test_it_speaks_as_twilio_does_and_marks_what_was_played(page: Page, line: Line) -> None:
    page.get_by_role("button", name="Call without a microphone").click()
    expect(page.locator(".coming")).to_have_count(1)
    expect(page.locator(".coming")).to_have_count(0)  # all of the greeting was heard
    page.get_by_role("button", name="Keypad").click()
    page.get_by_role("button", name="star").click()
    page.get_by_role("button", name="Hang up").click()

    kinds = [type(decode(text)) for way, _, text in line.messages if way == "sent"]
    assert kinds[:2] == [Connected, Start]
    assert kinds[-1] is Stop
    assert set(kinds[2:-1]) == {Media, Mark, Dtmf}
    sequence = [int(m["sequenceNumber"]) for way, m, _ in line.messages if way == "sent" and m["event"] != "connected"]
    assert sequence == list(range(1, len(sequence) + 1))
    chunks = [message["media"] for message in line.sent("media")]
    assert [int(each["chunk"]) for each in chunks] == list(range(1, len(chunks) + 1))
    assert [int(each["timestamp"]) for each in chunks] == [FRAME_MS * n for n in range(len(chunks))]
    assert {len(base64.b64decode(each["payload"])) for each in chunks} == {160}

    strict = Strictness(line.sent("start")[0]["streamSid"])
    frames = due = 0
    marks: dict[str, int] = {}
    back = []
    for way, message, text in line.messages:
        if way == "heard":
            assert not isinstance(strict.check(text, 0), Violation)
        match way, message["event"]:
            case "sent", "media":
                frames += 1
            case "heard", "media":
                due = max(due, frames) + len(base64.b64decode(message["media"]["payload"])) // 160
            case "heard", "mark":
                marks[message["mark"]["name"]] = due
            case "sent", "mark":
                back.append(message["mark"]["name"])
                assert -EARLY <= frames - marks[back[-1]] <= LATE, "a mark is for what was heard"
    assert back == list(marks)


def test_a_clear_gives_back_the_marks_that_wait(page: Page, line: Line) -> None:
    page.get_by_role("button", name="Call without a microphone").click()
    expect(page.locator(".coming")).to_have_count(1)
    box = page.get_by_role("textbox", name="Type instead of talk")
    box.fill("I want to buy a flat")
    box.press("Enter")
    expect(page.locator(".bubbles s").first).to_be_visible()
    expect(page.locator(".bubbles .latency")).to_have_count(1)
    page.get_by_role("button", name="Hang up").click()

    events = [(way, message["event"]) for way, message, _ in line.messages]
    at = events.index(("heard", "clear"))
    asked = [m["mark"]["name"] for way, m, _ in line.messages[:at] if (way, m["event"]) == ("heard", "mark")]
    given = [m["mark"]["name"] for way, m, _ in line.messages if (way, m["event"]) == ("sent", "mark")]
    assert given[: len(asked)] == asked
    assert [type(decode(text)) for way, _, text in line.messages if '"typed"' in text] == [Typed]
    assert line.sent("typed")[0]["typed"] == {"text": "I want to buy a flat"}


def test_who_is_muted_sends_silence(page: Page, line: Line) -> None:
    """The browser's microphone beeps twice a second."""
    page.get_by_role("button", name="Call Priya").click()
    mute = page.get_by_role("button", name="Mute")
    expect(mute).to_be_enabled()
    assert max(levels(page, 60)) > 0.3
    mute.click()
    expect(page.get_by_role("button", name="Muted")).to_have_attribute("aria-pressed", "true")
    levels(page, 5)
    before = len(line.sent("media"))
    assert set(levels(page, 60)) == {0}
    assert {message["media"]["payload"] for message in line.sent("media")[before:]} == {
        base64.b64encode(b"\xff" * 160).decode()
    }
    page.get_by_role("button", name="Muted").click()
    assert max(levels(page, 60)) > 0.3
    page.get_by_role("button", name="Hang up").click()
