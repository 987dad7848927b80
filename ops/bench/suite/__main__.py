"""The benchmark: every workload, round by round, and the page that tells what came of it.

Needs a machine that does nothing else, and two cores of it: docs/speed.md.

    make bench                                                    # all of it, five rounds
    python -m ops.bench.suite --only calls,profile --rounds 3
    python -m ops.bench.suite --smoke                             # only whether each workload runs
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from ops.bench.suite import machine, page, peers, results, server
from ops.bench.suite.figures import Figures, over
from ops.bench.suite.workloads import ALL, SMOKE, Scale

LOAD = 0.8
INTERRUPTS = 1.2
"""What a caller who interrupts costs against one who waits; until a round has told."""
USUAL = Scale()


def arguments() -> argparse.ArgumentParser:
    """Of the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--smoke", action="store_true", help="a second of each, nothing written")
    add("--only", default="", help=f"whose names begin so: {', '.join(ALL)}")
    add("--rounds", type=int, default=5)
    add("--seconds", type=float, default=USUAL.seconds, help="measured in each round")
    add(
        "--calls",
        type=int,
        default=USUAL.calls,
        help="of conversations; barge-ins are measured with 80 %% of what a core carries by that",
    )
    add("--media-calls", type=int, default=USUAL.media_calls)
    add("--peer-calls", type=int, default=USUAL.peer_calls, help="of other stacks, and of ours beside them")
    add("--most", type=int, default=1000, help="of the curve")
    add("--before", type=Path, help="another checkout of the product, to be measured in turns with this one")
    add("--page", action="store_true", help="only write the page anew")
    return parser


def main() -> int:
    args = arguments().parse_args()
    if args.page:
        page.write()
        return 0
    asked = [name.strip() for name in args.only.split(",") if name.strip()]
    names = [name for name in ALL if not asked or any(name.startswith(one) for one in asked)]
    names = [name for name in names if peers.there(name)]
    scale = SMOKE if args.smoke else scale_of(args)
    sides: dict[str, Path | None] = ({"before": args.before.resolve()} if args.before else {}) | {"now": None}
    rounds: dict[str, dict[str, list[Figures]]] = {label: {name: [] for name in names} for label in sides}
    for number in range(1 if args.smoke else args.rounds):
        for name in names:
            for label, checkout in sides.items():
                if label == "before" and (name.startswith("floor") or name in peers.NAMES):
                    continue
                began = time.monotonic()
                with server.product(checkout):
                    rounds[label][name].append(ALL[name](_loaded(scale, name, rounds[label])))
                told = ", ".join(f"{key} {value:.4g}" for key, value in list(rounds[label][name][-1].items())[:9])
                print(f"round {number + 1}, {time.monotonic() - began:.0f} s, {label}, {name}: {told}", flush=True)
    if not args.smoke:
        for label in sides:
            results.keep(label, machine.described(), {name: over(found) for name, found in rounds[label].items()})
        page.write()
    return 0


def scale_of(args: argparse.Namespace) -> Scale:
    """As asked for."""
    curve = tuple(count for count in USUAL.curve if count <= args.most)
    return Scale(
        seconds=args.seconds,
        calls=args.calls,
        media_calls=args.media_calls,
        peer_calls=args.peer_calls,
        curve=curve,
    )


def _loaded(scale: Scale, name: str, rounds: dict[str, list[Figures]]) -> Scale:
    """For barge-ins, LOAD of a core's calls, as far as that is known."""
    if name != "barge-in" or scale is SMOKE:
        return scale
    if own := rounds["barge-in"]:
        carried = own[-1]["calls_a_core"]
    elif usual := rounds.get("calls"):
        carried = usual[-1]["calls_a_core"] / INTERRUPTS
    else:
        return scale
    return replace(scale, calls=max(1, int(carried * LOAD)))


if __name__ == "__main__":
    if len(os.sched_getaffinity(0)) < 2:
        print("one core: server and callers share it, and what is late may be the callers' fault", file=sys.stderr)
    sys.exit(main())
