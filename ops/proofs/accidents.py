"""Accidents in combination, under calls that are counted word by word: releases, kills, processes and a store that
stand still or are away, lines that break, a balancer that is reloaded, in an order that a seed draws.

HAProxy, two or three processes, a real mongod, callers of whom some hang up as soon as the line is dead, callbacks that
come late and twice. At the end every caller's side is held against the records, and what the processes have left
against what they should: no record twice, each with an ending, no lease that is not done, no journal with anything in
it, exit code 0 of all that were told to leave. `--store sqlite`: the workers of one server, on one DATA_DIR.

Exit 1 where that is not so. What a caller cannot be spared is counted: words into a gap or of the last second before a
kill, calls that nobody could answer, goodbyes of a process that was told twice to leave (agent/rehearsal/troubles.py).

    .venv/bin/python ops/proofs/accidents.py --seed 1 --seeds 5
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pymongo
import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agent.rehearsal.carriage import AfterCrash, Callbacks, Carriage, FailedAction, Meanwhile
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan
from agent.rehearsal.troubles import Troubles
from agent.rehearsal.verdict import Wants, judge
from nurseries.rehearsal.crowd import Crowd, seen
from nurseries.rehearsal.rest import Rest
from nurseries.rehearsal.webhooks import Target
from ops.proofs import stories
from ops.proofs.mishaps import Mishaps, SiteMishaps
from ops.proofs.site import ACCOUNT, GREETING, PUBLIC, TOKEN, callers_voice, site
from ops.proofs.table import print_table
from ops.proofs.worker_mishaps import HOME, WorkerMishaps
from tests.calls.witness import stored, stored_at
from tests.fakes.mongod import Mongod

PLACES = 5
BOUND_S = 12.0
"""From a crash to the agent's first sound: over REST nobody acts before the lease has run out."""
SETTLE_S = (1.0, 5.0)
"""From one accident to the next, where it does not come at once."""
LEAVES = 0.1
"""Of the callers hang up as soon as the line is dead."""
ORPHAN_S = 30.0
OVER_S = 90.0
"""For the calls to come to their end, once it is enough."""
FINISHED_S = 2 * ORPHAN_S
"""For every record to be finished, once the calls are over."""


@dataclass
class Left:
    """What there is once all have left."""

    logs: list[CallLog] = field(default_factory=list)
    troubles: Troubles = ()
    codes: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    journals: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--accidents", type=int, default=6)
    parser.add_argument("--store", choices=["mongodb", "sqlite"], default="mongodb")
    parser.add_argument("--only", help="draw among these: names, with semicolons between them")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--seeds", type=int, default=1, help="so many runs, from --seed on")
    parser.add_argument("--keep", action="store_true", help="keep the processes' logs also where all is well")
    args = parser.parse_args()
    first = random.randrange(10_000) if args.seed is None else args.seed
    return max([_prove(seed, args) for seed in range(first, first + args.seeds)])


def _prove(seed: int, args: argparse.Namespace) -> int:
    folder = Path(tempfile.mkdtemp(prefix=f"accidents-{args.store}-{seed}-"))
    print(f"seed {seed}, {folder}", flush=True)
    mongod, left, dice = Mongod() if args.store == "mongodb" else None, Left(), random.Random(seed)
    try:
        trio.run(_accidents, dice, folder, mongod, args, left)
        kept, leases = _stored(folder, mongod)
    finally:
        if mongod:
            mongod.remove()
    records = {record["call_sid"]: record for record in kept}
    wants = Wants(greeting=GREETING, crash_ms=BOUND_S * 1000, troubles=left.troubles)
    verdicts = [judge(log, records.get(log.call_sid), wants) for log in left.logs]
    stories.tell(folder, left.logs, records, verdicts)
    faults = {
        "records kept twice": len(kept) - len(records),
        "records without an ending": sum(not record["ending"] for record in kept),
        "exit codes beside 0": sum(code != 0 for code in left.codes),
        "journals with something in them": len(left.journals),
        "leases that are not done": leases,
    }
    good = not any(faults.values())
    (folder / "accidents.txt").write_text("\n".join(left.told))
    print(f"\nseed {seed}: {'; '.join(line[8:] for line in left.told if line[8:9] != ' ')}")
    code = print_table(left.logs, verdicts, faults.items(), good=good)
    if not (args.keep or code):
        shutil.rmtree(folder)
    return code


def _stored(folder: Path, mongod: Mongod | None) -> tuple[list[dict[str, Any]], int]:
    """All records, and how many leases are not done."""
    if mongod is None:
        with closing(sqlite3.connect(f"file:{folder / HOME}/data/leases.db?mode=ro", uri=True)) as leases:
            return stored(folder / HOME), leases.execute("SELECT count(*) FROM leases WHERE NOT done").fetchone()[0]
    client: pymongo.MongoClient[dict[str, Any]]
    with pymongo.MongoClient(mongod.uri) as client:
        return stored_at(mongod.uri), client["calling_agent"]["leases"].count_documents({"done": False})


async def _accidents(
    dice: random.Random, folder: Path, mongod: Mongod | None, args: argparse.Namespace, left: Left
) -> None:
    crowd = Crowd(
        target=Target(url="", public_url=PUBLIC, auth_token=TOKEN),
        calls=args.calls,
        account_sid=ACCOUNT,
        plan=CallPlan(patience_ms=40_000, max_ms=1_800_000, again_ms=8000),
        lines=(6, 14),
        vary=lambda plan: _caller(plan, dice),
        ramp_s=args.calls / 5,
        dice=dice,
    )
    await crowd.prepare(callers_voice())
    rest, drawn = Rest(crowd.exchange, ACCOUNT, TOKEN), random.Random(dice.random())
    settings = {"ORPHAN_S": f"{ORPHAN_S:g}", "HAND_OFF_WAIT_S": "8"}
    settings |= {"MONGODB_URI": mongod.uri} if mongod else {}
    async with trio.open_nursery() as nursery:
        await nursery.start(rest.serve)
        with site(folder, places=PLACES if mongod else 1, TWILIO_API_URL=rest.url, **settings) as here:
            crowd.target = Target(url=here.url, public_url=PUBLIC, auth_token=TOKEN)
            mishaps: Mishaps = (
                SiteMishaps(here, drawn, mongod, nursery, pods=drawn.choice([2, 2, 3]))
                if mongod
                else WorkerMishaps(here, drawn)
            )
            await mishaps.begin()
            async with trio.open_nursery() as talk:
                talk.start_soon(crowd.run)
                await crowd.talking()
                names = args.only.split(";") if args.only else list(mishaps.kinds)
                for name in drawn.choices(names, k=args.accidents):
                    await trio.sleep(drawn.choice([0, drawn.uniform(*SETTLE_S)]))
                    await mishaps.happens(name.strip())
                await trio.sleep(SETTLE_S[1])
                crowd.enough.set()
                with trio.move_on_after(OVER_S):
                    await seen(lambda: not crowd.up)
                for log in crowd.up.values():
                    log.failures.append(f"not over after {OVER_S:g} s")
                left.logs = [*crowd.logs, *crowd.up.values()]
                talk.cancel_scope.cancel()
            await _finished(folder, mongod)
            await mishaps.end()
            left.troubles, left.codes, left.told = tuple(mishaps.troubles), mishaps.codes, mishaps.told
            left.journals = here.journals()
        nursery.cancel_scope.cancel()


def _caller(plan: CallPlan, dice: random.Random) -> CallPlan:
    carriage = Carriage(
        after_crash=dice.choice(list(AfterCrash)),
        failed_action=FailedAction.NEXT_VERB,
        retry_s=2.5,
        callbacks=Callbacks(late_s=dice.uniform(0, 2), times=dice.choice([1, 2, 2])),
    )
    meanwhile = Meanwhile.LEAVES if dice.random() < LEAVES else Meanwhile.AS_EVER
    return replace(plan, carriage=carriage, meanwhile=meanwhile)


async def _finished(folder: Path, mongod: Mongod | None) -> None:
    """Until every record has its ending and every lease is done, within FINISHED_S."""
    with trio.move_on_after(FINISHED_S):
        while True:
            records, leases = await trio.to_thread.run_sync(_stored, folder, mongod)
            if not leases and all(record["ending"] for record in records):
                return
            await trio.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
