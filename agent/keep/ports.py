"""What keeping needs from outside: a store for the records of calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from agent.keep.piece import Piece
from agent.keep.query import Place, Query
from agent.keep.record import CallRecord

TOMBSTONE_S = 400 * 86_400.0
"""How long it is remembered that a call was deleted: a journal that lies longer on a disk that is away could bring it
back."""

LIMIT_S = 5.0
"""For one operation of a store on another machine, finding the server included."""

HAND_OVER_S = 600.0
"""How long a hand-over is kept: the carrier asks within seconds of the stream's end."""


Unread = Callable[[str, CallRecord | None], object]
"""Takes the CallSid of a record that cannot be read, and what it tells all the same: whose it is, where its sound
is."""


class CallStore(Protocol):
    """Where call records go. Synchronous: nurseries run it in a thread of its own and bound it."""

    @property
    def name(self) -> str: ...

    def save(self, *records: CallRecord) -> list[str]:
        """Write the records, each replacing what there is of the same call unless that has a greater revision. Returns
        the calls whose record was not written: there is a newer one, or it was deleted. Raises StoreError, and then
        some of them may be written."""
        ...

    def get(self, call_sid: str) -> CallRecord | None:
        """The call's record, or None. Raises StoreError."""
        ...

    def find(
        self, query: Query, limit: int, after: Place | None = None, unread: Unread | None = None
    ) -> list[CallRecord]:
        """Calls that fulfil the query, in its order (see `agent.keep.query.order`), those behind `after`, which is a
        place in the same order. A record that cannot be read is left out and logged; `unread` is told what its terms
        find, some of them twice. Raises StoreError."""
        ...

    def count(self, query: Query, most: int) -> int:
        """How many calls the query finds, `most` at most: by the indexes alone, so quickly, and by them only: to the
        second, and with numbers and endings that differ in signs only taken for the same. Raises StoreError."""
        ...

    def add_piece(self, call_sid: str, piece: Piece) -> bool:
        """The call's sound has this piece, instead of one of the same leg, whatever is saved of the call meanwhile, and
        by whom. False where there is no such call. Raises NotKept where it was deleted, and StoreError."""
        ...

    def delete(self, *call_sids: str, sound: Callable[[str], object] = bool) -> int:
        """Forget the calls for good: whatever is saved of them later, by any process or journal, is not kept. Returns
        how many there were; `sound` is told the keys of the pieces that they had in that moment. Raises StoreError, and
        then some of them may be forgotten."""
        ...

    def prepare(self) -> None:
        """Whatever makes the rest quick and may take long: indexes, records of older versions. Done again, it does what
        is left. Raises StoreError."""
        ...

    def expire(self, days: int | None, most: int) -> int:
        """Have calls that began longer ago than `days` removed: at most so many now; returns how many were. A store
        that does so by itself is told, and returns 0. None: no call is removed from here on. Raises StoreError."""
        ...

    def scrub(self) -> bool:
        """Overwrite some of what removed calls have left in files; returns whether there is more. A store whose files
        are a server's does nothing. Raises StoreError."""
        ...

    def hand_over(self, call_sid: str, to: str) -> None:
        """The call is to be passed on to this number once its stream is over; any process may be asked. Forgotten
        after HAND_OVER_S. Raises StoreError."""
        ...

    def handed_over(self, call_sid: str) -> str | None:
        """Where the call is to be passed on to, or None. Raises StoreError."""
        ...

    def close(self) -> None: ...


class ObjectStore(Protocol):
    """Where sound goes: keys with slashes in them, and bytes. Synchronous: nurseries run it in threads and bound it. No
    key leads out of the store."""

    @property
    def name(self) -> str: ...

    def put(self, key: str, path: Path, content_type: str) -> None:
        """Store the file's bytes under the key, replacing what is there. Once it returns they are durable. The file may
        be removed then, but not changed: it may be the object itself. Raises StoreError."""
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `end`, in pieces, as they come: flat memory. Raises StoreError, and NotKept
        where there is no such key, before the first piece."""
        ...

    def size(self, key: str) -> int:
        """In bytes. Raises StoreError and NotKept."""
        ...

    def delete(self, key: str) -> None:
        """Done also where there is none. Raises StoreError."""
        ...

    def older(self, seconds: float) -> Iterator[str]:
        """Keys of what was stored longer ago than that. Raises StoreError."""
        ...

    def url(self, key: str) -> str:
        """Where anybody can get it, or "" where nobody can but through us."""
        ...

    def close(self) -> None: ...
