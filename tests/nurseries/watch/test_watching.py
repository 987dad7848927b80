"""Whom a watcher sees where one leg follows another in the same process, and for how long a stream lasts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import trio

from agent.model import CallInfo
from agent.seen.feed import Feed
from nurseries.watch.watching import LASTS_S, Watching
from tests.fakes.memory_store import MemoryStore


class Kept:
    """Knows of nothing."""

    def known(self, _call_sid: str) -> None:
        return None

    def look(self, _call_sid: str) -> None:
        """There is nothing to look at."""


def leg(n: int) -> SimpleNamespace:
    return SimpleNamespace(info=CallInfo("CA1", "AC", f"MZ{n}", leg=n), feed=Feed(n, lambda: 0.0))


async def test_the_end_of_a_leg_leaves_the_next_one_to_be_watched() -> None:
    watching, first, second = Watching(Kept(), {}, MemoryStore()), leg(1), leg(2)
    watching.begun(first)
    watching.begun(second)

    watching.over(first, "")
    assert await watching.where("CA1") == "here"
    watching.over(second, "caller hung up")
    assert "CA1" not in watching._calls


async def test_a_stream_ends_in_time_so_that_its_reader_is_asked_who_it_is(autojump_clock) -> None:
    watching, began = Watching(Kept(), {}, MemoryStore()), trio.current_time()
    with trio.fail_after(2 * LASTS_S):
        async for _ in watching.calls():
            pass

    assert trio.current_time() - began == pytest.approx(LASTS_S, abs=1)
    assert watching.watchers == 0
