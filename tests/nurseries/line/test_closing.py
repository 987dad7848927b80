"""A socket is closed within its bounds, whoever is silent and whatever is cancelled."""

from __future__ import annotations

from functools import partial

import trio
import trio.testing

from nurseries.line.closing import BEFORE_CLOSE_S, CLOSE_S, LAST_WORDS_S, Closing


class Peer:
    """Answers a goodbye after so many seconds."""

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s
        self.closed = False

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await trio.sleep(self.after_s)
        self.closed = True


async def test_a_silent_peer_holds_no_call(autojump_clock) -> None:
    began = trio.current_time()

    await Closing(Peer(3600), None).close()

    assert trio.current_time() - began == CLOSE_S


async def test_who_is_cancelled_closes_politely(autojump_clock) -> None:
    peer = Peer(CLOSE_S / 2)
    with trio.CancelScope() as scope:
        scope.cancel()
        await Closing(peer, None).close()

    assert peer.closed


async def test_what_is_to_be_known_first_is_waited_for_and_not_for_ever(autojump_clock) -> None:
    peer = Peer(0)
    began = trio.current_time()

    await Closing(peer, trio.sleep_forever).close()

    assert peer.closed
    assert trio.current_time() - began == BEFORE_CLOSE_S


async def test_a_leg_that_is_fenced_off_over_its_last_words_is_closed_all_the_same(autojump_clock) -> None:
    peer = Peer(0)
    closing = Closing(peer, None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(closing.lose, trio.sleep_forever)
        await trio.testing.wait_all_tasks_blocked()
        closing.fence()

    assert peer.closed
    assert trio.current_time() < LAST_WORDS_S


async def test_what_runs_beside_the_close_holds_no_call(autojump_clock) -> None:
    began = trio.current_time()

    await Closing(Peer(0), None, partial(trio.sleep, 3600)).close()

    assert trio.current_time() - began == CLOSE_S


async def test_last_words_that_take_long_are_waited_for_behind_the_close_unless_all_is_cancelled(
    autojump_clock,
) -> None:
    peer, began = Peer(0), trio.current_time()
    with trio.move_on_after(LAST_WORDS_S + 2) as leaving:
        await Closing(peer, None).lose(partial(trio.sleep, 3600))

    assert leaving.cancelled_caught
    assert peer.closed
    assert trio.current_time() - began == LAST_WORDS_S + 2
