"""What is wanted of the figures: each target with the workload and figure that tell whether it is met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ops.bench.suite.results import Results


@dataclass(frozen=True, slots=True)
class Target:
    """`value` tells where it stands, None where that was not measured."""

    what: str
    wanted: float
    unit: str
    value: Callable[[Results], float | None]
    at_least: bool = False
    load: Callable[[Results], float | None] = lambda _: None
    """The share of a core that was taken, where the value depends on it."""

    def words(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.wanted:g} {self.unit}".rstrip()

    def stands(self, results: Results) -> str:
        """The value, and by how much it misses the target."""
        value = self.value(results)
        if value is None or value != value:  # noqa: PLR0124  not a number
            return "-"
        met = value >= self.wanted if self.at_least else value <= self.wanted
        off = self.wanted / value if self.at_least else value / self.wanted
        load = self.load(results)
        told = f"{value:,.4g}" + (f" (by {load:.0%} of a core)" if load else "")
        return told + ("" if met else f", missed by {off:.1f}x" if off >= 1.1 else ", just missed")


def _median(workload: str, figure: str) -> Callable[[Results], float | None]:
    def value(results: Results) -> float | None:
        found = results[workload].figures.get(figure) if workload in results else None
        return found.median if found else None

    return value


def _flatness(results: Results) -> float | None:
    """By how many per cent a call costs more or less than at ten calls, at most."""
    costs = curve(results)
    if 10 not in costs or len(costs) < 3:
        return None
    return max(abs(cost / costs[10] - 1) * 100 for count, cost in costs.items() if count > 10)


def curve(results: Results) -> dict[int, float]:
    """Cost of a call-second in ms, by the number of calls."""
    if "curve" not in results:
        return {}
    figures = results["curve"].figures
    parts = {int(name.split("_")[1]): figure.median for name, figure in figures.items() if name.endswith("_cost_ms")}
    return dict(sorted(parts.items()))


def _fill(what: str, wanted: float, workload: str) -> Target:
    """How many calls fill a core, by what the measured ones cost."""
    value, load = _median(workload, "calls_a_core"), _median(workload, "core_share")
    return Target(what, wanted, "calls a core", value, at_least=True, load=load)


TARGETS = (
    _fill("transport, 20 ms both ways", 1000, "media 20 ms"),
    _fill("transport, 200 ms out", 1400, "media 200 ms"),
    _fill("whole call", 250, "calls"),
    Target("memory of one more call", 100, "KiB", _median("curve", "memory_a_call_kb")),
    Target("onset of speech to `clear`, median", 120, "ms", _median("barge-in", "clear_p50_ms")),
    Target("the same, 99th percentile", 200, "ms", _median("barge-in", "clear_p99_ms")),
    Target("turn overhead, 99th percentile", 15, "ms", _median("turn", "turn_p99_ms")),
    Target("cost of a call against 10 calls", 10, "% off", _flatness),
    Target("100 calls in a second: the last one greeted after", 1000, "ms", _median("ramp", "greeted_last_ms")),
    Target("100 calls in a second: the latest frame", 60, "ms late", _median("ramp", "latest_ms")),
    Target("start to ready, openai", 2.5, "s", _median("start", "openai_ready_s")),
    Target("start to ready, without", 1, "s", _median("start", "scripted_ready_s")),
)
