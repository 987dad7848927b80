"""However processes report, die, come back and lose answers: never is more out than the cap."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.guard.budget import LINGER_S, Budget, Campaign, Caps, Needs
from agent.guard.pot import HOLD_S, REAP_S, Pot, Report, Resumed, adopted, reported, turned
from tests.examples import examples

CAP = 100
DAYS = ["2026-11-26", "2026-11-27", "2026-11-28"]


def report(holder: str = "a", **changes) -> Report:
    fields = {"cap": CAP, "day": DAYS[1], "have": 0, "beat": 0, "counted": {}, "want": 10}
    return Report(holder, **(fields | changes))


def test_a_process_gets_what_it_wants_and_never_more_than_there_is() -> None:
    pot, first = reported(Pot(), report(want=70))
    pot, second = reported(pot, report("b", want=70))

    assert (first.granted, second.granted, pot.held) == (70, 30, CAP)
    assert pot.short == ("b",)


def test_a_report_that_is_told_twice_changes_nothing() -> None:
    pot, grant = reported(Pot(), report(want=50))
    again = report(have=40, beat=grant.beat, counted={"CA1": 10}, want=40)
    once, _ = reported(pot, again)
    twice, _ = reported(once, again)

    assert (once.spent, once.held) == (twice.spent, twice.held) == (10, 40)


def test_a_grant_whose_answer_was_lost_comes_back() -> None:
    pot, _ = reported(Pot(), report(want=60))
    pot, grant = reported(pot, report(want=20))

    assert (grant.granted, pot.held) == (20, 20)


def test_a_new_day_has_its_own_money_and_what_is_held_is_of_it() -> None:
    pot, grant = reported(Pot(), report(want=60, counted={"CA1": 30}))
    pot, grant = reported(pot, report(day=DAYS[2], have=50, beat=grant.beat, counted={"CA1": 40}, want=50))

    assert (pot.spent, pot.held, pot.day, pot.past) == (10, 50, DAYS[2], {DAYS[1]: 30})


def test_a_clock_that_goes_back_grants_nothing_twice() -> None:
    pot, _ = reported(Pot(), report(want=CAP))
    for day in (DAYS[0], DAYS[1], "", DAYS[0]):
        pot, grant = reported(pot, report("b", day=day, want=CAP))
        assert grant.granted == 0
    assert pot.day == DAYS[1]
    assert turned(pot, DAYS[0]) is pot


def test_a_process_that_was_taken_for_gone_has_nothing_any_more() -> None:
    pot, grant = reported(Pot(), report(want=60))
    pot, other = reported(pot, report("b", want=CAP, reap={"a": grant.beat}))
    pot, again = reported(pot, report(have=60, beat=grant.beat, counted={"CA1": 5}))

    assert (other.granted, again.void, pot.spent, pot.leases["a"].have) == (CAP, True, 5, 0)


def test_who_has_reported_meanwhile_is_not_taken_for_gone() -> None:
    pot, grant = reported(Pot(), report(want=60))
    pot, _ = reported(pot, report(have=60, beat=grant.beat, want=60))
    pot, _ = reported(pot, report("b", want=1, reap={"a": grant.beat}))

    assert pot.leases["a"].have == 60


def test_a_call_of_a_process_that_is_gone_is_counted_once() -> None:
    pot, _ = reported(Pot(), report(want=60, counted={"CA1": 7, "CA2": 3}))
    for _ in range(2):
        pot = adopted(pot, "CA1", 12, "a")

    assert (pot.spent, pot.held, pot.left) == (15, 0, {"CA2": 3, "CA1": 12})
    assert adopted(pot, "CA9", 5).spent == 15
    assert adopted(pot, "CA9", 5, count=True).spent == 20
    assert msgspec.json.decode(msgspec.json.encode(pot), type=Pot) == pot


def test_a_process_that_leaves_gives_back_all_it_has() -> None:
    pot, grant = reported(Pot(), report(want=60))
    pot, _ = reported(pot, report(have=50, beat=grant.beat, counted={"CA1": 10}, leaving=True))

    assert (pot.spent, pot.held, pot.left) == (10, 0, {"CA1": 10})


def test_a_call_that_comes_again_has_cost_what_it_had() -> None:
    budget = Budget(Caps(call=100), Needs(call=2, turn=5), "p1")
    budget.open("CA1", "", 0.0)
    budget.close("CA1", 60, 1.0)
    budget.open("CA1", "", 2.0)
    budget.settle("CA1", 30)

    assert budget.reserve("CA1", 8, 2.0) is None
    assert budget.reserve("CA1", 8, 2.0) is not None


def test_a_call_that_goes_on_elsewhere_is_counted_once_whoever_reports_when() -> None:
    pot, grant = reported(Pot(), report(want=60, counted={"CA1": 10}))
    resumed = {"CA1": Resumed(2, 17)}  # 7 of them the first process has not told yet
    pot, _ = reported(pot, report("b", counted={"CA1": 20}, resumed=resumed))

    assert (pot.spent, pot.leases["a"].have, pot.leases["a"].calls) == (20, 60 - 7, {})
    pot, grant = reported(pot, report(have=53, beat=grant.beat, counted={"CA1": 17}))
    pot, _ = reported(pot, report("b", have=0, beat=1, counted={"CA1": 25}, resumed=resumed))
    pot, _ = reported(pot, report("b", have=0, beat=2, counted={"CA1": 25}, resumed=resumed, leaving=True))
    pot, _ = reported(pot, report(have=53, beat=grant.beat, counted={"CA1": 17}))

    assert pot.spent == 25
    assert msgspec.json.decode(msgspec.json.encode(pot), type=Pot) == pot


def test_a_call_whose_process_died_is_not_counted_again_where_it_goes_on() -> None:
    pot, _ = reported(Pot(), report(want=60, counted={"CA1": 10}))
    pot = adopted(pot, "", 0, "a")
    pot, _ = reported(pot, report("b", counted={"CA1": 16}, resumed={"CA1": Resumed(2, 14)}))
    pot = adopted(pot, "CA1", 18, count=True, leg=3)  # that one's process is gone as well
    pot, _ = reported(pot, report("b", beat=1, counted={"CA1": 16}, resumed={"CA1": Resumed(2, 14)}))

    assert pot.spent == 18


def test_what_a_call_cost_before_counts_for_its_own_cap_and_is_not_paid_again() -> None:
    budget = Budget(Caps(call=100, day=1000), Needs(call=2, turn=5), "p2")
    grant = reported(Pot(), budget.report("day", DAYS[1], 0.0))[1]
    budget.took("day", grant, 0.0, 0.0)
    budget.resume("CA1", "", 0.0, Resumed(2, 80))
    before = budget.report("day", DAYS[1], 0.0).have
    budget.settle("CA1", 85)

    assert budget.report("day", DAYS[1], 0.0).have == before - 5
    assert budget.reserve("CA1", 7, 0.0) is None
    assert budget.reserve("CA1", 7, 0.0) is not None


def test_a_call_that_goes_on_is_not_turned_away_for_want_of_a_word_from_the_store() -> None:
    budget = Budget(Caps(day=1000), Needs(call=2, turn=5), "p2")
    budget.resume("CA1", "", 0.0, Resumed(2, 80))

    assert budget.open_calls == ("CA1",)
    no = budget.reserve("CA1", 5, 0.0)
    assert no is not None
    assert no.why == "store"


def test_a_call_begins_with_a_cap_that_just_suffices_for_one_turn() -> None:
    def refused(cap: int) -> bool:
        return Budget(Caps(call=cap), Needs(call=2, turn=5), "p1").refuses("", 0.0) is not None

    assert (refused(6), refused(7)) == (True, False)


def test_every_pot_is_named_once() -> None:
    campaigns = {"spring": Campaign(day=10, total=20), "sales": Campaign(call=5), "autumn": Campaign(total=7)}

    assert Caps(campaigns=campaigns).all_pots == ("spring/day", "spring/total", "autumn/total")
    assert Caps(day=9, campaigns=campaigns).all_pots == ("day", "spring/day", "spring/total", "autumn/total")


def test_a_call_that_goes_on_puts_by_what_calls_need_if_that_is_in_hand() -> None:
    def put_by(cap: int) -> int:
        budget = Budget(Caps(day=cap), Needs(call=3, turn=5), "p1")
        budget.took("day", reported(Pot(), budget.report("day", DAYS[1], 0.0))[1], 0.0, 0.0)
        before = budget.report("day", DAYS[1], 0.0).want
        budget.resume("CA1", "", 0.0, Resumed(2, 80))
        return budget.report("day", DAYS[1], 0.0).want - before

    assert (put_by(2), put_by(1000)) == (5, 5 + 3)  # a turn to spare is wanted for each call


def test_who_is_short_asks_for_that_also_where_others_want_something() -> None:
    budget, pot = Budget(Caps(day=100), Needs(call=2, turn=5), "a"), Pot()
    pot, _ = reported(pot, report("b", want=100))
    pot, _ = reported(pot, report("c", want=50))
    pot, grant = reported(pot, budget.report("day", DAYS[1], 0.0))
    budget.took("day", grant, 0.0, 0.0)
    assert budget.refuses("", 0.0) is not None

    assert budget.report("day", DAYS[1], 0.0).want >= 7


@pytest.mark.parametrize(("spent", "why"), [(93, "store"), (94, "pot")])
def test_what_would_just_suffice_is_waited_for_and_less_is_told_to_be_spent(spent: int, why: str) -> None:
    budget, pot = Budget(Caps(day=100), Needs(call=2, turn=5), "a"), Pot()
    pot, _ = reported(pot, report("b", have=0, counted={"CA9": spent}, want=100 - spent))
    budget.took("day", reported(pot, budget.report("day", DAYS[1], 0.0))[1], 0.0, 0.0)
    no = budget.refuses("", 0.0)

    assert no is not None
    assert no.why == why


def test_calls_that_never_come_are_forgotten() -> None:
    budget = Budget(Caps(call=100), Needs(call=2, turn=5), "p1")
    for n in range(50):
        assert budget.announce(f"CA{n}", "", 0.0, 20.0) is None
    budget.forget(21.0)

    with pytest.raises(KeyError):
        budget.close("CA1", 0, 21.0)


class Processes(RuleBasedStateMachine):
    """Three processes on one pot, with clocks of their own, a store that comes and goes, answers that are lost, and
    kills. What calls really cost never exceeds what was reserved, so nothing may ever exceed the cap."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.pot = Pot()
        self.day = 0
        self.cost: dict[str, int] = {}
        """Of each call, really; nobody forgets it."""
        self.before = 0
        """What earlier days have cost."""
        self.legs: dict[str, int] = {}
        self.exact = True
        """Nothing is lost that nobody has written down."""
        self.numbers = 0
        self.processes: dict[str, Budget] = {}
        self.reserved: dict[str, int] = {}
        for _ in range(3):
            self.start()

    def start(self) -> None:
        self.numbers += 1
        name = f"p{self.numbers}"
        self.processes[name] = Budget(Caps(day=CAP), Needs(call=2, turn=5), name)

    names = st.integers(0, 2)

    def at(self, n: int) -> Budget:
        return list(self.processes.values())[n]

    @rule(n=names, answered=st.booleans())
    def reports(self, n: int, answered: bool) -> None:
        budget = self.at(n)
        budget.forget(self.now)
        told = budget.report("day", DAYS[self.day], self.now)
        self.pot, grant = reported(self.pot, told)
        if answered:
            budget.took("day", grant, self.now, self.now)

    @rule(n=names)
    def leaves(self, n: int) -> None:
        budget = self.at(n)
        for sid in budget.open_calls:
            budget.close(sid, self.cost[sid], self.now)
        self.pot, _ = reported(self.pot, budget.report("day", DAYS[self.day], self.now, leaving=True))
        del self.processes[budget.holder]
        self.start()
        assert budget.holder not in self.pot.leases

    @rule(n=names, told=st.booleans())
    def dies(self, n: int, told: bool) -> None:
        """`told`: whoever comes next finds its journal."""
        budget = self.at(n)
        del self.processes[budget.holder]
        self.start()
        self.exact &= told
        if told:
            for sid in self.cost:  # also those that are just over
                if sid in budget.report("day", DAYS[self.day], self.now).counted:
                    leg = self.legs.get(sid, 1) + 1
                    self.pot = adopted(self.pot, sid, self.cost[sid], budget.holder, count=True, leg=leg)

    @rule(n=names, m=names, lives=st.booleans(), here=st.booleans())
    def goes_on_elsewhere(self, n: int, m: int, lives: bool, here: bool) -> None:
        """Calls are moved, or their streams are lost, or their process is: it reports as it likes, if it lives."""
        budget = self.at(n)
        calls = budget.open_calls
        if lives:
            for sid in calls:
                budget.close(sid, self.cost[sid], self.now)
        else:
            self.exact &= all(s in calls for s in budget.report("day", DAYS[self.day], self.now).counted)
            del self.processes[budget.holder]
            self.start()
        other = budget if lives and here else self.at(m)
        for sid in calls:
            self.legs[sid] = self.legs.get(sid, 1) + 1
            other.resume(sid, "", self.now, Resumed(self.legs[sid], self.cost[sid]))

    @rule(n=names, amount=st.integers(0, 5))
    def begins(self, n: int, amount: int) -> None:
        budget = self.at(n)
        sid = f"CA{len(self.cost)}"
        if budget.refuses("", self.now) is None:
            assert budget.announce(sid, "", self.now, self.now + 10) is None
            assert budget.open(sid, "", self.now) is None
            self.cost[sid] = 0

    @rule(n=names, data=st.data())
    def takes_a_turn(self, n: int, data: st.DataObject) -> None:
        budget = self.at(n)
        for sid in budget.open_calls:
            if budget.reserve(sid, 5, self.now) is None:
                self.cost[sid] += data.draw(st.integers(0, 5))
                budget.settle(sid, self.cost[sid])
                budget.release(sid)

    @rule(n=names)
    def hangs_up(self, n: int) -> None:
        budget = self.at(n)
        for sid in budget.open_calls[:1]:
            budget.close(sid, self.cost[sid], self.now)

    @rule(seconds=st.sampled_from([1.0, HOLD_S / 2, HOLD_S, REAP_S]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.exact &= seconds < LINGER_S / 2

    @precondition(lambda self: self.day < len(DAYS) - 1)
    @rule()
    def a_day_begins(self) -> None:
        self.day += 1
        self.exact = False
        if DAYS[self.day] > self.pot.day:
            self.before = sum(self.cost.values())

    @rule()
    def the_clock_goes_back(self) -> None:
        self.day = 0

    @invariant()
    def never_more_than_the_cap(self) -> None:
        assert self.pot.spent + self.pot.held <= CAP
        assert sum(self.cost.values()) - self.before <= CAP + (CAP if self.before else 0)
        if not self.before:
            assert sum(self.cost.values()) <= CAP

    @invariant()
    def nobody_spends_what_others_hold(self) -> None:
        in_hand = sum(budget.reserved("day") for budget in self.processes.values())
        assert in_hand >= 0
        assert self.pot.spent >= 0

    def teardown(self) -> None:
        for budget in list(self.processes.values()):
            for sid in budget.open_calls:
                budget.close(sid, self.cost[sid], self.now)
            self.pot, _ = reported(self.pot, budget.report("day", DAYS[self.day], self.now, leaving=True))
        assert not set(self.processes) & set(self.pot.leases)
        if self.exact:
            assert self.pot.spent == sum(self.cost.values())


Processes.TestCase.settings = settings(max_examples=examples(120), stateful_step_count=40)
TestProcesses = Processes.TestCase
