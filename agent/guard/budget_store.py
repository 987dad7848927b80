"""What budgets need from outside: pots that all processes share, changed by one at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from agent.guard.pot import Pot

T = TypeVar("T")


class BudgetStore(Protocol):
    """Where pots are kept. Synchronous: nurseries run it in a thread of its own and bound it. Every method raises
    StoreError."""

    def now(self) -> datetime:
        """The time by the one clock that all processes of this store share."""
        ...

    def change(self, name: str, how: Callable[[Pot], tuple[Pot, T]]) -> T:
        """Replace the pot by what `how` makes of it (a new one, where there is none), with nobody in between; returns
        what else it made. `how` may be run several times, and only the last one counts. Where this raises, the change
        may still have been made."""
        ...

    def pots(self) -> dict[str, Pot]:
        """All there are, by name."""
        ...

    def close(self) -> None: ...
