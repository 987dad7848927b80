"""All that must be right beside the providers: settings in, checks out, in the order they are told in.

Each runs by itself, all at once; one that does not come back in time is told as such.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import httpx2
import trio

from agent.config import Settings
from agent.doctor import telephone
from agent.doctor.check import Check
from agent.providers.http_client import open_http_client
from nurseries.doctor import carrier, kept, machine, outside

WHOLE_S = 45.0
"""For everything: the sum of what the slowest of them may take."""

Look = Callable[[], Awaitable[Iterable[Check]]]


async def checks(settings: Settings) -> tuple[Check, ...]:
    """Never raises. Cancelled, it leaves what runs in a thread to itself."""
    async with open_http_client() as http:
        looks: dict[str, Look] = {
            "disk": partial(_aside, lambda: [machine.disk(settings)]),
            "voice activity": partial(_aside, lambda: [machine.ears()]),
            "store": partial(_aside, lambda: kept.store(settings)),
            "recordings": partial(_aside, lambda: [kept.objects(settings)]),
            "clock": partial(_clock, settings, http),
            telephone.ACCOUNT: partial(carrier.account, settings, http),
            "public address": partial(outside.reachable, settings, http),
        }
        found: dict[str, Iterable[Check]] = {
            name: [Check(name, "failure", f"no answer within {WHOLE_S:g} s", "Look at what it depends on.")]
            for name in looks
        }

        async def look(name: str) -> None:
            found[name] = await looks[name]()

        with trio.move_on_after(WHOLE_S):
            async with trio.open_nursery() as nursery:
                for name in looks:
                    nursery.start_soon(look, name, name=name)
    return tuple(check for each in found.values() for check in each)


async def _aside(look: Callable[[], Iterable[Check]]) -> Iterable[Check]:
    return await trio.to_thread.run_sync(look, abandon_on_cancel=True)


async def _clock(settings: Settings, http: httpx2.AsyncClient) -> Iterable[Check]:
    return [await outside.clock(settings, http)]
