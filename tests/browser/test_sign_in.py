"""The console in production: behind TLS, and a key before anything is shown."""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import chromium
from tests.browser.looking import Watched, inaccessible
from tests.browser.tls import behind_tls
from tests.calls.server import PROGRAM, Server, environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TOKEN = "an-admin-token-of-this-test-0123456789"
SETTINGS = {
    "APP_ENV": "production",
    "HOST": "127.0.0.1",
    "PROVIDER": "scripted",
    "OPENAI_API_KEY": "nobody-asks-with-it",
    "TWILIO_ACCOUNT_SID": "AC" + "c" * 32,
    "TWILIO_AUTH_TOKEN": "f" * 32,
    "TWILIO_CALLER_ID": "+918012345678",
    "API_TOKEN": TOKEN,
}


@pytest.fixture(scope="module")
def browser(folder: Path) -> Iterator[Browser]:
    """Its microphone hears nothing: its own beeps would cut a greeting off."""
    path = folder / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))
    with chromium(path) as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("production")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with behind_tls(folder, **SETTINGS) as made:
        yield made


@pytest.fixture(scope="module")
def reading_key(server: Server, folder: Path) -> str:
    made = subprocess.run(
        [PROGRAM, "keys", "create", "--scope", "read", "--name", "wallboard"],
        cwd=folder,
        env=environment(PUBLIC_URL=server.url, **SETTINGS),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return next(word for word in made.stdout.split() if word.startswith("ca_"))


def test_a_key_is_asked_for_and_a_wrong_one_is_refused(visit: Watched) -> None:
    page = visit("#/health", ignore_https_errors=True, expected={401})
    assert page.locator("h1").inner_text() == "Sign in"
    assert page.evaluate("document.activeElement.id") == "key"
    assert inaccessible(page) == []
    page.keyboard.type("ca_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This key is not valid.")
    assert page.context.cookies() == []


def test_a_key_opens_it_until_one_signs_out(visit: Watched, reading_key: str) -> None:
    page = visit("#/health", ignore_https_errors=True, expected={401})
    page.get_by_label("API key").fill(reading_key)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Health")
    expect(page.locator(".visitor")).to_contain_text("wallboard")
    cookie = page.context.cookies()[0]
    assert cookie["httpOnly"]
    assert cookie["secure"]
    assert cookie["sameSite"] == "Strict"
    assert reading_key not in str(page.context.storage_state())
    page.reload()
    expect(page.locator("h1")).to_have_text("Health")
    page.get_by_role("link", name="Place a call").click()
    expect(page.get_by_text("Your key may look, and not call")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")
    page.reload()
    expect(page.locator("h1")).to_have_text("Sign in")
    assert page.context.cookies() == []


def test_a_session_that_is_over_leads_back_to_the_key(visit: Watched) -> None:
    page = visit("#/health", ignore_https_errors=True, expected={401})
    page.get_by_label("API key").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Health")
    page.context.clear_cookies()
    page.get_by_role("link", name="History").click()
    page.reload()
    expect(page.locator("h1")).to_have_text("Sign in")


def test_a_call_takes_a_key_that_may_place_one(visit: Watched, reading_key: str) -> None:
    page = visit("#/call", ignore_https_errors=True, expected={401, 403})
    page.get_by_label("API key").fill(reading_key)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Call without a microphone").click()
    expect(page.get_by_role("alert")).to_contain_text("takes the scope call")
    page.get_by_role("button", name="Sign out").click()

    page.get_by_label("API key").fill(TOKEN)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Call Priya").click()
    expect(page.locator(".bubbles .agent")).to_contain_text("Hello")
    assert page.get_by_role("link", name="Try the agent").count() == 0
    page.get_by_role("button", name="Hang up").click()
    expect(page.locator(".outcome a")).to_be_visible()


def test_a_call_does_not_go_on_behind_the_sign_in(visit: Watched) -> None:
    page = visit("#/call", ignore_https_errors=True, expected={401})
    page.get_by_label("API key").fill(TOKEN)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Call Priya").click()
    expect(page.locator(".bubbles .agent")).to_contain_text("Hello")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")
    page.get_by_label("API key").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Call again")).to_be_visible()
