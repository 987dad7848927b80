"""How often, for whom, and with how much memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.guard.limits import SETS, WAYS, Limiter, Pace


def spend(limiter, client, now):
    taken = 0
    while not limiter.take(client, now):
        taken += 1
    return taken


def test_a_period_may_be_used_at_once_and_then_evenly():
    limiter = Limiter(30, 60)

    assert spend(limiter, "a", 0) == 30
    assert limiter.take("a", 0) == pytest.approx(2)
    assert spend(limiter, "a", 1.9) == 0
    assert spend(limiter, "a", 2) == 1
    assert spend(limiter, "a", 62) == 30


def test_clients_do_not_share():
    limiter = Limiter(1, 60)

    assert limiter.take("a", 0) == 0
    assert limiter.take("b", 0) == 0
    assert limiter.take("a", 0) > 0


def test_none_is_no_limit():
    limiter = Limiter(0, 60)

    assert all(limiter.take("a", 0) == 0 for _ in range(10_000))


def test_a_clock_that_is_set_back_locks_nobody_out_for_longer_than_a_period():
    limiter = Limiter(2, 60)
    spend(limiter, "a", 1_000_000)

    assert limiter.take("a", 5) <= 60
    assert spend(limiter, "a", 5 + 60) == 2


@given(st.lists(st.floats(0, 300), min_size=1, max_size=200))
def test_never_more_than_twice_the_count_in_a_period(times):
    limiter = Limiter(10, 60)
    allowed = [now for now in sorted(times) if not limiter.take("a", now)]

    for begin in allowed:
        assert sum(begin <= now < begin + 60 for now in allowed) <= 20


def test_a_million_clients_take_no_more_memory_and_give_nobody_a_new_allowance():
    limiter = Limiter(30, 60, b"salt")
    spend(limiter, "greedy", 0)

    for number in range(200_000):  # as many as fill each set five times over and more
        limiter.take(f"2001:db8::{number}", 0)

    assert limiter.remembered <= SETS * WAYS
    assert limiter.take("greedy", 0) > 0


def test_a_peer_that_was_held_up_may_catch_up():
    pace = Pace(100, 2000)

    assert all(pace.keeps(1, now=30) for _ in range(2000))
    assert not pace.keeps(1, now=30)
    assert pace.keeps(1, now=40)


def test_a_peer_that_keeps_real_time_is_never_behind():
    pace = Pace(100, 200)

    assert all(pace.keeps(1, now=number / 50) for number in range(10_000))


def test_a_peer_that_is_always_faster_is_found_out():
    pace = Pace(100, 2000)
    sent = next(number for number in range(100_000) if not pace.keeps(1, now=number / 200))

    assert sent == pytest.approx(4000, abs=5)
