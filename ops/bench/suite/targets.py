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

    def words(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.wanted:g} {self.unit}".rstrip()

    def stands(self, results: Results) -> str:
        """The value, and by how much it misses the target."""
        value = self.value(results)
        if value is None or value != value:  # noqa: PLR0124  not a number
            return "-"
        met = value >= self.wanted if self.at_least else value <= self.wanted
        off = self.wanted / value if self.at_least else value / self.wanted
        return f"{value:,.4g}" + ("" if met else f", missed by {off:.1f}x" if off >= 1.1 else ", just missed")


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


TARGETS = (
    Target("transport, 20 ms both ways", 1000, "calls a core", _median("media 20 ms", "calls_a_core"), at_least=True),
    Target("transport, 200 ms out", 1400, "calls a core", _median("media 200 ms", "calls_a_core"), at_least=True),
    Target("whole call", 250, "calls a core", _median("calls", "calls_a_core"), at_least=True),
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
