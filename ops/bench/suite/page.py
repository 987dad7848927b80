"""docs/speed.md from what was kept: the tables between its markers, and the plot beside it. Its words are written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ops.bench.suite import plot, results
from ops.bench.suite.figures import Figure
from ops.bench.suite.results import Measured, Results
from ops.bench.suite.stages import OTHER, STAGES
from ops.bench.suite.targets import TARGETS, curve
from ops.bench.suite.workloads import ALL

DOCS = Path(__file__).resolve().parents[3] / "docs"
LABELS = ("before", "now")
TOLD = {
    "cost_ms": "ms a call-second",
    "calls_a_core": "calls a core",
    "echo_p99_ms": "there and back, p99, ms",
    "late_p99_ms": "lateness at the carrier, p99, ms",
    "gaps": "gaps heard",
    "talk_share": "share of the agent's sound",
    "clear_p50_ms": "onset to clear, p50, ms",
    "clear_p99_ms": "p99",
    "greeted_p50_ms": "greeted, p50, ms",
    "greeted_last_ms": "last",
    "latest_ms": "latest frame, ms",
    "turn_p50_ms": "end of turn to first byte, p50, ms",
    "turn_p99_ms": "p99, ms",
    "memory_a_call_kb": "KiB a call more",
    "memory_mb": "MB of the process",
    "openai_ready_s": "ready with openai, s",
    "scripted_ready_s": "ready without, s",
    "openai_ready_cpu_s": "processor's part with openai, s",
    "scripted_ready_cpu_s": "processor's part without, s",
    "first_call_greeted_ms": "first call greeted, ms",
    "client_late_p99_ms": "the callers' own lateness, p99, ms",
}
"""Figures that are in the table, and their words."""


def write() -> None:
    """Write the page anew; nothing else of it is touched."""
    page = DOCS / "speed.md"
    page.write_text(told(page.read_text()))
    (DOCS / "speed.svg").write_text(plotted())


def told(text: str) -> str:
    """The page's text with what was measured in it."""
    found = {label: results.kept(label) for label in LABELS}
    for name, made in (("targets", _targets), ("workloads", _workloads), ("stages", _stages), ("machines", _machines)):
        marked = re.compile(f"(<!-- measured: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = marked.sub(lambda match, made=made: match[1] + "\n".join(made(found)) + "\n" + match[2], text)
    return text


def plotted() -> str:
    """The plot, as SVG."""
    return plot.drawn({label: curve(results.kept(label)) for label in LABELS})


def _targets(found: dict[str, Results]) -> Iterable[str]:
    yield "| | wanted | before | now |\n|---|---|---|---|"
    for target in TARGETS:
        stands = " | ".join(target.stands(found[label]) for label in LABELS)
        yield f"| {target.what} | {target.words()} | {stands} |"


def _workloads(found: dict[str, Results]) -> Iterable[str]:
    yield "| workload | figure | before | now |\n|---|---|---|---|"
    for workload in ALL:
        name = workload
        for figure, words in TOLD.items():
            both = [_figure(found[label].get(workload), figure) for label in LABELS]
            if any(both):
                signs = [_held_up(found[label].get(workload)) for label in LABELS]
                told = " | ".join(_spread(one) + (sign if one else "") for one, sign in zip(both, signs, strict=True))
                yield f"| {name} | {words} | {told} |"
                name = ""


def _stages(found: dict[str, Results]) -> Iterable[str]:
    yield "| stage | before, us a frame | now, us a frame |\n|---|---|---|"
    there = {name for label in LABELS if (one := found[label].get("profile")) for name in _of_stages(one)}
    names = [f"{stage}_us" for stage in (*(stage for stage, _ in STAGES), OTHER) if f"{stage}_us" in there]
    for name in names:
        both = [_figure(found[label].get("profile"), name) for label in LABELS]
        yield f"| {name.removesuffix('_us')} | " + " | ".join(_spread(one) for one in both) + " |"
    sums = [sum(_of_stages(one).values()) if (one := found[label].get("profile")) else 0 for label in LABELS]
    yield "| all | " + " | ".join(f"{whole:.0f}" if whole else "-" for whole in sums) + " |"


def _of_stages(measured: Measured) -> dict[str, float]:
    return {name: figure.median for name, figure in measured.figures.items() if name.endswith("_us")}


def _machines(found: dict[str, Results]) -> Iterable[str]:
    for label in LABELS:
        told = dict.fromkeys(f"{one.day} on {one.machine}" for one in found[label].values())
        if told:
            yield f"{label.capitalize()}: {'; '.join(told)}.\n"


def _held_up(measured: Measured | None) -> str:
    """A sign at figures of a workload in which sound was dropped or never came back: the machine had other work."""
    return " ~" if measured and "held_up" in measured.figures and measured.figures["held_up"].most else ""


def _figure(measured: Measured | None, name: str) -> Figure | None:
    return measured.figures.get(name) if measured else None


def _spread(figure: Figure | None) -> str:
    if figure is None or figure.median != figure.median:
        return "-"
    if figure.rounds == 1 or figure.least == figure.most:
        return f"{figure.median:,.3g}"
    return f"{figure.median:,.3g} ({figure.least:,.3g} to {figure.most:,.3g})"
