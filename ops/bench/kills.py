"""kill -9 of a real server at random moments of running calls, again and again on one DATA_DIR.

Each round starts a server, which takes up what the last one left, places calls, and kills the server some time after
the last of them has begun. Nobody goes on with a call, for the next server has another address: a second is waited
for that. At the end a last server finishes everything. Then every caller's side is held against the records: each word
heard more than a second before the kill must be there, and no word twice; each call must have one record, marked
"interrupted"; the journal must be empty.

    python ops/bench/kills.py --kills 20 --calls 20
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import trio

from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan
from tests.calls.server import Server
from tests.calls.witness import DURABLE_MS, NOBODY_ASKS, end_of, heard_by, lost, place, plan_of, stored, words_of

RAMP_S = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--within", type=float, default=15.0, metavar="SECONDS", help="of a round's first call (15)")
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    dice = random.Random(args.seed)
    plan = trio.run(plan_of)
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder = Path(name)
        logs: list[CallLog] = []
        for n in range(args.kills):
            after = dice.uniform(RAMP_S + 0.5, args.within)
            logs += _round(folder, plan, args.calls, after)
            print(f"kill {n + 1:2} after {after:4.1f} s", flush=True)
        began = time.monotonic()
        server = Server(folder, **NOBODY_ASKS)
        try:
            journal = folder / "data" / "journal"
            while list(journal.iterdir()) and time.monotonic() < began + 120:
                time.sleep(0.05)
            took, left = time.monotonic() - began, [path.name for path in journal.iterdir()]
        finally:
            server.kill()
        return _report(logs, stored(folder), left, took)


def _round(folder: Path, plan: CallPlan, calls: int, after: float) -> list[CallLog]:
    server = Server(folder, **NOBODY_ASKS)

    async def kill() -> None:
        await trio.sleep(after)
        await trio.to_thread.run_sync(server.kill)

    try:
        return trio.run(place, server.url, plan, calls, RAMP_S, kill)
    finally:
        server.kill()


def _report(logs: list[CallLog], records: list[dict], left: list[str], took: float) -> int:
    by_sid = {record["call_sid"]: record for record in records}
    placed = [log for log in logs if log.stream_sid]
    faults = [f"{log.call_sid}: {fault}" for log in placed if (fault := lost(log, by_sid.get(log.call_sid)))]
    twice = [sid for sid, times in Counter(record["call_sid"] for record in records).items() if times > 1]
    endings = Counter(record["ending"] for record in records)
    sound = sum(heard_by(log, end_of(log) - DURABLE_MS) for log in placed) / 1000
    print(f"calls                      {len(placed)} of {len(logs)} were up; {len(records)} records")
    print(f"endings                    {dict(endings)}")
    print(f"words kept                 {sum(len(words_of(record)) for record in records)}")
    print(f"heard > 1 s before a kill  {sound:.0f} s of the agent's sound")
    print(f"calls with a word missing  {len(faults)} {faults[:3] or ''}")
    print(f"calls kept twice           {len(twice)}")
    print(f"journal at the end         {left or 'empty'}, {took:.1f} s after the last start began")
    return 1 if faults or twice or left else 0


if __name__ == "__main__":
    sys.exit(main())
