"""The carrier's end of the agent's sound: what is queued, when it has played, which marks go back, what came late."""

from __future__ import annotations

from collections import deque


class Playout:
    """One call's. Times are seconds of any one clock."""

    def __init__(self) -> None:
        self.ends = 0.0
        """When all that is queued will have played."""
        self.began: float | None = None
        """The present stretch of sound; None while nothing plays."""
        self.played_s = 0.0
        self.late_ms: list[float] = []
        """Of each message but the first of a sentence: how long the sound before it had been over; less than nothing is
        how early it was."""
        self._marks: deque[tuple[float, str]] = deque()
        self._within = False
        """A sentence's sound has begun, and its mark has not come."""

    def media(self, seconds: float, now: float) -> None:
        """Sound came, to be played after all before it."""
        if self._within:
            self.late_ms.append((now - self.ends) * 1000)
        self._within = True
        if self.ends < now:
            self.ends = now
            self.began = now
        elif self.began is None:
            self.began = now
        self.ends += seconds
        self.played_s += seconds

    def mark(self, name: str) -> None:
        self._within = False
        self._marks.append((self.ends, name))

    def clear(self, now: float) -> bool:
        """Drop what is queued; its marks are due at once. Whether sound was dropped."""
        self._within = False
        dropped = self.ends > now
        if dropped:
            self.played_s -= self.ends - now
            self.ends = now
        self.began = None
        self._marks = deque((min(at, now), name) for at, name in self._marks)
        return dropped

    def due(self, now: float) -> list[str]:
        """Marks whose sound has played."""
        names = []
        while self._marks and self._marks[0][0] <= now:
            names.append(self._marks.popleft()[1])
        if self.ends <= now:
            self.began = None
        return names
