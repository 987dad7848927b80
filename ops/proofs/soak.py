"""A busy line for long: a day of it in virtual time, in one process, in minutes; or hours over real sockets.

`--virtual`: two machines with whole server processes, a drawn town of callers, releases, kills, outages, providers that
fail (see tests/soak/town.py and day.py for what is drawn, and how often). Each call is held to account as it ends.
Exit 1 where a promise was broken, or memory grows.

`--real`: a server process of its own, as many callers as --calls all the time, who count every word. What it takes of
the machine is printed every minute; exit 1 where that does not stay flat after the first quarter, or a call has a
fault. Ctrl-C ends either, with its figures.

    .venv/bin/python ops/proofs/soak.py --virtual --hours 24 --calls-per-hour 200 --seed 1
    .venv/bin/python ops/proofs/soak.py --real --minutes 60 --calls 20
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: threads are of no use to products of small matrices
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

MEMORY = Path("/dev/shm")  # noqa: S108  folders of its own are made there


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--virtual", action="store_true")
    which.add_argument("--real", action="store_true")
    parser.add_argument("--seed", type=int, default=0, help="of the day: the same seed, the same day")
    virtual = parser.add_argument_group("--virtual")
    virtual.add_argument("--hours", type=float, default=24.0)
    virtual.add_argument("--calls-per-hour", type=float, default=200.0, help="mean of the day (default 200)")
    virtual.add_argument("--accidents-per-hour", type=float, default=1.5, help="releases, kills, outages (default 1.5)")
    virtual.add_argument("--trouble", type=float, default=0.01, help="of the requests to providers (default 0.01)")
    virtual.add_argument("--frame-ms", type=int, default=60, help="sound in a message of the caller's (default 60)")
    virtual.add_argument("--minutes-at-most", type=float, default=None, help="of real time; then the day ends early")
    real = parser.add_argument_group("--real")
    real.add_argument("--minutes", type=float, default=60.0)
    real.add_argument("--calls", type=int, default=20)
    real.add_argument("--every", type=float, default=60.0, help="seconds between two looks at the server (default 60)")
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts it in the background has it ignored
    with tempfile.TemporaryDirectory(
        prefix="soak-", dir=MEMORY if args.virtual and MEMORY.is_dir() else None
    ) as folder:
        if args.real:
            from ops.proofs.soak_real import soak

            return soak(Path(folder), args.minutes, args.calls, args.every, args.seed)
        from ops.proofs.soak_virtual import soak as day
        from tests.soak.day import Asked

        asked = Asked(
            seed=args.seed,
            hours=args.hours,
            calls_per_hour=args.calls_per_hour,
            frame_ms=args.frame_ms,
            accidents_per_hour=args.accidents_per_hour,
            trouble=args.trouble,
        )
        return day(asked, Path(folder), args.minutes_at_most)


if __name__ == "__main__":
    sys.exit(main())
