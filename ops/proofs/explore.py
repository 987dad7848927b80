"""Many drawn calls, each with its own faults and its own order of tasks, held to the promises after every step.

A seed is one call and one schedule, the same on every machine. See tests/schedules/scenario.py for what is drawn and
how often, and tests/schedules/invariants.py for the promises. Exit 1 where one was broken: then the seed, the promise,
the events before it, the command that shows it again, and the smallest scenario that still breaks it are printed.

    .venv/bin/python ops/proofs/explore.py --schedules 5000 --seed 0 --jobs 2
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one process a core is enough
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.schedules.explore import Found, Violation, explore, first_broken, play_all, quiet, smallest
from tests.schedules.scenario import draw

MOST_TOLD = 20


def tell(violation: Violation) -> None:
    """One seed's, so that it can be looked into."""
    first = violation.broken[0]
    print(f"\nseed {violation.seed} breaks {first.promise}: {first.what}")
    print("\n".join(f"    {event[:180]}" for event in violation.events))
    with quiet():
        scenario = smallest(draw(violation.seed), first.promise)
    print(f"    smallest: { {name: getattr(scenario, name) for name in scenario.faults()} }")
    print(f"    again: .venv/bin/python ops/proofs/explore.py --only {violation.seed}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Explore schedules and faults of whole calls in virtual time.")
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", type=int, help="this seed alone")
    parser.add_argument("--first", action="store_true", help="tell, in one line, the first one that breaks a promise")
    args = parser.parse_args()
    if args.first:
        violation = first_broken(range(args.seed, args.seed + args.schedules))
        if violation is not None:
            print(f"{violation.seed} {','.join(each.promise for each in violation.broken)}")
        return int(violation is not None)
    began = time.monotonic()
    if args.only is not None:
        found = play_all([args.only])
    else:
        seeds = range(args.seed, args.seed + args.schedules)

        known: set[int] = set()

        def told(so_far: Found) -> None:
            for violation in so_far.violations:
                if violation.seed not in known and len(known) < MOST_TOLD:
                    known.add(violation.seed)
                    first = violation.broken[0]
                    print(f"\nseed {violation.seed} breaks {first.promise}: {first.what}", file=sys.stderr)
            print(f"\r{so_far.calls} schedules, {len(so_far.violations)} broken", end="", file=sys.stderr, flush=True)

        found = explore(seeds, args.jobs, told)
        print(file=sys.stderr)
    took = max(time.monotonic() - began, 1e-9)
    print(
        f"{found.calls} schedules in {took:.0f} s: {found.calls / took:.1f} a second, "
        f"{found.seconds / took:.0f} call-seconds a second, {found.steps} steps checked"
    )
    print("drawn: " + ", ".join(f"{what} {n}" for what, n in found.drawn.most_common()))
    print("endings of legs: " + ", ".join(f"{what} {n}" for what, n in found.endings.most_common()))
    for violation in found.violations[:MOST_TOLD]:
        tell(violation)
    print(f"\n{len(found.violations)} of {found.calls} schedules have broken a promise")
    return 1 if found.violations else 0


if __name__ == "__main__":
    sys.exit(main())
