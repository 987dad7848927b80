"""What one process has put by for its calls, against a plain sum: a call, and what its turn may still cost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.guard.budget import Budget, Caps, Needs
from agent.guard.pot import Pot, reported

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
