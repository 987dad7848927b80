"""Any orders at any time to a runner whose jobs have shielded steps and long cleanups: what each may notice of that."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from nurseries.runner import Runner

steps = st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=4)
"""Of a job: how long each lasts, and whether it is shielded."""
orders = st.lists(st.tuples(st.integers(0, 6), st.none() | st.tuples(steps, st.integers(0, 3))), min_size=1, max_size=8)
"""The pause before each, and the job that is to run, with its cleanup's length; none: what runs is dropped."""


@dataclass
class Model:
    """What was ordered last; who is alive; what the one alive is in."""

    newest: int | None = None
    alive: list[int] = field(default_factory=list)
    shielded: bool = False
    finished: list[int] = field(default_factory=list)

    def agrees(self, runner: Runner) -> None:
        waits = self.newest is not None and self.newest not in (*self.alive, *self.finished)
        assert runner.busy == (bool(self.alive) or waits)
        assert runner.shielded == self.shielded
        assert runner.superseded == (bool(self.alive) and self.alive != [self.newest])


@settings(max_examples=150)
@given(orders, st.random_module())
def test_one_job_at_a_time_the_newest_and_none_is_cut_in_a_shielded_step(
    told: list[tuple[int, tuple[list[tuple[int, bool]], int] | None]], _: object
) -> None:
    model, runner, over = Model(), Runner(), False

    async def step(number: int, seconds: float, shielded: bool) -> None:
        if not shielded:
            await trio.sleep(seconds)
            assert model.newest == number, "it goes on though it was replaced"
            return
        with runner.shielding():
            model.shielded, whole = True, False
            try:
                await trio.sleep(seconds)
                whole = True
            finally:
                model.shielded = False
                assert whole or over, "cut in a shielded step"
        await trio.lowlevel.checkpoint()
        assert model.newest == number, "what the shield put off has not happened"

    async def job(number: int, todo: list[tuple[int, bool]], cleanup: int) -> None:
        model.alive.append(number)
        try:
            assert model.alive == [number], "two at once"
            assert model.newest == number, "it begins though it was replaced"
            for n, (seconds, shielded) in enumerate(todo):
                await step(number, seconds + 0.01 * (n + 1), shielded)  # never at the moment of an order
            model.finished.append(number)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(cleanup)
            model.alive.remove(number)

    async def main() -> None:
        nonlocal over
        async with trio.open_nursery() as nursery:
            nursery.start_soon(runner.run)
            for number, (pause, what) in enumerate(told):
                await trio.sleep(pause)
                model.agrees(runner)
                model.newest = None if what is None else number
                if what is None:
                    runner.drop("dropped")
                else:
                    runner.replace(lambda n=number, w=what: job(n, *w), "replaced")
                model.agrees(runner)
            await trio.sleep(100)
            assert not model.alive
            assert not runner.busy
            if told[-1][1] is not None:
                assert model.finished[-1] == len(told) - 1, "the newest has not run to its end"
            over = True
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))
