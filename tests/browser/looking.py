"""Pages that are watched: what goes wrong in one is a fault of the test, and how it looked at its end is kept."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

SHOTS = Path(__file__).with_name("shots")
BOUND_MS = 15_000
"""For anything that a test waits for."""
PHONE = (390, 780)
DESK = (1280, 800)

_STATUS = re.compile(r"status of (\d+)")
_AXE = files("axe_playwright_python").joinpath("axe.min.js")
_STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

expect.set_options(timeout=BOUND_MS)


@dataclass
class Watched:
    """What one test opens."""

    browser: Browser
    url: str
    name: str
    """The test's, for pictures."""
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Every address that was asked for."""
    pages: list[Page] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(
        self,
        path: str = "",
        *,
        size: tuple[int, int] = DESK,
        dark: bool = False,
        expected: Collection[int] = (),
        url: str = "",
        **context: Any,
    ) -> Page:
        """A new page in a context of its own, which has shown its first heading. Answers with an `expected` status
        are no fault."""
        where = url or self.url
        made = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",  # what moves cannot be compared
            locale="en-GB",
            **context,
        )
        made.set_default_timeout(BOUND_MS)
        self._contexts.append(made)
        page = made.new_page()
        self.pages.append(page)
        page.on("console", lambda told: self._told(told, expected))
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.goto(f"{where}/{path}")
        page.locator("h1").first.wait_for()
        return page

    def strangers(self) -> list[str]:
        """Addresses beyond the server that were asked for."""
        own = urlsplit(self.url).netloc
        parts = [(each, urlsplit(each)) for each in self.asked]
        return [each for each, part in parts if part.scheme not in {"data", "blob"} and part.netloc != own]

    def is_for_everybody(self, page: Page) -> None:
        """Accessible in light and dark and on a phone, where nothing is wider than the screen; and asks nobody else."""
        assert inaccessible(page) == []
        page.emulate_media(color_scheme="dark")
        assert inaccessible(page) == []
        self.shot(page, "dark")
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        assert inaccessible(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "one has to scroll sideways"
        assert self.strangers() == []

    def shot(self, page: Page, what: str = "", *, whole: bool = False) -> None:
        """Keep how it looks: what is seen of it, or the whole page."""
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{self.name}{what and f'-{what}'}.png", full_page=whole)

    def close(self) -> None:
        """Keep how each page looks at last."""
        for number, page in enumerate(self.pages):
            if not page.is_closed():
                self.shot(page, str(number or ""))
        for context in self._contexts:
            context.close()

    def _told(self, told: ConsoleMessage, expected: Collection[int]) -> None:
        if told.type not in {"error", "warning"}:
            return
        status = _STATUS.search(told.text) if told.text.startswith("Failed to load resource") else None
        if status is None or int(status[1]) not in expected:
            self.faults.append(f"console {told.type}: {told.text} ({told.location.get('url', '')})")


def inaccessible(page: Page) -> list[str]:
    """What axe finds, each in a line with where it is."""
    page.evaluate(_AXE.read_text())
    found = page.evaluate("(tags) => axe.run({runOnly: tags, resultTypes: ['violations']})", _STANDARD)
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:160]} {node.get('failureSummary', '')}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
