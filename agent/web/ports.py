"""What the API needs from the process: records and sounds, without ever blocking; bounded in time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from agent.guard.dial_book import DoNotCall
from agent.guard.order import Order, Placed, Refused, Wanted
from agent.keep.erasure import Erased
from agent.keep.query import Place, Query
from agent.keep.record import CallRecord

T = TypeVar("T")


class Records(Protocol):
    """All that is kept of calls. Every method raises StoreError where it is not there or does not answer in time."""

    async def find(self, query: Query, limit: int, after: Place | None, shape: Callable[[list[CallRecord]], T]) -> T:
        """What `shape` makes of the calls, newest first, behind `after`. It is run beside the loop: a page may be
        large."""
        ...

    async def get(self, call_sid: str) -> CallRecord | None:
        """The call's record, or None."""
        ...

    async def sessions(self, call_sid: str) -> list[Path]:
        """What was recorded of it on this machine, to be played again, by leg."""
        ...

    async def size(self, key: str) -> int:
        """Of a sound, in bytes. Raises NotKept."""
        ...

    def sound(self, key: str, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Its bytes from `start` up to `end`, in pieces as they come. Raises NotKept before the first piece."""
        ...

    def public_url(self, key: str) -> str:
        """Where anybody can get the sound, or ""."""
        ...

    async def erase(self, number: str, who: str) -> Erased:
        """Erase what is kept of the calls of the person with this number; `who` asks, for the audit log. What fails is
        in the answer; raises StoreError where that log cannot be written, and then nothing is erased. Goes on to its
        end where the one who asked has gone."""
        ...


class Placing(Protocol):
    """Places calls. Bounded; every method raises StoreError."""

    async def place(self, wanted: Wanted) -> Placed | tuple[Refused, ...]:
        """The order, as far as its outcome is known in time, and whether it is new; the earlier one where the
        idempotency key has been used. Or every rule that says no."""
        ...

    async def order(self, order_id: str) -> Order | None: ...


class Watching(Protocol):
    """Streams of server-sent events, as bytes. They end by themselves: with what they tell of, with the process, or
    after a while; whoever reads on comes again."""

    async def where(self, call_sid: str) -> Literal["here", "elsewhere", ""]:
        """Who holds this call: this process, another one, or nobody. Bounded; raises StoreError."""
        ...

    def from_browser(self, call_sid: str) -> bool:
        """Whether a call that is elsewhere, as `where` has just said, is a browser's. Not a checkpoint."""
        ...

    def calls(self) -> AsyncGenerator[bytes, None]:
        """The calls that go on, and what changes in them."""
        ...

    def call(self, call_sid: str, last: int = 0) -> AsyncGenerator[bytes, None]:
        """What goes on in one, from behind the event with this number."""
        ...

    def audible(self, call_sid: str) -> bool:
        """Whether this call can be listened to. Not a checkpoint."""
        ...

    def sound(self, call_sid: str) -> AsyncGenerator[bytes, None]:
        """What is heard in one that is audible, from now on: mu-law at 8 kHz, the caller left, the agent right."""
        ...

    def hang_up(self, call_sid: str, who: str) -> str:
        """End a call, now. Returns why that cannot be; empty: it is done. Not a checkpoint."""
        ...

    def transfer(self, call_sid: str, who: str) -> str:
        """Have a caller passed on to a colleague. Returns why that cannot be; empty: it is begun. Not a checkpoint."""
        ...


class DoNotCallList(Protocol):
    """Who is never called. Bounded; every method raises StoreError."""

    async def spelt(self, text: str) -> str | Refused:
        """The number in full, or why it is none."""
        ...

    async def add(self, number: str, who: str, why: str) -> bool:
        """Put a number on the list for good; whether every process heeds it already, and not only this one."""
        ...

    async def get(self, number: str) -> DoNotCall | None: ...

    async def listed(self, after: str, limit: int) -> list[DoNotCall]:
        """By number, those behind `after`."""
        ...

    async def remove(self, number: str) -> bool:
        """Take a number off the list; False where it was not on it."""
        ...
