"""Who must not be called, and how often each number was called today: what the rules of calling out look into.

Kept where all processes see it. The port is synchronous: nurseries run it in a thread and bound it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

ATTEMPTS_KEPT_S = 3 * 86_400.0
"""How long it is remembered how often a number was called on a day: a day lasts up to fifty hours around the earth."""


class DoNotCall(msgspec.Struct, frozen=True):
    """One number that is never called."""

    number: str
    """E.164."""
    who: str = ""
    """Put it on the list: "the caller", "the API", "import of FILE"."""
    why: str = ""
    at: str = ""
    """ISO 8601, UTC."""


class DialBook(Protocol):
    """Every method raises StoreError; a write that was given up may still have happened."""

    def add(self, entries: Sequence[DoNotCall]) -> int:
        """Put them on the list; who is there already stays as they are. Returns how many were not. All of them are
        durable when this returns."""
        ...

    def remove(self, number: str) -> bool:
        """Take a number off the list; False where it was not on it."""
        ...

    def get(self, number: str) -> DoNotCall | None: ...

    def listed(self, after: str, limit: int) -> list[DoNotCall]:
        """By number, those behind `after`; "" is before all."""
        ...

    def attempts(self, number: str, day: str) -> int:
        """How often the number was called on that day."""
        ...

    def take(self, number: str, day: str, most: int) -> bool:
        """Count one more call on that day, unless there have been `most`: then False. Exact across processes."""
        ...

    def give_back(self, number: str, day: str) -> None:
        """One that was counted was none."""
        ...

    def close(self) -> None: ...
