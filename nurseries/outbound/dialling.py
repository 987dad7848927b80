"""The rules of calling out: what is wanted in; every rule that says no, and how it would be allowed, out.

The DialRules port. Looking a number up blocks for a tenth of a second the first time, and the book of who may be called
may be slow or away: both are done in threads, bounded. Without the book nothing is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import structlog
import trio

from agent.config import Settings
from agent.errors import StoreError
from agent.guard import hours, numbers
from agent.guard.dial_book import DialBook
from agent.guard.numbers import Callee
from agent.guard.order import Refused, Wanted

T = TypeVar("T")

log = structlog.get_logger(__name__)

LIMIT_S = 8.0
"""For the book: more than it takes to say that it is away."""

AT_ONCE = 4
"""Threads; more who ask wait for these, within LIMIT_S."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Dialling:
    """One process's."""

    def __init__(
        self,
        settings: Settings,
        book: DialBook,
        *,
        asked: Callable[[str], bool] = lambda _: False,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`asked`: whether this number has asked this process not to be called, and the book may not know yet."""
        self._settings = settings
        self._book = book
        self._asked = asked
        self._now = now
        self._hours = settings.calling_hours
        self._threads = trio.CapacityLimiter(AT_ONCE)

    async def refusals(self, wanted: Wanted) -> tuple[Refused, ...]:
        """Every rule that says no; nothing is counted. Raises StoreError."""
        return await self._bounded(partial(self._look, wanted, take=False))

    async def claim(self, wanted: Wanted) -> tuple[Refused, ...]:
        """The same, and where none does, one attempt of the number's day is taken. Raises StoreError; one that was
        begun and then cancelled, or not answered in time, may have been taken."""
        return await self._bounded(partial(self._look, wanted, take=True))

    async def give_back(self, wanted: Wanted) -> None:
        """Never raises; where the book is away, the attempt stays counted."""
        try:
            await self._bounded(partial(self._give_back, wanted))
        except StoreError as error:
            log.warning("an attempt that was none stays counted", error=str(error))

    def _look(self, wanted: Wanted, *, take: bool) -> tuple[Refused, ...]:
        """In a thread."""
        refused = list(self._own(wanted))
        callee = numbers.callee(wanted.to, self._home)
        if isinstance(callee, Refused):
            return (*refused, callee)
        at = self._now()
        refused += self._of(callee, at)
        most, day = self._settings.DIAL_ATTEMPTS, hours.local_day(callee.zones, at)
        free = self._book.attempts(callee.number, day) < most
        if free and take and not refused:
            free = self._book.take(callee.number, day, most)
        if not free:
            refused.append(self._often(callee, at))
        return tuple(refused)

    def _own(self, wanted: Wanted) -> Iterator[Refused]:
        ours = self._settings.dial_from
        if not ours:
            yield Refused("caller-id", "This server has no number to call from: set TWILIO_CALLER_ID.")
        elif wanted.caller_id and wanted.caller_id not in ours:
            yield Refused(
                "caller-id", f"{wanted.caller_id[:40]!r} is not a number of ours: add it to DIAL_FROM, or leave it out."
            )

    def _of(self, callee: Callee, at: datetime) -> Iterator[Refused]:
        if callee.number in self._settings.dial_from:
            yield Refused("number", f"{callee.number} is a number of ours.")
        countries = self._settings.dial_countries or (self._home,)
        if callee.region not in countries:
            yield Refused(
                "country",
                f"{callee.number} is in {callee.region}, and calls go to {', '.join(countries)} only: DIAL_COUNTRIES.",
            )
        entry = self._book.get(callee.number)
        if entry is not None or self._asked(callee.number):
            since = f" since {entry.at[:10]}" if entry and entry.at else ""
            yield Refused("do-not-call", f"{callee.number} is on the do-not-call list{since}.")
        if not hours.allowed(self._hours, callee.zones, at):
            yield self._not_now(callee, at)

    def _not_now(self, callee: Callee, at: datetime) -> Refused:
        again = hours.next_allowed(self._hours, callee.zones, at)
        there = f"It is {hours.in_words(callee.zones, at)} where {callee.number} is"
        there += f", or one of {len(callee.zones)} zones" if len(callee.zones) > 1 else ""
        if again is None:
            return Refused("hours", f"{there}, and CALLING_HOURS ({self._hours}) never allow a call there.")
        when = hours.in_words(callee.zones, again)
        return Refused("hours", f"{there}; people are called {self._hours}. Next: {when}.", _until(at, again))

    def _often(self, callee: Callee, at: datetime) -> Refused:
        most = self._settings.DIAL_ATTEMPTS
        tomorrow = hours.day_ends(callee.zones, at)
        again = hours.next_allowed(self._hours, callee.zones, tomorrow) or tomorrow
        times = "once" if most == 1 else f"{most} times"
        when = hours.in_words(callee.zones, again)
        return Refused(
            "attempts",
            f"{callee.number} has been called {times} today (DIAL_ATTEMPTS). Next: {when}.",
            _until(at, again),
        )

    def _give_back(self, wanted: Wanted) -> None:
        """In a thread."""
        callee = numbers.callee(wanted.to, self._home)
        if isinstance(callee, Callee):
            self._book.give_back(callee.number, hours.local_day(callee.zones, self._now()))

    @property
    def _home(self) -> str:
        return numbers.home_of(self._settings.dial_from)

    async def _bounded(self, work: Callable[[], T]) -> T:
        with trio.move_on_after(LIMIT_S):
            return await trio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)
        raise StoreError(f"whether a call is allowed was not to be found out within {LIMIT_S:g} s")


def _until(at: datetime, again: datetime) -> float:
    return max((again - at).total_seconds(), 1.0)
