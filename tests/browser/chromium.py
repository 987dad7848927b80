"""The machine's own Chromium: where it is, and how it is begun for a test. Nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REQUIRED = "BROWSER_REQUIRED"
"""Set where a machine without a browser is a fault, as in .ci/run."""

FLAGS = (
    "--use-fake-ui-for-media-stream",  # the microphone is granted
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


def find() -> str:
    """Its path; "": there is none. CHROMIUM names another one."""
    if given := os.environ.get("CHROMIUM"):
        return shutil.which(given) or ""
    return next((path for name in NAMES if (path := shutil.which(name))), "")


@contextmanager
def chromium(sound: Path | None = None) -> Iterator[Browser]:
    """A browser, for as long as the block lasts. Its microphone hears `sound`, a WAV file, once; without one, beeps."""
    from playwright.sync_api import sync_playwright

    program = find()
    assert program, f"no Chromium on this machine, and {REQUIRED} is set: sudo ops/ci/apt-packages installs one"
    flags = [*FLAGS]
    if sound is not None:
        flags.append(f"--use-file-for-fake-audio-capture={sound}%noloop")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=flags, chromium_sandbox=os.geteuid() != 0, timeout=60_000
        )
        try:
            yield browser
        finally:
            browser.close()
