"""Releases under calls: HAProxy in front of two server processes, a real mongod, and callers who count every word.

A release starts a new process, waits until it is ready, and tells the old one to leave (SIGTERM); calls go on there to
their end (`wait`), or each goes on in the new process from its next quiet moment (`hand-off`). Where a call is over the
next one begins, so there are always as many. At the end every caller's side is held against the records.

Exit 1 unless no call was dropped, nobody was greeted twice, no word of the agent was lost or repeated, and no word of a
caller was lost but those that fell between two streams, which are counted.

    .venv/bin/python ops/proofs/rolling_deploy.py --calls 50 --releases 3 --mode both
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan
from agent.rehearsal.verdict import Verdict, Wants, judge
from nurseries.rehearsal.crowd import Crowd
from nurseries.rehearsal.rest import Rest
from nurseries.rehearsal.webhooks import Target
from ops.proofs import stories
from ops.proofs.site import ACCOUNT, GREETING, PUBLIC, TOKEN, Site, callers_voice, site
from ops.proofs.table import print_table
from tests.calls.witness import stored_at
from tests.fakes.mongod import Mongod

LINES = {"wait": (2, 5), "hand-off": (8, 16)}
"""Of one call: with `wait` a release takes as long as the longest of them."""
SPOKEN = {"wait": 0, "hand-off": 1}
"""Lines that each caller has said before a release begins: where calls are short there is always one that is new."""
LEAVE_S = 280.0


@dataclass(frozen=True, slots=True)
class Release:
    """One."""

    ready_s: float
    """From the start of the new process until calls are led to it."""
    leave_s: float
    """From SIGTERM to the end of the old one."""
    code: int
    up: int
    """Calls that went on at the SIGTERM."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--releases", type=int, default=3)
    parser.add_argument("--mode", choices=["wait", "hand-off", "both"], default="both")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the processes' logs also where all is well")
    args = parser.parse_args()
    modes = ["wait", "hand-off"] if args.mode == "both" else [args.mode]
    return max([_prove(mode, args) for mode in modes])


def _prove(mode: str, args: argparse.Namespace) -> int:
    mongod = Mongod()
    folder = Path(tempfile.mkdtemp(prefix=f"releases-{mode}-"))
    try:
        releases, logs = trio.run(_releases, mode, folder, mongod.uri, args)
        records = {record["call_sid"]: record for record in stored_at(mongod.uri)}
    finally:
        mongod.remove()
    verdicts = [judge(log, records.get(log.call_sid), Wants(greeting=GREETING, updates=0)) for log in logs]
    stories.tell(folder, logs, records, verdicts)
    if not args.keep and not any(verdict.faults for verdict in verdicts):
        shutil.rmtree(folder)
    return _report(mode, releases, logs, verdicts)


async def _releases(
    mode: str, folder: Path, mongo_uri: str, args: argparse.Namespace
) -> tuple[list[Release], list[CallLog]]:
    crowd = Crowd(
        target=Target(url="", public_url=PUBLIC, auth_token=TOKEN),
        calls=args.calls,
        account_sid=ACCOUNT,
        plan=CallPlan(patience_ms=30_000, max_ms=900_000),
        lines=LINES[mode],
        ramp_s=args.calls / 10,
        dice=random.Random(args.seed),
    )
    await crowd.prepare(callers_voice())
    rest = Rest(crowd.exchange, ACCOUNT, TOKEN)
    made = []
    async with trio.open_nursery() as nursery:
        await nursery.start(rest.serve)
        with site(folder, MONGODB_URI=mongo_uri, DRAIN_MODE=mode, TWILIO_API_URL=rest.url) as here:
            crowd.target = Target(url=here.url, public_url=PUBLIC, auth_token=TOKEN)
            await here.start(0)
            async with trio.open_nursery() as calls:
                calls.start_soon(crowd.run)
                await crowd.talking(spoken=SPOKEN[mode])
                for n in range(args.releases):
                    made.append(await _release(here, n % 2, crowd, SPOKEN[mode]))
                    print(
                        f"{mode}: release {n + 1} done, the old process left after {made[-1].leave_s:.1f} s", flush=True
                    )
                crowd.enough.set()
            here.terminate(args.releases % 2)
            await here.gone(args.releases % 2, LEAVE_S)
        nursery.cancel_scope.cancel()
    return made, crowd.logs


async def _release(here: Site, old: int, crowd: Crowd, spoken: int) -> Release:
    began = time.monotonic()
    await here.start(1 - old)
    ready_s, began, up = time.monotonic() - began, time.monotonic(), len(crowd.up)
    here.terminate(old)
    code = await here.gone(old, LEAVE_S)
    left_s = time.monotonic() - began
    await crowd.talking(spoken=spoken)
    return Release(ready_s, left_s, code, up)


def _report(mode: str, releases: list[Release], logs: list[CallLog], verdicts: list[Verdict]) -> int:
    print(f"\nDRAIN_MODE={mode}, {len(releases)} releases")
    for n, one in enumerate(releases, 1):
        ready = f"ready after {one.ready_s:.1f} s"
        print(f"  release {n}: {one.up} calls; {ready}, the old one left after {one.leave_s:.1f} s, exit {one.code}")
    died = sum(sum(verdict.crashed) for verdict in verdicts)
    good = bool(releases) and not died and not any(one.code for one in releases)
    return print_table(logs, verdicts, [("streams that died", died)], good=good)


if __name__ == "__main__":
    sys.exit(main())
