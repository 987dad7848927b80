"""The day in virtual time, run and told."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

from tests.soak.day import Asked, Day, Figures

MIB = 2**20
GROWTH = 2.0 * MIB
"""Bytes for each thousand calls, after the first quarter, at most: a record alone takes ten kilobytes."""
LEAST_CALLS = 400
"""Behind the first quarter, for its growth to tell anything."""


def soak(asked: Asked, folder: Path, minutes: float | None = None) -> int:
    """Run it, for so many real minutes at most; returns the exit code."""
    day = Day(asked, folder, lambda line: print(line, flush=True), within_s=None if minutes is None else minutes * 60)
    try:
        day.run()
    except* KeyboardInterrupt:
        print("ended by hand")
    return tell(day.figures)


def tell(figures: Figures) -> int:
    """The table, and the exit code."""
    grown = growth(figures.memory)
    told = "not known" if grown is None else f"{grown / MIB:+.2f} MiB a thousand calls, after the first quarter"
    times = sorted(figures.latency_ms)
    lines = [
        ("calls", f"{figures.calls}, {figures.call_s / 3600:.1f} hours of talk, on {figures.legs} streams"),
        ("by behaviour", _counted(figures.kinds)),
        ("endings", _counted(figures.endings)),
        ("accidents", _counted(figures.accidents)),
        ("hand-offs", f"{figures.hand_offs}; {figures.crashes} streams died"),
        ("barge-ins", figures.barge_ins),
        ("turns", f"{figures.turns}; in {figures.struck} calls a provider failed"),
        ("answer after, virtual", f"p50 {_at(times, 0.5)} ms, p99 {_at(times, 0.99)} ms"),
        ("processor", f"{figures.cpu_s:.0f} s: {figures.call_s / max(figures.cpu_s, 1e-9):.0f} call-seconds a second"),
        ("memory, by hour, MiB", " ".join(f"{resident / MIB:.0f}" for resident, _ in figures.memory)),
        ("memory grows by", told),
        ("promises broken", len(figures.broken)),
    ]
    for name, value in lines:
        print(f"  {name:<22} {value}")
    return 1 if figures.broken or (grown is not None and grown > GROWTH) else 0


def growth(memory: list[tuple[int, int]]) -> float | None:
    """Bytes for each thousand calls: the line through what was measured after the first quarter. None where that is too
    little."""
    later = memory[len(memory) // 4 :]
    if len(later) < 3 or later[-1][1] - later[0][1] < LEAST_CALLS:
        return None
    middle, bytes_ = mean(calls for _, calls in later), mean(resident for resident, _ in later)
    spread = sum((calls - middle) ** 2 for _, calls in later)
    return 1000 * sum((calls - middle) * (resident - bytes_) for resident, calls in later) / spread


def _counted(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(found.items(), key=lambda one: -one[1])) or "none"


def _at(times: list[int], part: float) -> int:
    return times[min(int(len(times) * part), len(times) - 1)] if times else 0
