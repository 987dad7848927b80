"""What a request asks for: its parameters in, values out, or everything that is wrong with them.

A parameter that there is not is refused: a mistyped filter must not export everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar
from zoneinfo import ZoneInfo

from quart import request

from agent.errors import AskedWrongly
from agent.keep.asked import EMPTY, FILTERS, Wrong, asked
from agent.keep.query import Query

T = TypeVar("T")


class Given:
    """Those of the present request. Ask for each, then `check`."""

    def __init__(self, *names: str) -> None:
        """`names` are all that there are."""
        self._values = {name: request.args[name] for name in names if request.args.get(name, "").strip()}
        self._wrong = list(_unknown(names))

    def read(self, name: str, reader: Callable[[str], T], missing: T) -> T:
        """What `reader` makes of it; `missing` where it is not given. `reader` raises ValueError, in words."""
        text = self._values.get(name, "")
        return self.take(name, text, reader, missing) if text else missing

    def take(self, name: str, text: str, reader: Callable[[str], T], missing: T) -> T:
        """The same of a part of the path."""
        try:
            return reader(text)
        except ValueError as error:
            self._wrong.append((name, str(error)))
            return missing

    def query(self, zone: ZoneInfo) -> Query:
        """What the filters ask for; `zone` is what days are of."""
        query, wrong = asked({name: self._values.get(name, "") for name in FILTERS}, zone)
        self._wrong += wrong
        return query

    def check(self) -> None:
        """Raises AskedWrongly with all that is wrong."""
        if self._wrong:
            raise AskedWrongly(tuple(self._wrong))


def _unknown(names: Collection[str]) -> list[Wrong]:
    wrong: list[Wrong] = []
    for name, values in request.args.lists():
        if name not in names:
            there = f"there are {', '.join(names)}." if names else "there is none here."
            wrong.append((name[:60], f"there is no such parameter; {there}"))
        elif len(values) > 1:
            wrong.append((name, "it is given more than once: give it once."))
        elif name in FILTERS and not values[0].strip():
            wrong.append((name, EMPTY))
        elif "\0" in values[0]:
            wrong.append((name, "it has a character that no text has (0): leave that out."))
    return wrong
