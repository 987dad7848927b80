"""A hedged request: where the first provider has not begun in time, the others are asked as well, and whoever speaks
first has the answer; the other one is cancelled. Both have been asked, so both are paid for.

(J. Dean, L. A. Barroso, "The Tail at Scale", CACM 56(2), 2013.)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import trio

from agent.errors import ProviderError
from nurseries.chain.chain import Chain, Progress, Work

P = TypeVar("P")
T = TypeVar("T")


@dataclass(slots=True)
class _Race(Generic[T]):
    lanes: tuple[trio.CancelScope, trio.CancelScope] = field(default_factory=lambda: (_scope(), _scope()))
    stirred: trio.Event = field(default_factory=trio.Event)
    """Something of the first one has come, or it is over."""
    decided: trio.Event = field(default_factory=trio.Event)
    """Somebody is being heard, or the first one is over."""
    winner: int | None = None
    answers: list[T] = field(default_factory=list)
    failures: dict[int, ProviderError] = field(default_factory=dict)

    def claim(self, lane: int) -> None:
        """The first to call has the answer. Not a checkpoint; the loser gets no further than its next one."""
        if self.winner is None:
            self.winner = lane
            self.lanes[1 - lane].cancel("the other one was faster")
        self.settle()

    def settle(self) -> None:
        self.stirred.set()
        self.decided.set()


def _scope() -> trio.CancelScope:
    return trio.CancelScope()


async def hedged(chain: Chain[P], work: Work[P, T], after_s: float) -> T:
    """As `Chain.ask`; `work` must pass a checkpoint between `Progress.rest` and what is to be heard."""
    if not chain.rivals(0):
        return await chain.ask(work)
    race: _Race[T] = _Race()
    first = replace(chain, members=chain.members[:1], fair_share=1 / len(chain.members))

    async def run(lane: int) -> None:
        progress = Progress(lambda: race.claim(lane), race.stirred.set if lane == 0 else lambda: None)
        try:
            with race.lanes[lane]:
                if lane:
                    failed = race.failures.get(0)
                    answer = await chain.ask(work, progress=progress, skip=1, failed=failed, standby=failed is None)
                else:
                    answer = await first.ask(work, progress=progress, standby=True)
                race.claim(lane)
                if race.winner == lane:
                    race.answers.append(answer)
        except ProviderError as error:
            race.failures[lane] = error
            if lane == 0:
                race.settle()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, 0, name="first choice")
        with trio.move_on_after(after_s):
            await race.stirred.wait()
        if race.stirred.is_set():
            await race.decided.wait()
        if race.winner is None:
            nursery.start_soon(run, 1, name="hedge")
    if race.answers:
        return race.answers[0]
    raise race.failures[race.winner if race.winner is not None else min(race.failures)]
