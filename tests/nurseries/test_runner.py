import random

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from nurseries.runner import Runner
from tests.examples import examples


async def test_the_new_job_starts_only_once_the_old_one_is_gone(autojump_clock, nursery) -> None:
    runner = Runner()
    story = []

    async def stubborn() -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(5)
            story.append(("old gone", trio.current_time()))

    async def fresh() -> None:
        story.append(("new runs", trio.current_time()))

    nursery.start_soon(runner.run)
    runner.replace(stubborn, "greeting")
    await trio.sleep(1)
    begin = trio.current_time()
    runner.replace(fresh, "barge-in")
    await trio.sleep(10)

    assert story == [("old gone", begin + 5), ("new runs", begin + 5)]
    assert not runner.busy
    nursery.cancel_scope.cancel()


async def test_dropping_forgets_what_has_not_begun(autojump_clock, nursery) -> None:
    runner = Runner()
    ran = []

    async def job() -> None:
        ran.append(1)

    nursery.start_soon(runner.run)
    runner.replace(job, "turn")
    runner.drop("barge-in")
    await trio.sleep(1)

    assert ran == []
    nursery.cancel_scope.cancel()


async def test_a_job_that_fails_ends_the_runner() -> None:
    runner = Runner()

    async def job() -> None:
        raise ValueError("bug")

    runner.replace(job, "turn")
    with pytest.raises(ValueError, match="bug"):
        await runner.run()


async def test_replace_and_drop_are_no_checkpoints() -> None:
    runner = Runner()
    with trio.testing.assert_no_checkpoints():
        runner.replace(trio.sleep_forever, "x")
        runner.drop("y")


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 2**32), st.random_module())
def test_never_two_at_once_and_the_newest_always_finishes(seed: int, _: object) -> None:
    rng = random.Random(seed)
    alive = most = 0
    finished: list[int] = []
    asked = 0

    async def main() -> None:
        nonlocal asked
        runner = Runner()

        def job(number: int):
            async def run() -> None:
                nonlocal alive, most
                alive += 1
                most = max(most, alive)
                try:
                    await trio.sleep(rng.random())
                    finished.append(number)
                finally:
                    with trio.CancelScope(shield=True):
                        await trio.sleep(rng.random())
                    alive -= 1

            return run

        async def caller() -> None:
            nonlocal asked
            for _ in range(rng.randint(1, 6)):
                await trio.sleep(rng.random())
                if rng.random() < 0.2:
                    runner.drop("drop")
                asked += 1
                runner.replace(job(asked), "replace")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(runner.run)
            async with trio.open_nursery() as callers:
                for _ in range(rng.randint(1, 3)):
                    callers.start_soon(caller)
            await trio.sleep(5)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert most == 1
    assert alive == 0
    assert finished[-1] == asked
