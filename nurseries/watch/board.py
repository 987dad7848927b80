"""The calls that go on, for those who watch the list of them: looked at together, twice a second while somebody does.

What has changed is made into bytes once, however many watch. Nothing here is a checkpoint.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from agent.seen.live_call import LiveCall
from agent.seen.stream import event

BEHIND = 20
"""Changes that a watcher may be behind by, before it is told all again."""

Seen = tuple[str, tuple[object, ...], Callable[[], LiveCall]]
"""A call: its CallSid, what tells that it has to be looked at again, and how it is."""


class Board:
    """One process's."""

    def __init__(self, there: Callable[[], Iterable[Seen]]) -> None:
        """`there` tells of the calls that there are."""
        self._there = there
        self._at = 0
        self._known: dict[str, tuple[tuple[object, ...], LiveCall]] = {}
        self._changes: deque[bytes] = deque(maxlen=BEHIND)
        """The last of them leads to what there is now."""
        self._over: dict[str, str] = {}
        """Endings, of those that were there."""

    @property
    def at(self) -> int:
        """How often it has changed."""
        return self._at

    def over(self, call_sid: str, ending: str) -> None:
        """It is over here; without an ending, another process may have it."""
        if call_sid in self._known:
            self._over[call_sid] = ending

    def look(self) -> None:
        """See what there is."""
        changed, there = [], set()
        for call_sid, key, made in self._there():
            there.add(call_sid)
            known = self._known.get(call_sid)
            if known is None or known[0] != key:
                self._known[call_sid] = key, made()
                if known is None or known[1] != self._known[call_sid][1]:
                    changed.append(self._known[call_sid][1])
        gone = [call_sid for call_sid in self._known if call_sid not in there]
        for call_sid in gone:
            del self._known[call_sid]
        if changed or gone:
            self._at += 1
            told = [{"call_sid": call_sid, "ending": self._over.get(call_sid, "")} for call_sid in gone]
            self._changes.append(event("changed", msgspec.json.encode({"calls": changed, "gone": told})))
        self._over.clear()

    def all(self) -> bytes:
        """Every call."""
        return event("calls", msgspec.json.encode({"calls": [live for _, live in self._known.values()]}))

    def since(self, at: int) -> bytes:
        """What has changed since it had changed so often."""
        missed = self._at - at
        if missed > len(self._changes):
            return self.all()
        return b"".join(list(self._changes)[len(self._changes) - missed :])
