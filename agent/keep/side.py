"""One side's sound by position: pieces in, in almost any order, whole stretches out. Pure."""

from __future__ import annotations

from agent.wire.mulaw import SILENCE


class Side:
    """Where nothing was put there is silence; what was put last counts."""

    def __init__(self) -> None:
        self._base = 0
        self._sound = bytearray()

    @property
    def end(self) -> int:
        """The position behind the last sample."""
        return self._base + len(self._sound)

    @property
    def length(self) -> int:
        """Bytes held."""
        return len(self._sound)

    def put(self, at: int, sound: bytes) -> None:
        """What is before the end of what was taken is too late, and lost."""
        late = max(self._base - at, 0)
        start = at + late - self._base
        if start > len(self._sound):
            self._sound += SILENCE * (start - len(self._sound))
        self._sound[start : start + len(sound[late:])] = sound[late:]

    def take(self, end: int) -> bytes:
        """Everything up to there."""
        length = max(end - self._base, 0)
        taken = bytes(self._sound[:length])
        del self._sound[:length]
        self._base += length
        return taken + SILENCE * (length - len(taken))
