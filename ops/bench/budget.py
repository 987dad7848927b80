"""Two processes, 10,000 turns and one cap: how long it takes, and what each could pay for.

python ops/bench/budget.py mongodb://127.0.0.1:27017/bench        or: a path of a SQLite file that is not there yet
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

CALLS, TURNS, CAP_TURNS, UNIT = 500, 10, 7_000, 7
"""Of each process; the cap is for so many turns, of so many micro-dollars."""


def main(where: str) -> int:
    root = Path(__file__).resolve().parents[2]
    program = [sys.executable, "-m", "tests.agent.providers.budget_crowd", where]
    arguments = [str(n) for n in (CALLS, TURNS, CAP_TURNS * UNIT, UNIT)]
    began = time.monotonic()
    running = [
        subprocess.Popen([*program, name, *arguments], cwd=root, stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    paid = [int(process.communicate()[0]) for process in running]
    print(f"asked {2 * CALLS * TURNS}, cap {CAP_TURNS}, paid {' + '.join(map(str, paid))} = {sum(paid)}", end=", ")
    print(f"{time.monotonic() - began:.1f} s")
    return 0 if sum(paid) == CAP_TURNS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
