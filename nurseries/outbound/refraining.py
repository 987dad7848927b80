"""People who are not to be called: those who ask on a call, and those whom others put on the list.

What is accepted is on the disk before it is confirmed, and in the book as soon as that is there; this process heeds it
meanwhile. One of the process's children; calls wait for the disk at most.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.config import Settings
from agent.errors import StoreError
from agent.guard import numbers
from agent.guard.dial_book import DialBook, DoNotCall
from agent.guard.order import Refused
from agent.keep.erasure import person_of
from agent.keep.record import CallRecord
from agent.providers.asked_files import AskedFiles

T = TypeVar("T")

log = structlog.get_logger(__name__)

FOLDER = "do-not-call"
"""Under DATA_DIR: who is not in the book yet."""

LIMIT_S = 8.0
"""For the book to answer whoever asks it over HTTP."""

SOON_S = 3.0
"""For the book to take somebody, before it is said that it will later."""

AGAIN_S, LATER_S = 1.0, 60.0
"""Before a book that is away is tried once more, and at the latest."""

ASIDE_S = 2.0
"""At the end, for whom the book does not have."""


class Refraining:
    """One process's."""

    def __init__(self, settings: Settings, book: DialBook) -> None:
        self._book = book
        self._ours = settings.dial_from
        self._files = AskedFiles(settings.DATA_DIR / FOLDER)
        self._waiting: dict[str, DoNotCall] = {}
        """By number: whom the book may not have yet."""
        self._threads = trio.CapacityLimiter(4)
        self._told = ParkingLot()
        self._taken = ParkingLot()
        self._news = True

    def asked(self, number: str) -> bool:
        """Whether this number is to be left alone, and the book may not know yet. Not a checkpoint."""
        return number in self._waiting

    async def ask(self, text: str, who: str, why: str) -> bool:
        """Have this number never called again: once this returns, that holds for this process, and survives a crash
        and a store that is away. False where it is no number. Raises StoreError where neither the disk nor the book
        takes it."""
        number = await self._thread(lambda: numbers.in_full(text, numbers.home_of(self._ours)))
        if not number:
            log.warning("someone asks not to be called, and their number is not known", who=who)
            return False
        await self._enlist(number, who, why)
        return True

    async def _enlist(self, number: str, who: str, why: str) -> None:
        entry = DoNotCall(number, who, why, datetime.now(UTC).isoformat(timespec="milliseconds"))
        self._waiting[number] = entry
        try:
            await self._thread(partial(self._files.put, entry))
        except StoreError as error:
            log.error("the disk does not take who is not to be called", error=str(error))  # noqa: TRY400  no traceback
            await self._bounded(partial(self._book.add, [entry]))
        finally:
            self._wake()
        log.info("not to be called again", who=who)

    def over(self, record: CallRecord) -> None:
        """A call is over: who said on it that they do not want to be called is not, whatever the agent made of it. Not
        a checkpoint; until the book has it, the record is what remembers it."""
        person = person_of(record)
        if record.facts.get("do_not_call") == "yes" and person.startswith("+"):
            at = record.ended_at or record.started_at
            self._waiting.setdefault(person, DoNotCall(person, "the caller", f"said so on {record.call_sid}", at))
            self._wake()

    async def run(self) -> None:
        """Bring them into the book until cancelled; whom it does not have then is on the disk for the next start."""
        try:
            await self._bring()
        finally:
            with trio.move_on_after(ASIDE_S, shield=True):
                await self._put_aside(list(self._waiting.values()))

    async def _bring(self) -> None:
        pause, told = AGAIN_S, ""
        while True:
            self._news = False
            try:
                await self._deliver()
            except StoreError as error:
                if str(error) != told:
                    told = str(error)
                    log.warning("who is not to be called waits for the store", error=told)
                await trio.sleep(pause)
                pause = min(2 * pause, LATER_S)
                continue
            pause, told = AGAIN_S, ""
            while not self._news:
                await self._told.park()

    # For whoever keeps the list, over HTTP. Each raises StoreError.

    async def spelt(self, text: str) -> str | Refused:
        """The number in full, or why it is none. One that no country has is taken as it is: it does no harm here."""
        return await self._bounded(lambda: numbers.listable(text, numbers.home_of(self._ours)))

    async def add(self, number: str, who: str, why: str) -> bool:
        """Put a number, as `spelt` gave it, on the list; whether the book has it already, and so every process."""
        await self._enlist(number, who, why)
        with trio.move_on_after(SOON_S):
            while number in self._waiting:
                await self._taken.park()
        return number not in self._waiting

    async def get(self, number: str) -> DoNotCall | None:
        found = await self._bounded(partial(self._book.get, number))
        return found or self._waiting.get(number)

    async def listed(self, after: str, limit: int) -> list[DoNotCall]:
        return await self._bounded(partial(self._book.listed, after, limit))

    async def remove(self, number: str) -> bool:
        """Take a number off the list; False where it was not on it."""
        waited = self._waiting.pop(number, None) is not None
        await self._bounded(partial(self._files.remove, [number]))
        return await self._bounded(partial(self._book.remove, number)) or waited

    async def _deliver(self) -> None:
        left, faults = await self._thread(self._files.all)
        for fault in faults:
            log.error("who asked not to be called cannot be read", error=fault)
        for entry in left:
            self._waiting.setdefault(entry.number, entry)
        now = dict(self._waiting)
        if not now:
            return
        await self._thread(partial(self._book.add, list(now.values())))
        await self._thread(partial(self._files.remove, [entry.number for entry in left]))
        for number, entry in now.items():
            if self._waiting.get(number) is entry:
                del self._waiting[number]
        self._taken.unpark_all()

    async def _put_aside(self, entries: list[DoNotCall]) -> None:
        for entry in entries:
            try:
                await self._thread(partial(self._files.put, entry))
            except StoreError as error:
                log.error("the disk does not take who is not to be called", error=str(error))  # noqa: TRY400

    async def _thread(self, work: Callable[[], T]) -> T:
        """A disk or a store that hangs is left to itself when the process leaves."""
        return await trio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)

    async def _bounded(self, work: Callable[[], T]) -> T:
        with trio.move_on_after(LIMIT_S):
            return await self._thread(work)
        raise StoreError(f"the do-not-call list does not answer within {LIMIT_S:g} s")

    def _wake(self) -> None:
        self._news = True
        self._told.unpark_all()
