"""Keeps the sound of calls: what is recorded goes to a file as it comes, and after the call to the object store.

One of the process's children, beside keeping; it outlives the calls. A recording's way, each step after the one before
is durable: the file is complete; the object stored; the calls' store knows of it; the file removed. So
a crash between any two loses nothing, and what is done twice is done to the same key. A file waits on the disk while
the object store is away, over restarts as well: what a process that is gone has left, the next one takes up. Waiting
costs no descriptor: a call that comes meanwhile needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.errors import StoreError
from agent.keep import wav
from agent.providers import spool, waiting
from agent.providers.claim import Claim
from nurseries.boundary import contain
from nurseries.keep.storing import Storing
from nurseries.line.tape import Tape

log = structlog.get_logger(__name__)

WRITE_S = 1.0
"""Between two writes of what was recorded, all calls in one."""


class Archive:
    """One process's."""

    def __init__(self, storing: Storing, folder: Path, *, name: str, recording: bool) -> None:
        """`name` is this process's alone; without `recording` only what is left in the folder is stored."""
        self._storing = storing
        self._folder = folder
        self._claim = Claim(folder, name)
        self._recording = recording
        self._tapes: list[Tape] = []
        self._ours = 0
        """Recordings of this process's calls that are not stored yet."""
        self._news = ParkingLot()
        self._progress = ParkingLot()
        self._nursery: trio.Nursery | None = None
        self._disk = trio.CapacityLimiter(1)

    # What it is told. None of these is a checkpoint.

    def tape(self, call_sid: str) -> Tape | None:
        """A call begins, or goes on here: what is to be told of its sound, if it is to be recorded."""
        if not self._recording:
            return None
        tape = Tape(wav.Label(call_sid, datetime.now(UTC).isoformat(timespec="milliseconds")))
        self._tapes.append(tape)
        self._ours += 1
        return tape

    def keep(self, tape: Tape) -> None:
        """The call, or its leg, is over: the recording may be stored, and waits for the record."""
        tape.end()
        self._news.unpark_all()
        if self._nursery is not None:
            self._nursery.start_soon(contain, partial(self._keep, tape), "archive", name="archive")

    # What it is asked. Always checkpoints.

    async def stored(self) -> None:
        """Wait until the object store has all recordings of this process's calls, and their records say so."""
        await trio.lowlevel.checkpoint()
        while self._ours:
            await self._progress.park()

    @property
    def left(self) -> int:
        """Of this process's calls, not stored yet."""
        return self._ours

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write and store until cancelled; an upload that is under way is left to itself then."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(contain, self._take_up, "archive", name="left recordings")
            task_status.started()
            while await contain(self._write_on, "recordings"):  # noqa: ASYNC110  there is no event to wait for
                await trio.sleep(WRITE_S)

    # Writing.

    async def _write_on(self) -> None:
        while True:
            tapes = tuple(self._tapes)
            for tape in tapes:
                if await contain(partial(self._write, tape), "recording"):
                    self._give_up(tape)
            with trio.move_on_after(WRITE_S):
                await self._news.park()

    async def _write(self, tape: Tape) -> None:
        over = tape.over
        caller, agent = tape.part()
        fault = ""
        if caller and not tape.lost:
            try:
                await self._on_disk(partial(self._append, tape, caller, agent))
            except StoreError as error:
                fault = str(error)
        if over and not tape.lost and not fault and tape.file is not None:
            try:
                await self._on_disk(tape.file.complete)
                tape.file.rest()
            except StoreError as error:
                fault = str(error)
        if fault:
            tape.lose(fault)
        if tape.lost and tape.file is not None:
            await self._on_disk(tape.file.remove)
            tape.file = None
        if over:
            self._tapes.remove(tape)
            tape.settled.set()

    def _give_up(self, tape: Tape) -> None:
        """One recording's fault of ours must not take the others."""
        tape.lose("a fault of ours")
        if tape.file is not None:
            tape.file.remove()
            tape.file = None
        self._tapes.remove(tape)
        tape.settled.set()

    async def _on_disk(self, work: Callable[[], None]) -> None:
        """Abandoned when the process leaves: a disk that hangs is left to itself, and the file to the next start."""
        await trio.to_thread.run_sync(work, limiter=self._disk, abandon_on_cancel=True)

    def _append(self, tape: Tape, caller: bytes, agent: bytes) -> None:
        if tape.file is None:
            tape.file = spool.begin_claimed(self._claim, tape.label)
        tape.file.append(wav.frames(caller, agent))

    # Storing.

    async def _keep(self, tape: Tape) -> None:
        try:
            await tape.settled.wait()
            if tape.file is not None:
                await self._storing.store(tape.file, ours=True)
        finally:
            self._ours -= 1
            self._progress.unpark_all()

    async def _take_up(self) -> None:
        look = partial(waiting.take_up, self._folder, self._claim)
        found, faults = await trio.to_thread.run_sync(look, abandon_on_cancel=True)
        for fault in faults:
            log.error("a recording of an earlier process is not stored", error=fault)
        if found:
            log.info("recordings of a process that is gone", count=len(found))
        async with trio.open_nursery() as nursery:
            for each in found:
                work = partial(self._storing.store, each, ours=False)
                nursery.start_soon(contain, work, "archive", name="left recording")
