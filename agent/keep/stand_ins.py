"""Who served in place of whom: told where it happens, kept with the call.

As with what is used (see `usage`): providers do not know the call, so whoever keeps it is in the context that the
call's tasks share. Outside of a call nobody does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec


class StandIn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of one turn that was not served by the first who should."""

    at_ms: int
    """On the call's clock, as an entry's `start_ms`."""
    part: str
    """stt, llm, tts or summary."""
    name: str
    """Who did."""
    why: str = ""
    """The fault of who should have: unreachable, timeout, refused, busy or broken; slow, where it was only the other's
    word that came first."""


Keep = Callable[[str, str, str], None]
"""Part, name and reason."""

KEEPER: ContextVar[Keep | None] = ContextVar("stand-ins", default=None)
"""The call's that goes on here."""

MOST = 500
"""That are kept of one call, the first ones."""


class StandIns:
    """One call's. Nothing here is a checkpoint."""

    def __init__(self, before: Iterable[StandIn] = ()) -> None:
        self._known: set[tuple[int, str, str]] = set()
        self._all: list[StandIn] = list(before)

    def add(self, one: StandIn, turn: int) -> None:
        """Once in a turn, however many sentences it has."""
        if len(self._all) < MOST and (turn, one.part, one.name) not in self._known:
            self._known.add((turn, one.part, one.name))
            self._all.append(one)

    @property
    def all(self) -> tuple[StandIn, ...]:
        """By now."""
        return tuple(self._all)


@contextmanager
def keeping(keep: Keep) -> Iterator[None]:
    """Within it, and in tasks started there, `keep` is told."""
    before = KEEPER.set(keep)
    try:
        yield
    finally:
        KEEPER.reset(before)


def stood_in(part: str, name: str, why: str) -> None:
    """`name` serves; not a checkpoint."""
    keep = KEEPER.get()
    if keep is not None:
        keep(part, name, why)
