"""Whether the console stays smooth while many calls go on: frames as a screen shows them, in a real Chromium.

Without --url the calls are made up (see console_feed), since the browser needs a core for itself. Views are looked at
in turns, each so often; "a page at rest" is what this machine can do at all, and is to be compared with. Printed: the
time between two frames, those that a person may see (over 50 ms), tasks of the page that took longer than that by the
clock; and in processor time, which is the same on a machine that does other things as well, the longest task, and how
busy the page's thread was.

    python -m ops.bench.console --calls 200
    python -m ops.bench.console --url http://127.0.0.1:3000 --call CA...   a server that has calls
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.browser.chromium import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SEEN_MS = 50.0
"""Three frames of a usual screen."""
WARM_S = 3.0

WATCH = """() => {
  window.told = { frames: [], tasks: [] };
  let last = performance.now();
  const step = (now) => { told.frames.push(now - last); last = now; requestAnimationFrame(step); };
  requestAnimationFrame(step);
  new PerformanceObserver((list) => told.tasks.push(...list.getEntries().map((each) => each.duration)))
    .observe({ type: "longtask" });
}"""


@dataclass
class Looked:
    """At one view, all rounds."""

    frames: list[float] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)
    longest_cpu_ms: float = 0.0
    took_s: float = 0.0
    busy_s: float = 0.0
    heap_mb: float = 0.0
    nodes: int = 0

    def told(self) -> dict[str, Any]:
        ordered = sorted(self.frames) or [0.0]
        at = {share: ordered[math.ceil(len(ordered) * share / 100) - 1] for share in (50, 95, 99, 100)}
        return {
            "frames_a_second": round(len(self.frames) / self.took_s, 1),
            "frame_ms": {f"p{share}" if share < 100 else "worst": round(ms, 1) for share, ms in at.items()},
            "seen": sum(ms > SEEN_MS for ms in self.frames),
            "long_tasks": len(self.tasks),
            "longest_task_ms": round(max(self.tasks, default=0.0)),
            "longest_task_cpu_ms": round(self.longest_cpu_ms, 1),
            "busy": round(self.busy_s / self.took_s, 3),
            "heap_mb": round(self.heap_mb, 1),
            "nodes": self.nodes,
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each view in each round (8)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", default="", help="of a server that has calls")
    parser.add_argument("--call", default=f"CA{1:032x}", metavar="CALLSID", help="which one to open")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    views: dict[str, tuple[str, Callable[[Page], None]]] = {
        "a page at rest": ("#/place", _wait),
        "the list": ("#/live", _wait),
        "the list, scrolled": ("#/live", _scroll),
        "one call": (f"#/live/{args.call}", _wait),
    }
    found: dict[str, Looked] = defaultdict(Looked)
    with _served(args.url, args.calls) as url, chromium() as browser:
        for _ in range(args.rounds):
            for name, (path, meanwhile) in views.items():
                _look(browser, f"{url}/{path}", args.seconds, meanwhile, found[name])
    told = {name: looked.told() for name, looked in found.items()}
    if args.json:
        print(json.dumps(told, indent=2))
    else:
        _print(told)
    return 0


@contextmanager
def _served(url: str, calls: int) -> Iterator[str]:
    if url:
        yield url.rstrip("/")
        return
    command = [sys.executable, "-m", "ops.bench.console_feed", "--calls", str(calls)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield (server.stdout.readline() if server.stdout else "").strip()
        finally:
            server.terminate()


def _look(browser: Browser, url: str, seconds: float, meanwhile: Callable[[Page], None], into: Looked) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(url)
    page.locator("h1").first.wait_for()
    page.wait_for_timeout(WARM_S * 1000)
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.evaluate(WATCH)
    longest = _traced(session)
    before, began = _metrics(session), time.monotonic()
    while time.monotonic() < began + seconds:
        meanwhile(page)
    after, told = _metrics(session), page.evaluate("told")
    into.took_s += time.monotonic() - began
    into.frames += told["frames"][1:]
    into.tasks += told["tasks"]
    into.longest_cpu_ms = max(into.longest_cpu_ms, longest(page))
    into.busy_s += after["TaskDuration"] - before["TaskDuration"]
    into.heap_mb, into.nodes = after["JSHeapUsedSize"] / 1e6, int(after["Nodes"])
    context.close()


def _metrics(session: Any) -> dict[str, float]:
    return {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}


def _traced(session: Any) -> Callable[[Page], float]:
    """Watches the tasks of all threads from now on; what it returns tells the longest of the page's own, in ms of
    processor time."""
    events: list[dict[str, Any]] = []
    over: list[dict[str, Any]] = []
    session.on("Tracing.dataCollected", lambda told: events.extend(told["value"]))
    session.on("Tracing.tracingComplete", lambda told: over.append(told))  # noqa: PLW0108  it is marked
    categories = {"includedCategories": ["toplevel", "devtools.timeline"], "excludedCategories": ["*"]}
    session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": categories})

    def longest(page: Page) -> float:
        session.send("Tracing.end")
        while not over:
            page.wait_for_timeout(50)
        frames = Counter((each["pid"], each["tid"]) for each in events if each["name"] == "FireAnimationFrame")
        page_s = frames.most_common(1)[0][0]  # its main thread: the only one that has frames
        tasks = (each for each in events if each["name"].endswith("RunTask") and (each["pid"], each["tid"]) == page_s)
        return max(each.get("tdur", 0) / 1000 for each in tasks)

    return longest


def _wait(page: Page) -> None:
    page.wait_for_timeout(250)


def _scroll(page: Page) -> None:
    page.mouse.move(640, 500)
    page.mouse.wheel(0, 300 if int(time.monotonic()) % 4 < 2 else -300)
    page.wait_for_timeout(100)


def _print(told: dict[str, dict[str, Any]]) -> None:
    head = (
        "view",
        "frames/s",
        "median",
        "95 %",
        "99 %",
        "worst",
        "> 50 ms",
        "long tasks",
        "longest",
        "its CPU",
        "busy",
        "heap",
    )
    print("".join(f"{name:>11}" if n else f"{name:22}" for n, name in enumerate(head)))
    for name, view in told.items():
        ms = view["frame_ms"]
        figures = (
            view["frames_a_second"],
            *(ms["p50"], ms["p95"], ms["p99"], ms["worst"]),
            *(view["seen"], view["long_tasks"], f"{view['longest_task_ms']} ms", f"{view['longest_task_cpu_ms']} ms"),
            *(f"{view['busy']:.1%}", f"{view['heap_mb']} MB"),
        )
        print(f"{name:22}" + "".join(f"{figure:>11}" for figure in figures))


if __name__ == "__main__":
    raise SystemExit(main())
