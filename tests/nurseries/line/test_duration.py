"""The end of a call by the clock, and the words before it."""

from __future__ import annotations

import trio

from nurseries.line.duration import limit


async def told(seconds: float, notice_s: float, **more: float) -> list[tuple[str, float]]:
    began, done = trio.current_time(), list[tuple[str, float]]()

    def tell(what: str) -> None:
        done.append((what, trio.current_time() - began))

    await limit(
        seconds,
        notice_s,
        notice=lambda: tell("notice"),
        insist=lambda: tell("insist"),
        reached=lambda: tell("reached"),
        **more,
    )
    return done


async def test_a_caller_is_told_before_the_end_and_once_over_all_legs(autojump_clock) -> None:
    assert await told(100, 20) == [("notice", 80), ("insist", 90), ("reached", 100)]
    assert await told(100, 20, passed_s=30) == [("notice", 50), ("insist", 60), ("reached", 70)]
    assert await told(100, 20, passed_s=85, told=True) == [("reached", 15)]


async def test_a_call_that_is_hardly_longer_than_its_notice_has_none(autojump_clock) -> None:
    assert await told(30, 20) == [("reached", 30)]
