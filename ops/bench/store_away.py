"""A real mongod killed and stopped under running calls, against the same calls with a mongod that is left alone.

Both times a real server runs the scripted providers on one core, rehearsed callers are on the other. The trouble: kill
-9 and a new start, then a stop (SIGSTOP) for longer than a write is waited for. Printed for both: how early the agent's
audio was at the carrier (less than nothing is a gap that the caller hears), by how much the callers' own frames ran
late, and whether every word that was heard is in the records, in order and once.

    python ops/bench/store_away.py --calls 50
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import trio

from agent.rehearsal.log import CALLER_HUNG_UP, CallLog
from agent.rehearsal.plan import CallPlan
from ops.bench.many_calls import early_ms
from tests.calls.server import Server
from tests.calls.witness import SETTINGS, lost, place, plan_of, stored_at
from tests.fakes.mongod import Mongod

RAMP_S = 4.0
DRAINED_S = 120


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=50)
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    plan = trio.run(plan_of, 4)
    bad = 0
    for name, trouble in (("left alone", _no_trouble), ("killed and stopped", _trouble)):
        print(f"mongod {name}")
        bad += _side(plan, args.calls, cores, trouble)
    return 1 if bad else 0


async def _no_trouble(_mongod: Mongod) -> None:
    await trio.lowlevel.checkpoint()


async def _trouble(mongod: Mongod) -> None:
    await trio.sleep(RAMP_S + 2)
    mongod.kill()
    await trio.sleep(4)
    await trio.to_thread.run_sync(mongod.start)
    await trio.sleep(5)
    mongod.stop()
    await trio.sleep(9)
    mongod.go_on()


def _side(plan: CallPlan, calls: int, cores: list[int], trouble: Callable[[Mongod], Awaitable[None]]) -> int:
    mongod = Mongod()
    with tempfile.TemporaryDirectory(prefix="store-away-") as name:
        before = ("taskset", "-c", str(cores[0]))
        server = Server(Path(name), before=before, **SETTINGS, MONGODB_URI=mongod.uri)
        try:
            os.sched_setaffinity(0, {cores[-1]})
            logs = trio.run(place, server.url, plan, calls, RAMP_S, lambda: trouble(mongod))
            began = time.monotonic()
            journal = Path(name, "data", "journal")
            while list(journal.iterdir()) and time.monotonic() < began + DRAINED_S:
                time.sleep(0.05)
            drained = time.monotonic() - began
            records = stored_at(mongod.uri)
            left = list(journal.iterdir())
        finally:
            os.sched_setaffinity(0, set(cores))
            server.kill()
            mongod.remove()
    return _report(logs, records, drained, bool(left))


def _report(logs: list[CallLog], records: list[dict], drained: float, left: bool) -> int:
    early = np.array(sorted(ms for log in logs for ms in early_ms(log)))
    by_sid = {record["call_sid"]: record for record in records}
    faults = [fault for log in logs if (fault := lost(log, by_sid.get(log.call_sid), durable_ms=0))]
    once = Counter(record["call_sid"] for record in records) == Counter(log.call_sid for log in logs)
    disturbed = [log for log in logs if log.violations or log.failures or log.ended != CALLER_HUNG_UP]
    low, middle = np.percentile(early, 1), np.median(early)
    print(f"  audio ahead of its playing    least {early[0]:.0f} ms, p1 {low:.0f}, p50 {middle:.0f}")
    print(f"  gaps heard by a caller        {int((early < 0).sum())} of {len(early)} messages")
    print(f"  callers' own frames, latest   {max(log.late_ms for log in logs):.0f} ms")
    print(f"  calls disturbed               {len(disturbed)} of {len(logs)}")
    print(f"  calls with a word missing     {len(faults)} {faults[:2] or ''}")
    print(f"  one record for each call      {once}")
    print(f"  journal                       {'NOT ' if left else ''}empty {drained:.1f} s after the last call")
    return len(disturbed) + len(faults) + (not once) + left


if __name__ == "__main__":
    sys.exit(main())
