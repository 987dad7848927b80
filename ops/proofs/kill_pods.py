"""kill -9 of one of two server processes under calls: all of them go on in the other one, with their memory.

HAProxy, two processes, a real mongod, and callers who count every word. One process is killed, its calls come back in
the one way that this carrier takes (its action, the next verb, or a change over REST alone), the process is started
anew, and the other one is next. `--store sqlite`: one process, killed and started again on the same DATA_DIR. At the
end every caller's side is held against the records.

Exit 1 unless every call went on within the bound, remembers what was said more than a second before a kill, nobody was
greeted twice, no word of the agent was lost or repeated but in the sentence that broke off, and no live stream was cut.

    .venv/bin/python ops/proofs/kill_pods.py --calls 50 --kills 10
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agent.rehearsal.carriage import AfterCrash, Callbacks, Carriage, FailedAction
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan
from agent.rehearsal.verdict import Wants, judge
from nurseries.rehearsal.crowd import Crowd, seen
from nurseries.rehearsal.rest import Rest
from nurseries.rehearsal.webhooks import Target
from ops.proofs import stories
from ops.proofs.site import ACCOUNT, GREETING, PUBLIC, TOKEN, Site, callers_voice, site
from ops.proofs.table import print_table
from tests.calls.witness import stored, stored_at
from tests.fakes.mongod import Mongod

BOUND_S = {AfterCrash.ACTION: 3.0, AfterCrash.NEXT_VERB: 3.0, AfterCrash.HOLD: 12.0}
"""From a kill to the agent's first sound: over REST nobody acts before the lease has run out."""
RESTART_S = 15.0
"""The same where the only process has to start first."""
SETTLE_S = (3.0, 8.0)
"""From one recovery to the next kill."""
BACK_S = 60.0
LEAVE_S = 60.0


@dataclass(kw_only=True)
class Run:
    """Kills of one kind."""

    way: AfterCrash
    store: str
    kills: int
    args: argparse.Namespace
    dice: random.Random
    hit: list[int] = field(default_factory=list)
    """Calls that each kill took the stream of."""
    came_s: list[float] = field(default_factory=list)
    """Until all of them had another one."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--kills", type=int, default=10, help="shared among the ways (10)")
    parser.add_argument("--way", choices=[way.value for way in AfterCrash] + ["all"], default="all")
    parser.add_argument("--store", choices=["mongodb", "sqlite", "both"], default="both")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the processes' logs also where all is well")
    args = parser.parse_args()
    dice = random.Random(args.seed)
    ways = list(AfterCrash) if args.way == "all" else [AfterCrash(args.way)]
    runs = []
    if args.store != "sqlite":
        shares = [args.kills // len(ways) + (n < args.kills % len(ways)) for n in range(len(ways))]
        runs += [
            Run(way=way, store="mongodb", kills=kills, args=args, dice=dice)
            for way, kills in zip(ways, shares, strict=True)
            if kills
        ]
    if args.store != "mongodb":
        runs.append(Run(way=AfterCrash.ACTION, store="sqlite", kills=1, args=args, dice=dice))
    return max([_prove(run) for run in runs])


def _prove(run: Run) -> int:
    folder = Path(tempfile.mkdtemp(prefix=f"kills-{run.store}-{run.way.value}-"))
    mongod = Mongod() if run.store == "mongodb" else None
    try:
        logs = trio.run(_kills, run, folder, mongod.uri if mongod else "")
        kept = stored_at(mongod.uri) if mongod else stored(folder / "one")
        records = {record["call_sid"]: record for record in kept}
    finally:
        if mongod:
            mongod.remove()
    bound_s = BOUND_S[run.way] if run.store == "mongodb" else RESTART_S
    updates = run.kills if run.way is AfterCrash.HOLD else 0
    wants = Wants(greeting=GREETING, crash_ms=bound_s * 1000, updates=updates)
    verdicts = [judge(log, records.get(log.call_sid), wants) for log in logs]
    stories.tell(folder, logs, records, verdicts)
    if not (run.args.keep or any(verdict.faults for verdict in verdicts)):
        shutil.rmtree(folder)
    print(f"\n{run.kills} kills, {run.store}, back by the {run.way.value}; bound {bound_s:g} s")
    for n, (hit, came_s) in enumerate(zip(run.hit, run.came_s, strict=True), 1):
        print(f"  kill {n}: {hit} calls lost their stream; all had another one {came_s:.1f} s later")
    twice = len(kept) - len(records)
    return print_table(logs, verdicts, [("records kept twice", twice)], good=not twice and any(run.hit))


async def _kills(run: Run, folder: Path, mongo_uri: str) -> list[CallLog]:
    calls = run.args.calls
    carriage = Carriage(
        after_crash=run.way,
        failed_action=FailedAction.NEXT_VERB,
        retry_s=2.5 if run.store == "sqlite" else 1.0,
        callbacks=Callbacks(late_s=run.dice.uniform(0, 2), times=2),
    )
    crowd = Crowd(
        target=Target(url="", public_url=PUBLIC, auth_token=TOKEN),
        calls=calls,
        account_sid=ACCOUNT,
        plan=CallPlan(patience_ms=40_000, max_ms=1_800_000, carriage=carriage, again_ms=8000),
        lines=(60, 60),
        ramp_s=calls / 10,
        again=False,
        dice=run.dice,
    )
    await crowd.prepare(callers_voice())
    rest = Rest(crowd.exchange, ACCOUNT, TOKEN)
    settings = {"MONGODB_URI": mongo_uri} if mongo_uri else {}
    places = 2 if mongo_uri else 1
    async with trio.open_nursery() as nursery:
        await nursery.start(rest.serve)
        with site(folder, places=places, TWILIO_API_URL=rest.url, **settings) as here:
            crowd.target = Target(url=here.url, public_url=PUBLIC, auth_token=TOKEN)
            for place in range(places):
                await here.start(place, "" if mongo_uri else "one")
            async with trio.open_nursery() as talk:
                talk.start_soon(crowd.run)
                await crowd.talking()
                for n in range(run.kills):
                    await trio.sleep(run.dice.uniform(*SETTLE_S))
                    await _kill(here, n % places, crowd, run)
                    print(f"{run.store}, {run.way.value}: kill {n + 1} done", flush=True)
                await trio.sleep(SETTLE_S[1])
                crowd.enough.set()
            for place in tuple(here.pods):
                here.terminate(place)
            for place in tuple(here.pods):
                await here.gone(place, LEAVE_S)
        nursery.cancel_scope.cancel()
    return crowd.logs


async def _kill(here: Site, place: int, crowd: Crowd, run: Run) -> None:
    """The process there, then wait for its calls, and start another one in its place."""
    before = {sid: len(log.legs) for sid, log in crowd.up.items()}
    began = time.monotonic()
    await trio.to_thread.run_sync(here.kill, place)
    if not here.pods:
        await here.start(place, "one")

    def all_back() -> bool:
        return all(log.legs[-1].ended_ms is None for log in crowd.up.values())

    with trio.move_on_after(BACK_S):
        await trio.sleep(0.5)
        await seen(all_back)
    run.came_s.append(time.monotonic() - began)
    run.hit.append(sum(len(log.legs) > before.get(sid, 0) for sid, log in crowd.up.items()))
    if place not in here.pods:
        await here.start(place)


if __name__ == "__main__":
    sys.exit(main())
