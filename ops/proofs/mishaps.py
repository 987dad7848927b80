"""Accidents that a site has under calls: each a name and what is done, one after the other as dice say. What an
accident excuses is written down as it happens. In one file: the accidents share the places that they befall.

Processes that are told to leave do so beside what follows; every process that is killed is started again on what it has
left on its disk.
"""

from __future__ import annotations

import contextlib
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from agent.rehearsal.troubles import Kind, Trouble
from nurseries.rehearsal.crowd import seen
from ops.proofs.site import Site
from tests.calls.server import Server
from tests.fakes.mongod import Mongod

STILL_S = (1.0, 6.0)
AWAY_S = (2.0, 8.0)
LEAVE_S = 280.0
TAKEN_UP_S = 60.0
MOVED_S = 20.0
"""For the first call to come to a process, once another one hands its calls off."""
BACK_S = 60.0
"""For a store to be there again, also where the proof is given up."""


class Mishaps(ABC):
    """One run's. `troubles` is what befell, `codes` the exit codes of processes that were told to leave."""

    def __init__(self, here: Site, dice: random.Random) -> None:
        self.troubles: list[Trouble] = []
        self.codes: list[int] = []
        self.told: list[str] = []
        self.here, self.dice = here, dice
        self._began = trio.current_time()

    @property
    @abstractmethod
    def kinds(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """By name."""

    @abstractmethod
    async def begin(self) -> None:
        """The processes are there."""

    @abstractmethod
    async def end(self) -> None:
        """All have left; what those have left on their disks that are gone is taken up first."""

    async def happens(self, name: str) -> None:
        self.say(name)
        await self.kinds[name]()

    def befell(self, kind: Kind, since: float) -> None:
        """Up to now."""
        self.troubles.append(Trouble(kind, since, trio.current_time()))

    def say(self, what: str) -> None:
        self.told.append(f"{trio.current_time() - self._began:7.1f} {what}")
        print(self.told[-1], flush=True)


class SiteMishaps(Mishaps):
    """Of processes behind a balancer, on a store that they share."""

    def __init__(self, here: Site, dice: random.Random, mongod: Mongod, nursery: trio.Nursery, pods: int) -> None:
        super().__init__(here, dice)
        self.ready: list[int] = []
        """Places of processes that take calls."""
        self.leaving: dict[int, str] = {}
        """Places of processes that were told to leave, and in which mode."""
        self._mongod, self._nursery, self._pods = mongod, nursery, pods
        self._killed: set[Server] = set()

    @property
    def kinds(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "release, wait": self.release_wait,
            "release, hand-off": self.release_hand_off,
            "kill, new": self.kill_new,
            "kill, busy": self.kill_busy,
            "kill, leaving": self.kill_leaving,
            "kill, taker": self.kill_taker,
            "still": self.still,
            "still, lines cut": self.still_and_cut,
            "still, leaving": self.still_leaving,
            "still, taker": self.still_taker,
            "lines cut": self.cut,
            "store killed": self.store_killed,
            "store killed, kill": self.store_killed_and_kill,
            "store killed, hand-off": self.store_killed_in_hand_off,
            "store still": self.store_still,
            "store still, hand-off": self.store_still_in_hand_off,
            "balancer reloaded": self.reload,
            "kill, all": self.kill_all,
            "told twice": self.told_twice,
        }

    async def begin(self) -> None:
        for _ in range(self._pods):
            await self._start()

    # Releases.

    async def release_wait(self) -> None:
        await self._release("wait")

    async def release_hand_off(self) -> None:
        await self._release("hand-off")

    async def told_twice(self) -> None:
        old, _ = await self._release("wait")
        await trio.sleep(self.dice.uniform(0.5, 3))
        if old not in self.leaving:
            return
        self.say(f"  place {old} is told again")
        self.here.terminate(old)
        since = trio.current_time()
        await seen(lambda: old not in self.leaving)
        self.befell(Kind.HURRIED, since)

    # Kills.

    async def kill_new(self) -> None:
        """Of a process that has no calls yet, or the first of them."""
        _, new = await self._release(self.dice.choice(["wait", "hand-off"]))
        await self._kill(new)

    async def kill_busy(self) -> None:
        await self._kill(await self._busiest())

    async def kill_leaving(self) -> None:
        if not self.leaving:
            await self._release(self.dice.choice(["wait", "hand-off"]))
            await trio.sleep(self.dice.uniform(0, 2))
        if self.leaving:
            await self._kill(self.dice.choice(sorted(self.leaving)))

    async def kill_taker(self) -> None:
        """Of a process that has just gone on with handed-off calls."""
        await self._kill(await self._taker())

    async def kill_all(self) -> None:
        since, places = trio.current_time(), [*self.ready, *self.leaving]
        again = []
        for place in places:
            again += await self._killed_at(place)
        self.ready.clear()
        for folder in again:
            await self._start(folder)
            self.befell(Kind.NOBODY, since)
            since = trio.current_time() + 3600

    # Processes that stand still, and lines that break.

    async def still(self) -> None:
        place = await self._busiest()
        async with self._stopped(place):
            await trio.sleep(self.dice.uniform(*STILL_S))

    async def still_and_cut(self) -> None:
        """Its calls go on elsewhere before it knows."""
        place = await self._busiest()
        async with self._stopped(place):
            await trio.sleep(self.dice.uniform(0.1, 2))
            await self._cut(place)
            await trio.sleep(self.dice.uniform(*STILL_S))

    async def still_leaving(self) -> None:
        """While its calls are moving, and once its lines are cut they are gone on with elsewhere."""
        old, _ = await self._release("hand-off")
        await trio.sleep(self.dice.uniform(0, 2))
        if old in self.leaving:
            async with self._stopped(old):
                await trio.sleep(self.dice.uniform(*STILL_S) / 2)
                if self.dice.random() < 0.5:
                    await self._cut(old)
                await trio.sleep(self.dice.uniform(*STILL_S) / 2)

    async def still_taker(self) -> None:
        async with self._stopped(await self._taker()):
            await trio.sleep(self.dice.uniform(*STILL_S))

    async def cut(self) -> None:
        await self._cut(await self._busiest())

    async def reload(self) -> None:
        self.here.reload()
        await trio.sleep(1)

    # The store.

    async def store_killed(self) -> None:
        async with self._store_away():
            await trio.sleep(self.dice.uniform(*AWAY_S))

    async def store_still(self) -> None:
        async with self._store_away(killed=False):
            await trio.sleep(self.dice.uniform(*AWAY_S))

    async def store_killed_and_kill(self) -> None:
        async with self._store_away():
            await trio.sleep(self.dice.uniform(0, 2))
            folders = await self._killed_at(await self._busiest())
            await trio.sleep(self.dice.uniform(1, 6))
        for folder in folders:
            await self._start(folder)

    async def store_killed_in_hand_off(self) -> None:
        await self._store_away_in_hand_off(killed=True)

    async def store_still_in_hand_off(self) -> None:
        await self._store_away_in_hand_off(killed=False)

    async def _store_away_in_hand_off(self, *, killed: bool) -> None:
        await self._release("hand-off")
        await trio.sleep(self.dice.uniform(0, 1.5))
        async with self._store_away(killed=killed):
            await trio.sleep(self.dice.uniform(*AWAY_S))

    # At the end.

    async def end(self) -> None:
        for folder in self._left():
            self.say(f"  {folder} is taken up")
            place = await self._start(folder)
            with trio.move_on_after(TAKEN_UP_S):
                await seen(lambda folder=folder: folder not in self.here.journals())  # type: ignore[misc]
            self._leave(place, "wait")
        with trio.move_on_after(LEAVE_S):
            await seen(lambda: not self.here.journals())
        for place in tuple(self.ready):
            self._leave(place, "wait")
        await seen(lambda: not self.leaving)

    def _left(self) -> list[str]:
        living = {self.here.pods[place].folder.name for place in [*self.ready, *self.leaving]}
        return [name for name in self.here.journals() if name not in living]

    # Its own.

    async def _release(self, mode: str) -> tuple[int, int]:
        """The places of the old process and of the new one."""
        old = self.ready[0]
        new = await self._start()
        self._leave(old, mode)
        return old, new

    async def _taker(self) -> int:
        """The place of a process that has just gone on with the first of another one's calls."""
        _, new = await self._release("hand-off")
        with trio.move_on_after(MOVED_S):
            while not await self._calls(new):  # noqa: ASYNC110
                await trio.sleep(0.1)
        await trio.sleep(self.dice.uniform(0, 1))
        return new

    async def _start(self, folder: str = "") -> int:
        """Its place."""
        await seen(lambda: len(self.here.pods) < len(self.here.ports))
        place = next(n for n in range(len(self.here.ports)) if n not in self.here.pods)
        pod = await self.here.start(place, folder, DRAIN_MODE=self.dice.choice(["wait", "hand-off"]))
        self.ready.append(place)
        self.say(f"  place {place}: {pod.folder.name}")
        return place

    def _leave(self, place: int, mode: str) -> None:
        self.ready.remove(place)
        self.leaving[place] = mode
        self.say(f"  place {place} is told to leave")
        self.here.terminate(place)
        self._nursery.start_soon(self._gone, place)

    async def _gone(self, place: int) -> None:
        pod = self.here.pods[place]
        await seen(lambda: pod.process.poll() is not None)
        if pod in self._killed:
            return
        self.codes.append(await self.here.gone(place, LEAVE_S))
        del self.leaving[place]
        self.say(f"  place {place} has left, {self.codes[-1]}")

    async def _kill(self, place: int) -> None:
        for folder in await self._killed_at(place):
            await trio.sleep(self.dice.uniform(0, 2))
            await self._start(folder)

    async def _killed_at(self, place: int) -> list[str]:
        """The folder that is to be started again: none of one that was leaving anyhow."""
        pod = self.here.pods.get(place)
        if pod is None or pod.process.poll() is not None:
            return []
        self._killed.add(pod)
        self.say(f"  place {place} is killed, of {await self._calls(place)} calls")
        self.befell(Kind.KILLED, trio.current_time())
        await trio.to_thread.run_sync(self.here.kill, place)
        if self.leaving.pop(place, None) is not None:
            return []
        self.ready.remove(place)
        return [pod.folder.name]

    async def _cut(self, place: int) -> None:
        self.say(f"  the lines to place {place} are cut")
        await trio.to_thread.run_sync(self.here.cut, place)

    @asynccontextmanager
    async def _stopped(self, place: int) -> AsyncIterator[None]:
        calls, since = await self._calls(place), trio.current_time()
        if place not in self.here.pods:  # it has left
            yield
            return
        self.say(f"  place {place} stands still, of {calls} calls")
        self.here.stop(place)
        try:
            yield
        finally:
            self.here.go_on(place)
            self.say(f"  place {place} goes on")
            self.befell(Kind.STOPPED, since)

    @asynccontextmanager
    async def _store_away(self, *, killed: bool = True) -> AsyncIterator[None]:
        since = trio.current_time()
        await trio.to_thread.run_sync(self._mongod.kill if killed else self._mongod.stop)
        self.say("  the store is away")
        try:
            yield
        finally:
            with trio.move_on_after(BACK_S, shield=True):
                await trio.to_thread.run_sync(self._mongod.start if killed else self._mongod.go_on)
            self.befell(Kind.AWAY, since)
            self.say("  the store is back")

    async def _busiest(self) -> int:
        counts = {place: await self._calls(place) for place in self.ready}
        return max(counts, key=lambda place: counts[place])

    async def _calls(self, place: int) -> int:
        """0 of one that does not answer."""
        with contextlib.suppress(Exception):
            return await trio.to_thread.run_sync(self.here.calls, place)
        return 0
