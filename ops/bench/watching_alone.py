"""The same as `ops.bench.watching`, without sockets and in virtual time: what calls and those who watch them cost, and
nothing else. The same calls each time, so a busy machine may measure it, too.

Voice activity costs nothing here, and nobody sends a byte to a watcher: the ratio is that of the work that watching
adds to the least that calls can cost.

    python -m ops.bench.watching_alone --calls 100 --watchers 1 10
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time

import structlog
import trio
from trio.testing import MockClock

from agent.providers.scripted import Script
from tests.calls.stage import Stage, tone
from tests.calls.watchers import House, Watcher

TALK = Script(
    heard=("I want to buy a flat in Whitefield", "eighty lakhs", "within three months", "yes, please"),
    replies=("Lovely. What is your budget? We have many of them there, near the lake.", "Good. And when?", "I see."),
    hear_s=0.2,
    first_token_s=0.3,
)
LINES = (tone(1500), tone(900), tone(1200, at_ms=15_000), tone(700))
SECONDS = 40.0


async def hold(calls: int, watchers: int) -> None:
    """So many calls at once, and so many who watch the list, and one call."""
    house = House(Stage(TALK))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.kept.run)
        nursery.start_soon(house.watching.run)

        async def watch() -> None:
            await house.begun.wait()
            sid = house.stage.calls[0].info.call_sid
            for _ in range(watchers):
                nursery.start_soon(Watcher().read, house.watching.calls())
                nursery.start_soon(Watcher().read, house.watching.call(sid))

        nursery.start_soon(watch)
        async with trio.open_nursery() as held:
            for n in range(calls):

                async def place(after_s: float = n * 0.1) -> None:
                    await trio.sleep(after_s)
                    house.stage.check = lambda _: None  # type: ignore[method-assign]  # others are in the middle
                    await house.stage.place(*LINES, serve=house.serve, hang_up_at_ms=SECONDS * 1000)

                held.start_soon(place)
        nursery.cancel_scope.cancel()


def used(calls: int, watchers: int) -> float:
    began = time.process_time()
    trio.run(hold, calls, watchers, clock=MockClock(autojump_threshold=0))
    return time.process_time() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--watchers", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    used(2, 1)  # what is made once
    taken: dict[int, list[float]] = {count: [] for count in (0, *args.watchers)}
    for _ in range(args.rounds):
        for count, times in taken.items():
            times.append(used(args.calls, count))
    alone = statistics.median(taken[0])
    each = alone / args.calls / SECONDS * 1000
    print(f"{args.calls} calls of {SECONDS:.0f} s, nobody watches: {each:.2f} ms a call-second")
    for count in args.watchers:
        ratios = sorted(b / a for a, b in zip(taken[0], taken[count], strict=True))
        more = (statistics.median(taken[count]) - alone) / SECONDS * 1000
        spread = f"x {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
        print(f"{count} of the list and {count} of one call: {spread}; {more:.2f} ms more a second")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
