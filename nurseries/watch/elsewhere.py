"""Calls that other processes hold, or have left, as far as the shared store tells: looked up once in a while, for all
who watch here.

One of the process's children. While nobody watches, nobody asks the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal, TypeVar

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.errors import StoreError
from agent.keep.ports import CallStore
from agent.keep.query import GOES_ON, Query
from agent.keep.record import CallRecord
from nurseries.boundary import contain
from nurseries.legs.holding import Ask, InThreads

log = structlog.get_logger(__name__)

T = TypeVar("T")

AGAIN_S = 2.0
"""Between two looks."""

LOOK_S = 5.0
"""For one."""

MOST = 500
"""Calls that are looked at."""

SINCE = timedelta(days=1)
"""No call is older than that."""

ENDED_S = 30.0
"""So long the store may not know yet that a call of ours is over."""


class Elsewhere:
    """One process's."""

    def __init__(
        self,
        store: CallStore,
        here: Callable[[str], bool],
        *,
        left: Callable[[], Awaitable[Iterable[str]]] | None = None,
        ask: Ask | None = None,
    ) -> None:
        """`here`: this process holds the call. `left` tells the CallSids of those that nobody holds; bounded, and never
        raises. `ask` has the store do something; in threads, unless told otherwise."""
        self._left = left
        self._store = store
        self._here = here
        self._ask = ask or InThreads()
        self.records: dict[str, CallRecord] = {}
        """By CallSid, as the store had them last."""
        self.lost: frozenset[str] = frozenset()
        """Those of them that nobody has gone on with yet."""
        self.endings: dict[str, str] = {}
        """Of those that are over since the last look but one."""
        self.news = ParkingLot()
        """Unparked behind every look."""
        self._ended: dict[str, float] = {}
        self.watchers = 0
        self._wanted = trio.Event()

    def ended(self, call_sid: str) -> None:
        """A call is over here. Not a checkpoint."""
        now = trio.current_time()
        self._ended = {sid: at for sid, at in self._ended.items() if at > now - ENDED_S} | {call_sid: now}

    def begin(self) -> None:
        """Somebody watches. Not a checkpoint."""
        self.watchers += 1
        self._wanted.set()

    def leave(self) -> None:
        """They do not any more. Not a checkpoint."""
        self.watchers -= 1
        if not self.watchers:
            self._wanted = trio.Event()
            self.records, self.endings = {}, {}

    def state(self, call_sid: str) -> Literal["elsewhere", "lost"]:
        """Of a call that is not here. Not a checkpoint."""
        return "lost" if call_sid in self.lost else "elsewhere"

    async def knows(self, call_sid: str) -> bool:
        """Whether another process holds this call. Raises StoreError."""
        if self.watchers and call_sid in self.records:
            return True
        record = await self._asked(partial(self._store.get, call_sid))
        known = record is not None and not record.ending and self._counts(record)
        if known and record is not None:  # for who is about to watch it
            self.records = (self.records if self.watchers else {}) | {call_sid: record}
        return known

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._wanted.wait()
            await contain(self._try, "calls elsewhere")
            await trio.sleep(AGAIN_S)

    async def _try(self) -> None:
        try:
            await self._look()
        except StoreError as error:
            log.info("calls of other processes are not known", error=str(error))

    async def _look(self) -> None:
        since = (datetime.now(UTC) - SINCE).isoformat(timespec="milliseconds")
        found = await self._asked(lambda: self._store.find(Query(ending=GOES_ON, since=since), MOST))
        there = {record.call_sid: record for record in found if self._counts(record)}
        gone = [sid for sid in self.records if sid not in there and not self._here(sid)]
        last = await self._asked(lambda: [self._store.get(sid) for sid in gone]) if gone else []
        lost = frozenset(await self._left()) if there and self._left is not None else frozenset[str]()
        if self.watchers:
            self.records, self.lost = there, lost
            self.endings = {record.call_sid: record.ending for record in last if record is not None}
            self.news.unpark_all()

    def _counts(self, record: CallRecord) -> bool:
        return not self._here(record.call_sid) and record.call_sid not in self._ended

    async def _asked(self, work: Callable[[], T]) -> T:
        try:
            with trio.fail_after(LOOK_S):
                return await self._ask(work)
        except trio.TooSlowError:
            raise StoreError(f"no answer within {LOOK_S:g} s") from None
