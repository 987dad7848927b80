"""A real Chromium that looks at a real server. One of each for a file of tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import chromium
from tests.calls.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.looking import Watched

Run = Callable[..., Any]
"""As `run` gives it."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One that hears beeps. A file whose tests speak has one of its own: `chromium(sound)`."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """In development, with scripted providers."""
    found = Server(tmp_path_factory.mktemp("server"), PROVIDER="scripted")
    yield found
    found.kill()


@pytest.fixture(scope="module")
def run(browser: Browser, server: Server) -> Iterator[Run]:
    """Runs a function of JavaScript, with these arguments."""
    page = browser.new_page()
    page.goto(f"{server.url}/")
    yield lambda code, *given: page.evaluate(code, list(given))
    page.close()


@pytest.fixture
def visit(browser: Browser, server: Server, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """Opens pages; errors in them are the test's."""
    from tests.browser.looking import Watched

    name = f"{request.path.stem}-{request.node.name}".replace("test_", "")
    watched = Watched(browser, server.url, re.sub(r"\W+", "-", name).strip("-"))
    yield watched
    watched.close()
    assert watched.faults == []
