"""The circuit breaker, against a naive one that keeps everything that ever happened."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.errors import Fault
from agent.guard.breaker import Breaker, Rules, Visit
from tests.examples import examples

RULES = Rules(failures=3, window_s=30, rest_s=5, longest_rest_s=60)


def breaker() -> Breaker:
    return Breaker("llm", "some model", RULES)


def fail(one: Breaker, now: float, times: int = 1, fault: Fault = Fault.BROKEN, asked: float | None = None) -> None:
    for _ in range(times):
        visit = one.enter(now)
        assert visit is not None
        visit.failed(now, fault, asked)


def work(one: Breaker, now: float, times: int = 1) -> None:
    for _ in range(times):
        visit = one.enter(now)
        assert visit is not None
        visit.worked(now)


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.REFUSED])
def test_failures_open_it_and_nobody_passes_until_its_rest_is_over(fault: Fault) -> None:
    one = breaker()
    fail(one, 10, 2, fault)
    assert one.state(10) == "closed"
    fail(one, 11, 1, fault)

    assert (one.state(11), one.enter(11), one.enter(15.9)) == ("open", None, None)
    assert one.opens_in(12) == 4
    assert one.state(16) == "half-open"


def test_exactly_one_of_fifty_that_ask_at_once_is_the_probe() -> None:
    one = breaker()
    fail(one, 0, 3)

    visits = [one.enter(5) for _ in range(50)]

    assert sum(visit is not None for visit in visits) == 1
    assert visits[0] is not None
    assert visits[0].probe
    visits[0].worked(6)
    assert one.state(6) == "closed"
    assert all(one.enter(6) is not None for _ in range(50))


def test_a_probe_that_is_given_up_leaves_its_place_to_the_next() -> None:
    one = breaker()
    fail(one, 0, 3)
    for _ in range(3):
        visit = one.enter(5)
        assert visit is not None
        assert one.enter(5) is None
        visit.left()

    assert one.state(5) == "half-open"
    assert one.enter(5) is not None


def test_probes_that_fail_double_the_rest_up_to_its_longest() -> None:
    one, now, rests = breaker(), 0.0, []
    fail(one, now, 3)
    for _ in range(6):
        rests.append(one.opens_in(now))
        now += rests[-1]
        fail(one, now)

    assert rests == [5, 10, 20, 40, 60, 60]
    work(one, now + 60)
    fail(one, now + 61, 3)
    assert one.opens_in(now + 61) == 5


def test_requests_that_are_given_up_count_for_nothing() -> None:
    one = breaker()
    for _ in range(100):
        visit = one.enter(0)
        assert visit is not None
        visit.left()
    fail(one, 0, 2)

    assert one.state(0) == "closed"


def test_few_failures_among_many_successes_do_not_open_it() -> None:
    one = breaker()
    work(one, 0, 20)
    fail(one, 1, 19)
    assert one.state(1) == "closed"
    fail(one, 1, 1)

    assert one.state(1) == "open"


def test_what_is_older_than_the_window_is_forgotten() -> None:
    one = breaker()
    work(one, 0, 20)
    fail(one, 29, 2)
    assert one.state(29) == "closed"
    fail(one, 30, 1)

    assert one.state(30) == "open"


def test_a_server_that_says_when_is_not_asked_before() -> None:
    one = breaker()
    fail(one, 0, 1, Fault.BUSY, asked=1.0)
    assert one.state(0) == "closed"
    fail(one, 0, 1, Fault.BUSY, asked=20.0)
    assert one.opens_in(0) == 20

    other = breaker()
    fail(other, 0, 1, Fault.BUSY, asked=3600.0)
    assert other.opens_in(0) == 60


def test_refusals_in_a_row_open_it_for_long() -> None:
    one = breaker()
    fail(one, 0, 2, Fault.REFUSED)
    work(one, 0)
    fail(one, 0, 2, Fault.REFUSED)
    assert one.state(0) == "closed"
    fail(one, 0, 1, Fault.REFUSED)

    assert one.opens_in(0) == 60
    fail(one, 60, 1, Fault.REFUSED)
    assert one.opens_in(60) == 60


def test_a_probe_that_is_refused_shows_that_the_server_is_there() -> None:
    one = breaker()
    fail(one, 0, 3)
    fail(one, 5, 1, Fault.REFUSED)

    assert one.state(5) == "closed"


def test_what_was_sent_before_it_opened_neither_heals_it_nor_prolongs_its_rest() -> None:
    one = breaker()
    late = [one.enter(0) for _ in range(10)]
    fail(one, 0, 3)
    for n, visit in enumerate(late):
        assert visit is not None
        visit.worked(2) if n % 2 else visit.failed(2, Fault.TIMEOUT)

    assert (one.state(2), one.opens_in(2)) == ("open", 3)


def test_it_tells_of_its_changes() -> None:
    told = []
    one = Breaker("llm", "some model", RULES, changed=lambda it: told.append((it.state(0), it.fault)))
    fail(one, 0, 3, Fault.TIMEOUT)
    work(one, 5)

    assert told == [("open", Fault.TIMEOUT), ("closed", Fault.TIMEOUT)]


class Naive:
    """Keeps everything, and works it out anew each time."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[float, Fault | None]] = []
        """Since it last opened or closed."""
        self.opened: tuple[float, float] | None = None
        self.why: Fault | None = None
        self.rests = 0
        self.probe: object = None

    def passes(self, now: float) -> bool:
        return self.opened is None or (now >= sum(self.opened) and self.probe is None)

    def ended(self, now: float, fault: Fault | None, asked: float) -> None:
        probing, self.probe = self.opened is not None, None
        if fault is None:
            self.outcomes.append((now, None))
            if probing:
                self.heal()
            return
        if probing and fault is Fault.REFUSED and self.why is not Fault.REFUSED:
            self.heal()
            probing = False
        self.outcomes.append((now, fault))
        if fault is Fault.REFUSED:
            latest = [fault for _, fault in self.outcomes]
            row = next((n for n, fault in enumerate(reversed(latest)) if fault is None), len(latest))
            if probing or latest[len(latest) - row :].count(Fault.REFUSED) >= 3:
                self.open(now, 60.0, fault)
            return
        counted = [f for at, f in self.outcomes if at > now - 30 and f is not Fault.REFUSED][-200:]
        failed = sum(f is not None for f in counted)
        if probing or (failed >= 3 and failed * 2 >= len(counted)) or asked > 1:
            self.open(now, max(min(5.0 * 2**self.rests, 60.0), min(asked, 60.0)), fault)

    def open(self, now: float, rest: float, fault: Fault) -> None:
        self.opened, self.why, self.rests, self.outcomes, self.probe = (now, rest), fault, self.rests + 1, [], None

    def heal(self) -> None:
        self.opened, self.rests, self.outcomes = None, 0, []


class AgainstTheNaive(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.real = breaker()
        self.naive = Naive()
        self.era = 0
        self.visits: list[tuple[Visit, int]] = []

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0, 5.0, 31.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        visit = self.real.enter(self.now)
        assert (visit is not None) == self.naive.passes(self.now)
        if visit is not None:
            if self.naive.opened is not None:
                self.naive.probe = visit
            self.visits.append((visit, self.era))

    @precondition(lambda self: self.visits)
    @rule(
        data=st.data(),
        fault=st.none() | st.sampled_from(Fault),
        asked=st.sampled_from([0.0, 0.5, 7.0, 1000.0]),
    )
    def end(self, data: st.DataObject, fault: Fault | None, asked: float) -> None:
        visit, era = self.visits.pop(data.draw(st.integers(0, len(self.visits) - 1)))
        visit.worked(self.now) if fault is None else visit.failed(self.now, fault, asked)
        if era == self.era:
            before = self.naive.opened
            self.naive.ended(self.now, fault, asked)
            self.era += self.naive.opened is not before

    @precondition(lambda self: self.visits)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        visit, _ = self.visits.pop(data.draw(st.integers(0, len(self.visits) - 1)))
        visit.left()
        if visit is self.naive.probe:
            self.naive.probe = None

    @invariant()
    def they_agree(self) -> None:
        opened = self.naive.opened
        state = "closed" if opened is None else "half-open" if self.now >= sum(opened) else "open"
        assert self.real.state(self.now) == state
        assert self.real.admits(self.now) == self.naive.passes(self.now)
        probes = [visit for visit, era in self.visits if visit.probe and era == self.era]
        assert len(probes) <= 1


TestAgainstTheNaive = AgainstTheNaive.TestCase
TestAgainstTheNaive.settings = settings(
    max_examples=examples(150), stateful_step_count=40, deadline=None, derandomize=True
)
