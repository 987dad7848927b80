"""A server for the benchmark: `calling-agent serve`, whose scripted providers may be told how long they take, and whose
main thread may be sampled and whose turns be timed.

    python -m ops.bench.suite.served '{"script": {"hear_s": 0}, "profile": "stacks.json", "turns": "turns.json"}'
"""

from __future__ import annotations

import atexit
import signal
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from types import CodeType, FrameType

import msgspec

from agent.providers import scripted
from agent.seen import turns

EVERY_S = 0.002
"""Of processor time; the system may make it longer."""


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    script: dict[str, float] = {}
    """Fields of agent.providers.scripted.Script."""
    profile: str = ""
    """File for the stacks; empty: none are taken."""
    turns: str = ""
    """File for how long each turn took from its end to the first byte of the answer, in seconds; empty: not told."""


class Sampler:
    """Where the main thread's processor time goes, by stack, from SIGUSR2 to the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stacks: Counter[tuple[CodeType, ...]] = Counter()
        signal.signal(signal.SIGUSR2, self._begin)
        atexit.register(self._write)

    def _begin(self, _number: int, _frame: FrameType | None) -> None:
        self._stacks.clear()
        signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def _take(self, _number: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            stack.append(frame.f_code)
            frame = frame.f_back
        self._stacks[tuple(stack)] += 1

    def _write(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        told = [
            ([f"{code.co_filename}:{code.co_qualname}" for code in stack], count)
            for stack, count in self._stacks.items()
        ]
        self._path.write_bytes(msgspec.json.encode(told))


class Timed:
    """Stands in for the histogram of a turn's stages, which has them one after the other, and keeps their sums."""

    def __init__(self, histogram: turns.Times, path: Path) -> None:
        self._histogram, self._path = histogram, path
        self._sums: list[float] = []
        self._sum = 0.0
        atexit.register(self._write)

    def took(self, seconds: float, *, stage: str) -> None:
        self._histogram.took(seconds, stage=stage)
        self._sum = 0.0 if stage == "endpoint" else self._sum + seconds
        if stage == "first-audio":
            self._sums.append(self._sum)

    def _write(self) -> None:
        self._path.write_bytes(msgspec.json.encode(self._sums))


def main() -> int:
    asked = msgspec.json.decode(sys.argv[1] if len(sys.argv) > 1 else "{}", type=Asked)
    if asked.script:
        told = scripted.Script(**asked.script)  # type: ignore[arg-type]
        for name in ("ScriptedRecogniser", "ScriptedLanguageModel", "ScriptedVoice"):
            setattr(scripted, name, partial(getattr(scripted, name), told))
    if asked.profile:
        Sampler(Path(asked.profile))
    if asked.turns:
        turns.STAGES = Timed(turns.STAGES, Path(asked.turns))  # type: ignore[assignment]

    from nurseries.main import run

    return run(["serve"])


if __name__ == "__main__":
    sys.exit(main())
