"""A cold start: from the process to where it listens, to where a first call is greeted, and what imports take of that.

Files are in the system's cache, as after a first start: a container's first start on a machine also reads 200 MB.
"""

from __future__ import annotations

import re
import subprocess
import sys

from ops.bench.suite.figures import Figures
from ops.bench.suite.server import ROOT, play, serving

KINDS = {
    "scripted": {"PROVIDER": "scripted"},
    "openai": {"PROVIDER": "openai", "OPENAI_API_KEY": "sk-bench", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
}
BIGGEST = 8
_LINE = re.compile(r"import time: +(\d+) \| +(\d+) \| ( *)(\S+)")


def measure() -> Figures:
    """Of each kind of server, and its biggest imports."""
    found: Figures = {}
    for settings in KINDS.values():
        with serving(None, **settings):
            pass  # compiled, and in the system's cache
    for kind, settings in KINDS.items():
        with serving(None, **settings) as server:
            found[f"{kind}_ready_s"] = server.started_s
            found[f"{kind}_ready_cpu_s"] = server.cpu_s()
            if kind == "scripted":
                heard = play(server, calls=1, seconds=1.0, ramp_s=0.0, settle_s=0.0, manner="listens")
                greeted = heard["greeted_ms"]
                found["first_call_greeted_ms"] = greeted[0] if greeted else float("nan")  # type: ignore[index]
    return found | {f"import {name}_s": seconds for name, seconds in biggest("nurseries.serve").items()}


def biggest(module: str) -> dict[str, float]:
    """The packages that take most of a module's import, with all that each is the first to import, in seconds."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import ops.bench.suite, {module}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    own: dict[str, float] = {}
    for line in done.stderr.splitlines():
        if match := _LINE.match(line):
            package = match[4].partition(".")[0]
            own[package] = own.get(package, 0.0) + int(match[1]) / 1e6
    return dict(sorted(own.items(), key=lambda item: -item[1])[:BIGGEST])
