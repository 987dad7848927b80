"""Money is given back also by a process that is being cut off."""

from __future__ import annotations

import trio

from tests.nurseries.test_purse import Pots, purse_of, until


async def test_who_is_cancelled_gives_everything_back(nursery) -> None:
    pots = Pots()
    purse = purse_of(pots)
    nursery.start_soon(purse.run)
    await until(lambda: bool(pots.kept) and purse.refuses("") is None)
    assert pots.kept["day"].held > 0

    with trio.CancelScope() as scope:
        scope.cancel("cut off")
        await purse.leave()

    assert pots.kept["day"].leases == {}
    nursery.cancel_scope.cancel()
