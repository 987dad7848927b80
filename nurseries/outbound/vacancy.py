"""The rule of calling out that asks for a line: nobody is rung whom this process could only apologise to.

The DialRules port around others. No line is held: one may be taken while the telephone rings, and of several processes
any may be asked for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from agent.guard.order import Refused, Wanted
from agent.guard.ports import DialRules
from agent.web.state import ProcessState

AGAIN_S = 15.0
"""Until one of several calls that are on is likely to be over."""

LEAVING = Refused("busy", "This process is about to stop: ask again, and another one places the call.", 5.0)
FULL = Refused("busy", "The call cannot be placed now: all lines here are busy (MAX_CONCURRENT_CALLS).", AGAIN_S)


class Vacancy:
    """One process's."""

    def __init__(self, others: DialRules, state: ProcessState, now: Callable[[], float] = time.time) -> None:
        self._others = others
        self._state = state
        self._now = now

    async def refusals(self, wanted: Wanted) -> tuple[Refused, ...]:
        """See the port."""
        return (*self._own(), *await self._others.refusals(wanted))

    async def claim(self, wanted: Wanted) -> tuple[Refused, ...]:
        """See the port."""
        return self._own() or await self._others.claim(wanted)

    async def give_back(self, wanted: Wanted) -> None:
        """See the port."""
        await self._others.give_back(wanted)

    def _own(self) -> tuple[Refused, ...]:
        if self._state.draining:
            return (LEAVING,)
        return () if self._state.room("", self._now()) else (FULL,)
