"""What a call costs with one worker and with several: the same calls to each, by turns; or with --each as many for each
worker, since a process that has few calls spends more on one: it wakes up for fewer frames at a time.

Servers run on all cores, as in production, and so do the callers (ops/bench/suite/load.py), so that what is compared is
processor time a call-second: of all processes of a server together, its parent included. Efficiency is what one process
costs, divided by what several do: 1 where nothing is lost by sharing a port. Calls sustained is said as cores that
the server took; with two cores and the callers on them as well, that is the machine's limit and not the server's.

    python ops/bench/workers.py --calls 40 --seconds 20 --rounds 5
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ops.bench.suite.machine import described  # noqa: E402  found by the line above

PROGRAM = str(Path(sys.executable).with_name("calling-agent"))
SETTINGS = {"PORT": "0", "PROVIDER": "scripted", "MAX_CONCURRENT_CALLS": "1000"}
THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
LISTENS = re.compile(r"listening .*?port=(\d+)")
RAMP_S, SETTLE_S, START_S = 3.0, 3.0, 120.0
TICK = os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--each", action="store_true", help="so many calls for each worker")
    args = parser.parse_args()
    costs: dict[int, list[float]] = {count: [] for count in args.workers}
    print(described())
    print("workers  ms a call-second  cores taken  calls by worker       late p99 ms  faults")
    for _ in range(args.rounds):
        for count in args.workers:
            calls = args.calls * count if args.each else args.calls
            costs[count].append(_measure(count, calls, args.seconds))
    first = statistics.median(costs[args.workers[0]])
    for count, found in costs.items():
        cost = statistics.median(found)
        spread = f"{min(found):.2f} to {max(found):.2f}"
        print(f"{count} workers: {cost:.2f} ms a call-second ({spread}), efficiency {first / cost:.2f}")
    return 0


def _measure(workers: int, calls: int, seconds: float) -> float:
    with _server(workers) as (pid, port):
        plan = {"port": port, "calls": calls, "seconds": seconds + 1, "ramp_s": RAMP_S, "settle_s": SETTLE_S}
        command = [sys.executable, "-m", "ops.bench.suite.load", json.dumps(plan)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as client:
            time.sleep(RAMP_S + SETTLE_S)
            before, began = _cpu(pid), time.monotonic()
            time.sleep(seconds)
            used, took = sum((_cpu(pid) - before).values()), time.monotonic() - began
            shares = _calls(port)
            told = json.loads(client.communicate()[0])
    late = sorted(told["late_ms"]) or [0.0]
    cost = used / (took * calls) * 1000
    print(
        f"{workers:<8} {cost:<17.2f} {used / took:<12.2f} {shares:<21} {late[int(len(late) * 0.99)]:<12.1f}"
        f" {len(told['faults'])}",
        flush=True,
    )
    return cost


class _Used(dict[int, float]):
    """Processor seconds by process."""

    def __sub__(self, before: _Used) -> _Used:
        return _Used({pid: used - before.get(pid, 0.0) for pid, used in self.items()})


def _cpu(pid: int) -> _Used:
    """Of the process and its children."""
    found = _Used()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for each in (pid, *map(int, children)):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        found[each] = (int(fields[11]) + int(fields[12])) / TICK
    return found


def _calls(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            return " ".join(re.findall(r"^calling_agent_calls_now\S* ([0-9]+)", answer.read().decode(), re.MULTILINE))
    except OSError:  # a machine so full that nobody reads a request within its time
        return "?"


@contextmanager
def _server(workers: int) -> Iterator[tuple[int, int]]:
    """Its process, and its port."""
    from agent.config import Settings

    kept = {name: value for name, value in os.environ.items() if name not in {*Settings.model_fields, "NODE_ENV"}}
    environment = kept | THREADS | SETTINGS | {"WORKERS": str(workers)}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        log = Path(folder, "log")
        with log.open("w") as out:
            process = subprocess.Popen(
                [PROGRAM, "serve"], cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            until = time.monotonic() + START_S
            while not (found := LISTENS.search(re.sub(r"\x1b\[[0-9;]*m", "", log.read_text()))):
                if time.monotonic() > until or process.poll() is not None:
                    raise SystemExit(f"the server did not start:\n{log.read_text()[-2000:]}")
                time.sleep(0.05)
            yield process.pid, int(found[1])
        finally:
            for _ in range(3):
                process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
            process.wait(60)


if __name__ == "__main__":
    sys.exit(main())
