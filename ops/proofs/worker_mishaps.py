"""Accidents of one machine's workers on SQLite, in the manner of `mishaps`: they are renewed, killed, stand still, and
are all gone at once, with their parent.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable

import trio

from agent.rehearsal.troubles import Kind
from nurseries.rehearsal.crowd import seen
from ops.proofs.mishaps import LEAVE_S, STILL_S, Mishaps
from tests.calls.server import Server

WORKERS = 2
HOME = "one"
"""The folder, of every start."""
RENEWED_S = 180.0


class WorkerMishaps(Mishaps):
    """Of one server's."""

    @property
    def kinds(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "renewed": self.renewed,
            "worker killed": self.killed,
            "renewed, worker killed": self.renewed_and_killed,
            "worker still": self.still,
            "renewed, worker still": self.renewed_and_still,
            "all killed": self.all_killed,
        }

    async def begin(self) -> None:
        await self.here.start(0, HOME, WORKERS=str(WORKERS), DRAIN_MODE="hand-off")
        await self._whole()

    async def renewed(self) -> None:
        before = self._server.workers()
        self._renew()
        with trio.fail_after(RENEWED_S):
            await seen(lambda: not self._server.workers() & before)
        await self._whole()

    async def renewed_and_killed(self) -> None:
        self._renew()
        await trio.sleep(self.dice.uniform(0, 6))
        await self.killed()

    async def renewed_and_still(self) -> None:
        self._renew()
        await trio.sleep(self.dice.uniform(0, 6))
        await self.still()

    async def killed(self) -> None:
        if (pid := self._one()) is None:
            return
        self.say(f"  worker {pid} is killed")
        self.befell(Kind.KILLED, trio.current_time())
        os.kill(pid, signal.SIGKILL)
        await trio.sleep(1)
        await self._whole()

    async def still(self) -> None:
        if (pid := self._one()) is None:
            return
        since = trio.current_time()
        self.say(f"  worker {pid} stands still")
        os.kill(pid, signal.SIGSTOP)
        await trio.sleep(self.dice.uniform(*STILL_S))
        os.kill(pid, signal.SIGCONT)
        self.befell(Kind.STOPPED, since)
        self.say(f"  worker {pid} goes on")

    async def all_killed(self) -> None:
        since, workers = trio.current_time(), self._server.workers()
        self.say(f"  all are killed: {sorted(workers)}")
        self.befell(Kind.KILLED, since)
        os.kill(self._server.process.pid, signal.SIGKILL)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        await trio.to_thread.run_sync(self.here.kill, 0)
        await self.begin()
        self.befell(Kind.NOBODY, since)

    async def end(self) -> None:
        with trio.move_on_after(LEAVE_S):
            await seen(lambda: not self.here.journals())
        self.here.terminate(0)
        self.codes.append(await self.here.gone(0, LEAVE_S))

    @property
    def _server(self) -> Server:
        return self.here.pods[0]

    def _renew(self) -> None:
        self._server.process.send_signal(signal.SIGHUP)

    def _one(self) -> int | None:
        """A worker's process; None where there is none in this moment."""
        return self.dice.choice(sorted(found)) if (found := self._server.workers()) else None

    async def _whole(self) -> None:
        """As many workers as there should be, and nobody who leaves."""
        with trio.fail_after(RENEWED_S):
            await seen(lambda: len(self._server.workers()) == WORKERS)
        self.say(f"  workers {sorted(self._server.workers())}")
