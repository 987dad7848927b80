"""A mailbox against a plain list: items put, taken, waited for and waited for in vain, in any order."""

from __future__ import annotations

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from nurseries.mailbox import Mailbox


@settings(max_examples=100)
@given(st.integers(1, 3), st.lists(st.sampled_from(["put", "get", "give up at once", "give up"]), max_size=30))
def test_what_is_put_comes_in_order_but_for_the_oldest_that_do_not_fit(depth: int, doings: list[str]) -> None:
    async def main() -> None:
        box: Mailbox[int] = Mailbox(depth)
        kept: list[int] = []
        lost = 0
        for number, doing in enumerate(doings):
            if doing == "put":
                box.put(number)
                kept.append(number)
                lost += len(kept) > depth
                kept = kept[-depth:]
            elif doing == "get" and kept:
                assert await box.get() == kept.pop(0)
            elif doing == "give up at once":
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await box.get()
            elif not kept:
                with trio.move_on_after(1) as patience:
                    await box.get()
                assert patience.cancelled_caught
            assert (len(box), box.dropped) == (len(kept), lost)

    trio.run(main, clock=MockClock(autojump_threshold=0))
