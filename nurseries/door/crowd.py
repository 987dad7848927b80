"""Who stands at the door, by client: a newcomer in, whoever has to make room for them out.

Nobody is turned away for want of room: the client with the most connections gives its oldest, so that a crowd of one
client's can only push out itself. No client has more than a share, but for this machine and proxies of ours, behind
which there may be anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import Generic, TypeVar

M = TypeVar("M")


class Crowd(Generic[M]):
    """Connections of one kind."""

    def __init__(self) -> None:
        self._clients: dict[M, str] = {}
        """The oldest first."""
        self._counts: Counter[str] = Counter()

    def enter(self, member: M, client: str) -> None:
        self._clients[member] = client
        self._counts[client] += 1

    def leave(self, member: M) -> None:
        """Harmless for whoever has left."""
        client = self._clients.pop(member, None)
        if client is not None:
            self._counts[client] -= 1
            if not self._counts[client]:
                del self._counts[client]

    @property
    def members(self) -> tuple[M, ...]:
        """The oldest first."""
        return tuple(self._clients)

    def __len__(self) -> int:
        return len(self._clients)

    def in_the_way(self, client: str, most: int, share: int, first: Iterable[M] = ()) -> M | None:
        """Who has to leave before one more of this client enters; None: there is room. Those in `first` go before, in
        its order."""
        if self._counts[client] >= share:
            giving = client
        elif len(self) >= most:
            giving = max(self._counts, key=self._counts.__getitem__)
        else:
            return None
        return next(member for member in chain(first, self._clients) if self._clients.get(member) == giving)
