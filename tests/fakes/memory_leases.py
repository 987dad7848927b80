"""The LeaseStore port in memory, with a clock of its own; what can be away, and what processes in one test share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import msgspec
import trio

from agent.errors import StoreError
from agent.guard.lease import KEPT_S, LEASE_S, Lease, Rule, orphaned

T = TypeVar("T")


class MemoryLeases:
    """The LeaseStore port."""

    def __init__(self, clock: Callable[[], float] = lambda: 1_800_000_000.0) -> None:
        self.clock = clock
        self.leases: dict[str, Lease] = {}
        self.away = ""
        """Why, where it is."""
        self.gets = 0
        """How often a lease was looked for."""

    def get(self, call_sid: str) -> Lease | None:
        self.gets += 1
        self._answer()
        return self.leases.get(call_sid)

    def change(self, call_sid: str, rule: Rule) -> tuple[Lease | None, bool]:
        self._answer()
        before = self.leases.get(call_sid)
        after = rule(before, self.clock())
        if after is None:
            return before, False
        self.leases[call_sid] = after
        return after, True

    def renew(self, holder: str) -> dict[str, int]:
        self._answer()
        until = self.clock() + LEASE_S
        mine = {sid: each for sid, each in self.leases.items() if each.holder == holder and not each.done}
        self.leases |= {sid: msgspec.structs.replace(m, until=until) for sid, m in mine.items() if m.renewed}
        return {sid: each.fence for sid, each in mine.items()}

    def stale(self, after_s: float, limit: int) -> list[Lease]:
        self._answer()
        now = self.clock()
        found = [each for each in self.leases.values() if orphaned(each, now, after_s)]
        return sorted(found, key=lambda each: each.until)[:limit]

    def erase(self, *call_sids: str) -> None:
        self._answer()
        for call_sid in call_sids:
            self.leases.pop(call_sid, None)

    def expire(self) -> int:
        self._answer()
        old = [sid for sid, each in self.leases.items() if each.until < self.clock() - KEPT_S]
        self.erase(*old)
        return len(old)

    def close(self) -> None:
        pass

    def _answer(self) -> None:
        if self.away:
            raise StoreError(self.away)


class Asked:
    """How processes ask it, in virtual time: answers take `slow_s`, and what was given up may be done later all the
    same, as in a thread that nobody waits for."""

    def __init__(self) -> None:
        self.slow_s = 0.0
        self.late: list[Callable[[], object]] = []

    async def __call__(self, work: Callable[[], T]) -> T:
        try:
            await trio.sleep(self.slow_s)
        except trio.Cancelled:
            self.late.append(work)
            raise
        return work()

    def land(self) -> None:
        """What was given up is done now."""
        late, self.late = self.late, []
        for work in late:
            with suppress(StoreError):
                work()
