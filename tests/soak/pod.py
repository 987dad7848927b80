"""A whole server process in virtual time: what `serve` puts together, on stores in memory and scripted providers, with
a journal on a real disk. Told to leave by a signal, or killed: then nothing it does counts any more.

The web face is asked over its application, without HTTP; media sockets are ends in memory.
"""

from __future__ import annotations

import math
import os
import random
import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import trio

from agent.config import Settings
from agent.guard.budget import Budget, Caps, Needs
from agent.guard.seal import derive_key
from agent.guard.tokens import Tokens
from agent.keep.record import CallRecord
from agent.providers.journal_file import JournalFile
from agent.providers.scripted import Script
from agent.web.app import create_app
from agent.web.rates import Limits
from agent.web.security import Gate
from agent.web.state import ProcessState
from agent.wire.ports import Carrier, MediaSocket
from nurseries.boundary import contain
from nurseries.keep.keeping import Keeping
from nurseries.legs.hand_overs import HandOvers
from nurseries.legs.holding import Holding
from nurseries.legs.orphans import Orphans
from nurseries.legs.ways_back import WaysBackOf
from nurseries.process import Process
from nurseries.purse import Purse
from nurseries.rehearsal.loopback import LoopbackSocket
from tests.calls.stage import Stage
from tests.soak.providers import LanguageModel, Moods, Recogniser, Voice
from tests.soak.seams import MACHINE, now
from tests.soak.stores import Stores

CAPS = Caps(call=5_000_000, day=1_000_000_000)
NEEDS = Needs(call=20_000, turn=10_000)
"""Micro-dollars: the scripted providers cost nothing, and what is put by is to be given back."""

Answer = tuple[int, dict[str, str], bytes]


class DeadError(ConnectionError):
    """Nobody listens there any more."""


class Pod:
    """One."""

    def __init__(
        self,
        name: str,
        folder: Path,
        settings: Settings,
        stores: Stores,
        carrier: Carrier,
        moods: Moods,
        dice: random.Random,
        over: Callable[[CallRecord], None],
    ) -> None:
        """`folder` is its disk's; `over` is told of each record that it finishes."""
        self.name = name
        self.dead = False
        """Killed."""
        self.killed = trio.Event()
        self.gone = False
        self.state = ProcessState(most=settings.MAX_CONCURRENT_CALLS)
        self._told, self.signals = trio.open_memory_channel[signal.Signals](math.inf)
        self._visits, self._visitors = trio.open_memory_channel[Callable[[], Awaitable[None]]](math.inf)
        self._scope = trio.CancelScope()
        self._sockets: set[LoopbackSocket] = set()
        self._journal = JournalFile(folder / "journal", name)
        settings = settings.model_copy(update={"DATA_DIR": folder})
        script = Script(jitter=0.5, seed=dice.getrandbits(32))
        self.ears, self.mind = Recogniser(script, moods), LanguageModel(script, moods)
        self.voice = Voice(script, moods)
        hand_overs = HandOvers(stores.records, self.state)
        self.holding = Holding(stores.leases, name)
        self.purse = Purse(Budget(CAPS, NEEDS, name), stores.pots, {}, ZoneInfo(settings.TIMEZONE), 5.0)
        self.purse.epoch = self.holding.epoch
        parts = replace(
            Stage(settings=settings).parts,
            recogniser=self.ears,
            model=self.mind,
            voice=self.voice,
            hand_over=hand_overs.hand_over,
            purse=self.purse,
            carrier=carrier,
        )
        keeping = Keeping(
            *(stores.records, self._journal, self.state, {}),
            over=over,
            epoch=self.holding.epoch,
            kept=self.holding.done,
        )
        self.keeping = keeping
        orphans = Orphans(self.holding, keeping, stores.records, parts)
        ways = WaysBackOf(self.holding, hand_overs.handed_over, self.state, settings, carrier, over=orphans.hasten)
        keys = [derive_key(token, "media token 1") for token in settings.auth_tokens]
        tokens = Tokens(*keys, ttl_s=settings.TOKEN_TTL_S, random=dice.randbytes)
        self._gate = Gate(settings)
        self.process = Process(
            *(parts, stores.records, tokens, self.state, keeping),
            beside={"orphans": orphans.run, "ways back": ways.run},
            holding=self.holding,
        )
        limits = Limits(settings)
        self._app = create_app(
            *(settings, tokens, self.state, self._gate, parts.lines, hand_overs.handed_over),
            now=now,
            limits=limits,
            spending=self.purse,
            ways=ways,
        )

    @property
    def takes(self) -> bool:
        """Whether a load balancer leads calls here."""
        return self.state.accepting and not (self.dead or self.gone)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until it has left, or is dead; `started()` once it takes calls. Needs a task of its own."""
        MACHINE.set(self)
        with self._scope:
            await self.process.run([], self._app, self._gate, task_status=task_status)
        self.gone = True
        self._visits.close()
        self._visitors.close()

    def terminate(self) -> None:
        """SIGTERM."""
        self._told.send_nowait(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL. Its connections die with it, its lock on the journal is let go of, its disk keeps what it has."""
        self.dead = True
        self.killed.set()
        if self._journal._file is not None:
            os.close(self._journal._file)
            self._journal._file = None
        for socket in tuple(self._sockets):
            socket.drop()
        self._scope.cancel("killed")

    def lend(self, socket: LoopbackSocket) -> None:
        """A media socket has been opened here. Raises DeadError."""

        async def serve() -> None:
            self._sockets.add(socket)
            try:
                await self._take(socket)
            finally:
                socket.drop()
                self._sockets.discard(socket)

        self._visit(serve)

    async def ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """One request to the web face. Raises DeadError, also where the process dies meanwhile."""
        answers: list[Answer] = []
        async with trio.open_nursery() as nursery:
            done = trio.Event()

            async def serve() -> None:
                try:
                    client = self._app.test_client()
                    answer = await client.open(target, method=method, headers=headers, data=body)
                    answers.append((answer.status_code, dict(answer.headers), await answer.get_data()))
                finally:
                    done.set()

            async def until(event: trio.Event) -> None:
                await event.wait()
                nursery.cancel_scope.cancel("answered")

            self._visit(serve)
            nursery.start_soon(until, done)
            nursery.start_soon(until, self.killed)
        if not answers:
            raise DeadError(self.name)
        return answers[0]

    async def door(self, take: Callable[[MediaSocket], Awaitable[None]], started: Callable[[], None]) -> None:
        """Serve whoever visits, each in a task of its own, until cancelled."""
        self._take = take
        async with trio.open_nursery() as nursery:
            self._app.nursery = nursery
            await self._app.startup()
            started()
            async for visit in self._visitors:
                nursery.start_soon(contain, visit, "visit")

    def _visit(self, visit: Callable[[], Awaitable[None]]) -> None:
        try:
            self._visits.send_nowait(visit)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise DeadError(self.name) from None
        if self.dead:
            raise DeadError(self.name)

    def left(self) -> Iterable[str]:
        """What it has not let go of, once it has left; in words."""
        if active := self.ears.active + self.mind.active + self.voice.active:
            yield f"{active} requests to providers"
        if self.dead:
            return
        if self.state.held or self.state.promised or self.state.calls:
            yield f"calls: {sorted(self.state.held)}, promised: {sorted(self.state.promised)}"
        if self._sockets:
            yield f"{len(self._sockets)} sockets"
        # What is put by for a call that was announced and never came is in memory alone: what is held is given back.
        # Where the store is away it cannot be: others take it once the lease is old.
        held = any(view.held_usd for view in self.purse.spend().budgets if view.store == "answers")
        if held or self.purse._accounts or self.purse._budget.open_calls:
            yield f"money: {self.purse.spend()}"
