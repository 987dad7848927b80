"""What all processes of one site share, in memory: records, leases, money. Each can be away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from agent.errors import StoreError
from agent.guard.pot import Pot
from agent.keep.record import CallRecord
from tests.fakes.memory_leases import MemoryLeases
from tests.fakes.memory_store import MemoryStore
from tests.soak.seams import now

T = TypeVar("T")
AWAY = "the store is away"


class Records(MemoryStore):
    """With the rules that processes need which share a store."""

    def __init__(self) -> None:
        super().__init__()
        self.passed_on: dict[str, str] = {}
        self.backwards: list[str] = []
        """Calls whose record was told an older state: nothing of that is kept."""

    def save(self, *records: CallRecord) -> list[str]:
        newer, older = [], []
        for record in records:
            there = self.records.get(record.call_sid)
            if there is None or there.revision <= record.revision:
                newer.append(record)
            else:
                older.append(record.call_sid)
        self.backwards += older
        return [*super().save(*newer), *older]

    def hand_over(self, call_sid: str, to: str) -> None:
        self._answer()
        self.passed_on[call_sid] = to

    def handed_over(self, call_sid: str) -> str | None:
        self._answer()
        return self.passed_on.get(call_sid)

    def prepare(self) -> None:
        self._answer()

    def scrub(self) -> bool:
        self._answer()
        return False

    def expire(self, _days: int | None, _most: int) -> int:
        self._answer()
        return 0


class Pots:
    """The BudgetStore port."""

    def __init__(self) -> None:
        self.kept: dict[str, Pot] = {}
        self.away = ""

    def now(self) -> datetime:
        self._answer()
        return datetime.fromtimestamp(now(), UTC)

    def change(self, name: str, how: Callable[[Pot], tuple[Pot, T]]) -> T:
        self._answer()
        self.kept[name], made = how(self.kept.get(name, Pot()))
        return made

    def pots(self) -> dict[str, Pot]:
        self._answer()
        return dict(self.kept)

    def close(self) -> None:
        pass

    def _answer(self) -> None:
        if self.away:
            raise StoreError(self.away)


@dataclass
class Stores:
    """One site's."""

    records: Records = field(default_factory=Records)
    leases: MemoryLeases = field(default_factory=lambda: MemoryLeases(now))
    pots: Pots = field(default_factory=Pots)

    def away(self, why: str = AWAY) -> None:
        """All of them, as on one server; "": back again."""
        self.records.away = self.leases.away = self.pots.away = why

    def forget(self, call_sid: str) -> None:
        """The call has been looked at: a day's records would hide what a process does not let go of."""
        self.records.records.pop(call_sid, None)
        self.records.passed_on.pop(call_sid, None)
        self.leases.leases.pop(call_sid, None)
