"""What the API asks of stores, in threads of its own: a store that is slow or away is told to the one who asks, and
disturbs no call.

Reads are given up after READ_S and then left to the store, which bounds them too; as many as there are threads may wait
for it. An erasure goes on to its end, and into the audit log, whether or not somebody still waits for the answer: it is
one of the process's children's, and a process that leaves waits for it as it does for records.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog
import trio

from agent.errors import StoreError
from agent.keep.erasure import Erased
from agent.keep.ports import CallStore, ObjectStore
from agent.keep.query import Place, Query
from agent.keep.record import CallRecord
from agent.replay.file import of_call
from nurseries.keep.erasing import Erasing
from nurseries.keep.keeping import Keeping

log = structlog.get_logger(__name__)

T = TypeVar("T")

THREADS = 4
READ_S = 10.0
"""For one read, a free thread included."""
ERASE_S = 20.0
"""For an erasure; what is left then, asking again finishes."""
STORES_S = 10.0
"""For what a store has begun by then."""
JOURNAL_S = 5.0
"""For the journal to be written without what was erased."""


@dataclass(eq=False)
class _Asked:
    """An erasure."""

    erased: Erased
    who: str
    done: trio.Event = field(default_factory=trio.Event)
    fault: Exception | None = None


class Reading:
    """One process's."""

    def __init__(
        self, store: CallStore, objects: ObjectStore, erasing: Erasing, keeping: Keeping, sessions: Path
    ) -> None:
        """`sessions` is the folder of what was recorded here to be played again."""
        self._store = store
        self._objects = objects
        self._erasing = erasing
        self._keeping = keeping
        self._sessions = sessions
        self._threads = trio.CapacityLimiter(THREADS)
        self._erasing_now = trio.Lock()
        self._asked: set[_Asked] = set()
        """Erasures that are not over."""
        self._nursery: trio.Nursery
        self._eraser = trio.CapacityLimiter(1)

    async def find(self, query: Query, limit: int, after: Place | None, shape: Callable[[list[CallRecord]], T]) -> T:
        """See `agent.web.ports.Records`."""
        return await self._read(lambda: shape(self._store.find(query, limit, after)))

    async def count(self, queries: Sequence[Query], most: int) -> list[int]:
        """How many calls each query finds, `most` at most. Raises StoreError."""
        return await self._read(lambda: [self._store.count(query, most) for query in queries])

    async def get(self, call_sid: str) -> CallRecord | None:
        return await self._read(lambda: self._store.get(call_sid))

    async def sessions(self, call_sid: str) -> list[Path]:
        return await self._read(lambda: of_call(self._sessions, call_sid))

    async def size(self, key: str) -> int:
        return await self._read(lambda: self._objects.size(key))

    async def sound(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        pieces = await self._read(lambda: self._objects.read(key, start, end))
        while (piece := await self._read(partial(_next, pieces))) is not None:
            yield piece

    def public_url(self, key: str) -> str:
        return self._objects.url(key)

    async def erase(self, number: str, who: str) -> Erased:
        """One at a time, within ERASE_S and STORES_S. It is done in `run`: whoever asked may go."""
        asked = _Asked(Erased(number), who)
        self._asked.add(asked)
        self._nursery.start_soon(self._see_to, asked, name="erase")
        await asked.done.wait()
        if asked.fault is not None:
            raise asked.fault
        return asked.erased

    async def erased(self) -> None:
        """Wait until no erasure is under way."""
        await trio.lowlevel.checkpoint()
        while self._asked:
            await next(iter(self._asked)).done.wait()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Erase what is asked for, until cancelled; what is not erased then is told."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    async def _see_to(self, asked: _Asked) -> None:
        erased, finished = asked.erased, False
        try:
            async with self._erasing_now:
                with trio.move_on_after(ERASE_S + STORES_S):
                    await self._erase(erased, asked.who)
                    finished = True
        except Exception as error:  # noqa: BLE001  whose it is to tell is in another task
            asked.fault, finished = error, True
        finally:
            if not finished:
                log.error("an erasure is not finished", records=erased.records, recordings=erased.recordings)
                asked.erased = msgspec.structs.replace(erased, failed=[*erased.failed, "a store that does not answer"])
            self._asked.discard(asked)
            asked.done.set()

    async def _erase(self, erased: Erased, who: str) -> None:
        audit = await self._in_thread(lambda: self._erasing.audit(erased.number, who))
        with audit:
            held = self._keeping.remembered()
            on = {sid for sid in held if self._keeping.goes_on(sid)}
            gone = await self._in_thread(lambda: self._erasing.erase(erased, held, on, ERASE_S))
            erased.leftovers += len(gone & held.keys())
            self._keeping.erase(gone)
            with trio.move_on_after(JOURNAL_S) as limit:
                await self._keeping.written()
            if limit.cancelled_caught:
                erased.failed.append("this process's journal, which cannot be written now")
            await self._in_thread(lambda: self._erasing.tell(audit, erased, gone, who))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(work, limiter=self._eraser, abandon_on_cancel=True)

    async def _read(self, work: Callable[[], T]) -> T:
        try:
            with trio.fail_after(READ_S):
                return await trio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)
        except trio.TooSlowError:
            raise StoreError(f"no answer within {READ_S:g} s") from None


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)
