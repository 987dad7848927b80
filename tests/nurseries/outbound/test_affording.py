"""No call is placed that no budget pays for."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from agent.guard.budget import Budget, Caps, Needs
from agent.guard.order import Refused, Wanted
from nurseries.outbound.affording import Affording
from nurseries.purse import Purse

WANTED = Wanted("+919876543210", "a flat")
NIGHT = Refused("hours", "It is night there.")


class Rules:
    """Others, that count what is claimed."""

    def __init__(self, *no: Refused) -> None:
        self.no = no
        self.claimed = 0

    async def refusals(self, _: Wanted) -> tuple[Refused, ...]:
        return self.no

    async def claim(self, _: Wanted) -> tuple[Refused, ...]:
        self.claimed += not self.no
        return self.no

    async def give_back(self, _: Wanted) -> None:
        self.claimed -= 1


def purse(caps: Caps) -> Purse:
    return Purse(Budget(caps, Needs(10, 10), "p1"), None, {}, ZoneInfo("Asia/Kolkata"), 0.0)  # type: ignore[arg-type]


async def test_a_call_that_cannot_be_paid_for_claims_nothing() -> None:
    rules = Rules()
    refused = await (broke := Affording(rules, purse(Caps(day=100)))).claim(WANTED)

    assert [(each.rule, each.retry_after_s) for each in refused] == [("budget", 60.0)]
    assert rules.claimed == 0
    assert [each.rule for each in await broke.refusals(WANTED)] == ["budget"]


async def test_others_have_their_say_where_it_can() -> None:
    rich = purse(Caps(call=100))
    rules = Rules()
    affording = Affording(rules, rich)

    assert await affording.claim(WANTED) == ()
    assert rules.claimed == 1
    await affording.give_back(WANTED)
    assert rules.claimed == 0
    assert await Affording(Rules(NIGHT), rich).claim(WANTED) == (NIGHT,)
