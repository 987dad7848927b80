"""What one process has put by for its calls, against a plain sum: a call, and what its turn may still cost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.guard.budget import SPARE, Budget, Campaign, Caps, Needs
from agent.guard.pot import HOLD_S, REAP_S, Grant, Lease, Pot, reported

doings = st.lists(
    st.tuples(
        st.sampled_from(["begin", "reserve", "spend", "release", "close"]), st.sampled_from("ABC"), st.integers(0, 7)
    ),
    max_size=30,
)


@settings(max_examples=100)
@given(doings)
def test_what_is_put_by_is_what_calls_may_still_cost(told: list[tuple[str, str, int]]) -> None:
    budget, pot = Budget(Caps(day=10_000), Needs(call=2, turn=5), "here"), Pot()
    spent, turn = dict[str, int](), dict[str, int]()
    """Of each call that goes on: what it has cost, and what is reserved for its turn."""
    over: dict[str, int] = {}
    for n, (what, sid, amount) in enumerate(told):
        pot, grant = reported(pot, budget.report("day", "2026-11-28", float(n)))
        budget.took("day", grant, float(n), float(n))
        if what == "begin" and sid not in spent and sid not in over:
            assert budget.open(sid, "", float(n)) is None
            spent[sid], turn[sid] = 0, 0
        elif sid not in spent:
            continue
        elif what == "reserve":
            assert budget.reserve(sid, 5, float(n)) is None
            turn[sid] += 5
        elif what == "spend":
            spent[sid] += amount
            turn[sid] = max(turn[sid] - amount, 0)
            budget.settle(sid, spent[sid])
        elif what == "release":
            budget.release(sid)
            turn[sid] = 0
        elif what == "close":
            budget.close(sid, spent[sid], float(n))
            over[sid] = spent.pop(sid)
            del turn[sid]
        assert budget.reserved("day") == sum(turn.values()) + 2 * len(spent)
    pot, _ = reported(pot, budget.report("day", "2026-11-28", 99.0))
    assert pot.spent == sum(spent.values()) + sum(over.values())


NEEDS = Needs(call=2, turn=5)


def holding(have: int, *, cap: int = 10_000, pot: Pot | None = None, at: float = 0.0) -> Budget:
    """One that was granted so much of the day."""
    budget = Budget(Caps(day=cap), NEEDS, "here")
    budget.took("day", Grant(have, 1, False, pot or Pot()), at, at)
    return budget


@pytest.mark.parametrize(("cap", "may"), [(6, False), (7, True)])
def test_a_call_begins_where_its_cap_is_just_what_it_needs(cap: int, may: bool) -> None:
    for caps in (Caps(call=cap), Caps(call=1, campaigns={"sales": Campaign(call=cap)})):
        assert (Budget(caps, NEEDS, "here").refuses("sales" if caps.campaigns else "", 0.0) is None) == may


@pytest.mark.parametrize(("amount", "may"), [(12, True), (13, False)])
def test_a_call_may_spend_its_cap_to_the_last(amount: int, may: bool) -> None:
    budget = Budget(Caps(call=14), NEEDS, "here")
    assert budget.open("A", "", 0.0) is None  # puts two by
    assert (budget.reserve("A", amount, 0.0) is None) == may


def test_a_call_whose_stream_comes_a_second_time_has_cost_what_both_have() -> None:
    budget = Budget(Caps(day=10_000, call=50), NEEDS, "here")
    budget.took("day", Grant(1000, 1, False, Pot()), 0.0, 0.0)
    assert budget.open("A", "", 0.0) is None
    budget.close("A", 30, 1.0)
    assert budget.open("A", "", 2.0) is None  # puts two by
    assert budget.reserve("A", 19, 2.0) is not None
    assert budget.reserve("A", 18, 2.0) is None
    budget.settle("A", 5)
    pot, _ = reported(Pot(), budget.report("day", "2026-11-28", 3.0))
    assert pot.spent == 35


@pytest.mark.parametrize(("have", "may"), [(9, True), (8, False)])
def test_what_is_in_hand_is_spent_to_the_last(have: int, may: bool) -> None:
    budget = holding(have)
    assert budget.open("A", "", 0.0) is None
    assert (budget.reserve("A", 7, 0.0) is None) == may


@pytest.mark.parametrize(("passed_s", "away"), [(HOLD_S, False), (HOLD_S + 0.1, True)])
def test_without_a_word_from_the_store_so_long_and_no_longer(passed_s: float, away: bool) -> None:
    no = holding(1000).refuses("", passed_s)
    assert (no is not None) == away
    assert no is None or no.why == "store"


@pytest.mark.parametrize(("have", "low"), [(SPARE * 7 // 2, False), (SPARE * 7 // 2 - 1, True)])
def test_it_reports_early_with_less_than_half_in_hand_of_what_should_be(have: int, low: bool) -> None:
    assert holding(have).low() == low


def test_it_reports_early_for_others_once_there_is_news_for_them() -> None:
    budget = holding(1000, pot=Pot(short=("another",)))
    assert budget.open("A", "", 0.0) is None
    assert not budget.low()
    budget.settle("A", 1)
    assert budget.low()
    alone = holding(1000, pot=Pot(short=("here",)))
    assert alone.open("A", "", 0.0) is None
    alone.settle("A", 1)
    assert not alone.low()


@pytest.mark.parametrize(("passed_s", "gone"), [(REAP_S - 0.1, []), (REAP_S, ["another"])])
def test_who_has_not_stirred_for_so_long_is_told_to_be_gone(passed_s: float, gone: list[str]) -> None:
    budget = holding(50, pot=Pot(leases={"another": Lease(10, 3, {})}))
    assert list(budget.report("day", "2026-11-28", passed_s).reap) == gone


def test_who_stirs_is_not_though_it_was_long_ago_that_they_were_seen_first() -> None:
    budget = holding(50, pot=Pot(leases={"another": Lease(10, 3, {})}))
    budget.took("day", Grant(0, 2, False, Pot(leases={"another": Lease(10, 4, {})})), REAP_S - 1, REAP_S - 1)
    budget.took("day", Grant(0, 3, False, Pot(leases={"another": Lease(10, 4, {})})), REAP_S, REAP_S)
    assert list(budget.report("day", "2026-11-28", 2 * REAP_S - 1.5).reap) == []
    assert list(budget.report("day", "2026-11-28", 2 * REAP_S - 1).reap) == ["another"]


@pytest.mark.parametrize(("left", "why"), [(6, "pot"), (7, "store")])
def test_what_is_not_in_hand_is_told_from_what_is_spent(left: int, why: str) -> None:
    no = holding(0, cap=100, pot=Pot(spent=100 - left)).refuses("", 0.0)
    assert no is not None
    assert no.why == why
