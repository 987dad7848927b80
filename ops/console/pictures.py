"""Makes the pictures of docs/console anew: a server with local speech, callers who talk to it, the page in Chromium.

Takes two minutes. Run after a change of how the console looks:

    .venv/bin/python -m ops.console.pictures            # all of them
    .venv/bin/python -m ops.console.pictures health     # those whose names begin so
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import trio
from playwright.sync_api import Browser, Page, expect

from agent.wire import mulaw
from nurseries.rehearsal.own_speech import find_voice, spoken
from tests.browser.carrier import carrier, webhooks_of
from tests.browser.chromium import chromium
from tests.browser.tls import behind_tls
from tests.calls.server import PROGRAM, Server, environment, records
from tests.fakes.twilio_rest import ACCOUNT, TOKEN

WHERE = Path(__file__).resolve().parents[2] / "docs" / "console"
LARGEST = 150_000
"""Bytes of one: a page of the documentation loads all of them."""
SIZE = {"width": 1180, "height": 760}
BOUND_MS = 60_000
KEY = "a-key-of-the-pictures-0123456789"

MICROPHONE = ((5.0, "Sorry, I am looking for a two bedroom flat in Whitefield."), (15.0, "Around eighty lakhs."))
"""What is said into the browser's, and when: the first breaks in."""
CALLERS = (
    (
        *("--from", "+919876543210", "--barge-in-at", "2.5"),
        *("--say", "I want to buy a two bedroom flat in Whitefield."),
        *("--say", "My budget is eighty lakhs.", "--say", "I need it within two months.", "--say", "My name is Asha."),
    ),
    ("--from", "+919845012345", "--say", "I would like to rent a villa in Hebbal.", "--say", "No, thank you. Goodbye."),
    ("--from", "+918123456789", "--say", "I want to sell my house in Indiranagar.", "--say", "As soon as possible."),
)
ON = (
    ("--from", "+919900112233", "--say", "I am looking for an office in Koramangala.", "--say", "For twenty people."),
    (
        *("--from", "+917700990011", "--barge-in-at", "2", "--say", "Wait, I have a question about a plot."),
        *("--say", "It is near the airport road.", "--say", "What does the registration cost?"),
        *("--say", "I see.", "--say", "And how long does it take?", "--say", "Thank you."),
    ),
)


class Pictures:
    """Those that are asked for."""

    def __init__(self, wanted: list[str]) -> None:
        self._wanted = wanted

    def take(self, page: Page, name: str) -> None:
        if self._wanted and not name.startswith(tuple(self._wanted)):
            return
        WHERE.mkdir(exist_ok=True)
        path = WHERE / f"{name}.png"
        page.mouse.move(0, 0)
        page.screenshot(path=path, animations="disabled")
        size = path.stat().st_size
        print(f"{path.relative_to(WHERE.parents[1])}  {size // 1000} kB")
        if size > LARGEST:
            raise SystemExit(f"{path.name} is larger than {LARGEST // 1000} kB")


def main(wanted: list[str]) -> int:
    pictures = Pictures(wanted)
    with tempfile.TemporaryDirectory() as name, ExitStack() as open_:
        folder = Path(name)
        (folder / "server").mkdir()
        sound = folder / "caller.wav"
        _speak(sound)
        server = Server(folder / "server", PROVIDER="local", RECORD_CALLS="1", DAY_BUDGET="20")
        open_.callback(server.kill)
        browser = open_.enter_context(chromium(sound))
        for call in [_call(server, *lines) for lines in CALLERS]:
            call.wait(120)
        with _page(browser, server.url) as page:
            _while_it_goes_on(page, server, browser, pictures)
        with _page(browser, server.url) as page:
            _afterwards(page, server, pictures)
        _placed(browser, folder, pictures)
    return 0


def _while_it_goes_on(page: Page, server: Server, browser: Browser, pictures: Pictures) -> None:
    calls = [_call(server, *lines) for lines in ON]
    page.wait_for_timeout(6_000)
    page.goto(f"{server.url}/#/call")
    page.get_by_role("button", name="Call Priya", exact=True).click()
    page.wait_for_timeout(14_000)
    with _page(browser, server.url, dark=True) as watching:
        watching.goto(f"{server.url}/#/live")
        expect(watching.locator("tbody th a")).to_have_count(3, timeout=BOUND_MS)
        pictures.take(watching, "live")
        watching.get_by_role("link", name="+917700990011").click()
        expect(watching.locator("h1")).to_contain_text("+917700990011")
        watching.wait_for_timeout(2_000)
        pictures.take(watching, "live-call")
    pictures.take(page, "call")
    page.get_by_role("button", name="Hang up").click()
    for call in calls:
        call.wait(120)


def _afterwards(page: Page, server: Server, pictures: Pictures) -> None:
    best = max(records(server.folder), key=lambda record: (record.get("lead") or {}).get("score", 0))
    seen: dict[str, tuple[str, Callable[[], Any]]] = {
        "history": ("#/calls", lambda: expect(page.locator("tbody tr")).to_have_count(6)),
        "record": (f"#/calls/{best['call_sid']}", lambda: page.wait_for_timeout(1500)),
        "health": ("#/health", lambda: page.locator(".plot svg").nth(5).wait_for()),
    }
    for name, (path, there) in seen.items():
        page.goto(f"{server.url}/{path}")
        page.reload()
        page.locator("h1").first.wait_for()
        there()
        pictures.take(page, name)


def _placed(browser: Browser, folder: Path, pictures: Pictures) -> None:
    settings = {
        "PROVIDER": "scripted",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_CALLER_ID": "+918012345678",
        "CALLING_HOURS": "00:00-24:00",
        "API_TOKEN": KEY,
    }
    (folder / "placing").mkdir()
    with carrier({}) as fake, behind_tls(folder / "placing", TWILIO_API_URL=fake.url, **settings) as server:
        fake.target = webhooks_of(server)
        with _page(browser, server.url) as page:
            page.goto(f"{server.url}/#/place")
            page.get_by_label("API key").fill(KEY)
            page.keyboard.press("Enter")
            page.get_by_label("Number", exact=True).fill("+91 98765 43210")
            page.get_by_label("Why the agent calls").fill("Remind them of the visit to the flat on Saturday at eleven.")
            page.get_by_role("button", name="Check the rules").click()
            expect(page.get_by_text("This call may be placed.")).to_be_visible()
            pictures.take(page, "place")


@contextmanager
def _page(browser: Browser, url: str, *, dark: bool = False) -> Iterator[Page]:
    context = browser.new_context(
        viewport=SIZE,
        color_scheme="dark" if dark else "light",
        locale="en-GB",
        ignore_https_errors=True,
        permissions=["microphone"],
        base_url=url,
    )
    context.set_default_timeout(BOUND_MS)
    yield context.new_page()
    context.close()


def _call(server: Server, *lines: str) -> subprocess.Popen[bytes]:
    command = [PROGRAM, "call", "--url", server.url, *lines]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _speak(path: Path) -> None:
    voice = find_voice()
    if voice is None:
        raise SystemExit("The local voice is not installed: make .venv/.dev")
    rate = 8000
    sound = np.zeros(int(30 * rate), np.int16)
    for at_s, words in MICROPHONE:
        said = mulaw.decode(trio.run(spoken, voice, words))
        sound[int(at_s * rate) :][: len(said)] = said
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.tobytes())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
