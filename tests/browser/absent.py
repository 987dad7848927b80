"""What a run says at its end where no browser was found: loudly, since what was not run has not passed."""

from __future__ import annotations

import os
from pathlib import Path

from tests.browser.chromium import NAMES, REQUIRED, find

HERE = Path(__file__).parent


def missing() -> bool:
    """Whether tests in a browser cannot run, and need not."""
    return not find() and not os.environ.get(REQUIRED)


def words() -> list[str]:
    names = [path.name for path in sorted(HERE.glob("test_*.py"))]
    return [
        f"No Chromium on this machine ({', '.join(NAMES)}; or CHROMIUM names one): tests/browser did NOT run.",
        f"Not tested: {', '.join(names)}",
        "To mend it: sudo ops/ci/apt-packages",
    ]
