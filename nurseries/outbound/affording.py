"""The rule of calling out that asks for money: no call is placed that no budget pays for.

The DialRules port around others. Nothing is put by: the call itself is paid for once it is answered.
"""

from __future__ import annotations

from agent.guard.order import Refused, Wanted
from agent.guard.ports import DialRules
from nurseries.purse import Purse

AGAIN_S = 60.0
"""Until a budget is worth asking again that is in others' hands, or whose store is away."""


class Affording:
    """One process's."""

    def __init__(self, others: DialRules, purse: Purse) -> None:
        self._others = others
        self._purse = purse

    async def refusals(self, wanted: Wanted) -> tuple[Refused, ...]:
        """See the port."""
        return (*self._own(wanted), *await self._others.refusals(wanted))

    async def claim(self, wanted: Wanted) -> tuple[Refused, ...]:
        """See the port."""
        return self._own(wanted) or await self._others.claim(wanted)

    async def give_back(self, wanted: Wanted) -> None:
        """See the port."""
        await self._others.give_back(wanted)

    def _own(self, wanted: Wanted) -> tuple[Refused, ...]:
        no = self._purse.refuses(wanted.campaign)
        if no is None:
            return ()
        return (Refused("budget", f"{no.words}.", AGAIN_S if no.why == "store" else None),)
