"""What hearing live is billed for: what is sent to a Realtime server in, and its events; charges out.

Of one connection. Sound is billed once it is committed, by its length until the server tells: its words may never come,
as the connection or the call may end before.
"""

from __future__ import annotations

from collections import deque

from agent.hear.segments import Append, Commit
from agent.keep.usage import Charge, charged
from agent.model import BYTES_PER_MS
from agent.providers import realtime_events as events
from agent.providers import realtime_requests as requests


class HeardBills:
    """One connection's. Nothing here is a checkpoint."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._appended = 0
        self._committed: deque[tuple[int, Charge]] = deque()
        """In order, by number; the server has not named them yet."""
        self._items: dict[str, Charge] = {}

    def sent(self, step: Append | Commit) -> None:
        """This goes to the server."""
        if isinstance(step, Append):
            self._appended += len(step.sound)
            return
        charge = charged("stt", self._model)
        charge.guess(seconds=self._appended / BYTES_PER_MS / 1000)
        self._committed.append((step.number, charge))
        self._appended = 0

    def received(self, event: events.RealtimeEvent) -> None:
        """This has come from it."""
        match event:
            case events.Committed(item) if self._committed:
                self._items[item] = self._committed.popleft()[1]
            case events.HeardAll(item) if event.usage:
                charge = self._items.pop(item, None) or charged("stt", self._model)
                charge.told(**event.usage)
            case events.HeardAll(item) if self._items.pop(item, None) is None:
                charged("stt", self._model)
            case events.Trouble(of=of) if (number := requests.committed_by(of)) is not None:
                for known in [each for each in self._committed if each[0] == number]:
                    self._committed.remove(known)
                    known[1].free()
