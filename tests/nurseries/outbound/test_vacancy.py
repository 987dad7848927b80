"""No call is placed by a process that has no line for it: every other rule that says no is told as well."""

import trio

from agent.guard.order import Refused, Wanted
from agent.web.state import ProcessState
from nurseries.outbound.vacancy import FULL, LEAVING, Vacancy

WANTED = Wanted("+919876543210", "to ask")


class Night:
    """Rules of which one says no."""

    def __init__(self, *no: Refused) -> None:
        self.no = no
        self.claims = 0

    async def refusals(self, _: Wanted) -> tuple[Refused, ...]:
        await trio.lowlevel.checkpoint()
        return self.no

    async def claim(self, _: Wanted) -> tuple[Refused, ...]:
        await trio.lowlevel.checkpoint()
        self.claims += 1
        return ()

    async def give_back(self, _: Wanted) -> None:
        await trio.lowlevel.checkpoint()
        self.claims -= 1


async def test_a_process_whose_lines_are_busy_or_that_leaves_places_nothing() -> None:
    night = Refused("hours", "at night", 60)
    state, others = ProcessState(most=1), Night(night)
    rules = Vacancy(others, state, lambda: 1000.0)

    assert await rules.refusals(WANTED) == (night,)
    state.promise("CA1", 1000.0)
    assert await rules.refusals(WANTED) == (FULL, night)
    assert (await rules.claim(WANTED), others.claims) == ((FULL,), 0)

    state.give_up("CA1")
    assert (await rules.claim(WANTED), others.claims) == ((), 1)
    await rules.give_back(WANTED)
    state.draining = True
    assert (await rules.claim(WANTED), others.claims) == ((LEAVING,), 0)
