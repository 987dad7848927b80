"""Twilio's playback of what a server sends: media, marks and clears in, what was really played and when out.

Audio drains in real time (8 bytes per millisecond) from the moment there is some; a mark comes back when everything
before it has been played, at once where nothing is waiting; a clear drops the audio and gives back the waiting marks.
A pure model: the caller of these methods tells the time, in milliseconds of the stream, and never goes back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from agent.model import BYTES_PER_MS

LIMIT = 10 * 60 * 1000 * BYTES_PER_MS
"""Twilio buffers ten minutes of audio, then discards what is added (warning 31931)."""


@dataclass(frozen=True, slots=True)
class Media:
    mulaw: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    pass


Message = Media | Mark | Clear


@dataclass(frozen=True, slots=True)
class Played:
    """A piece of audio that left the loudspeaker, its first sample at `at_ms`."""

    mulaw: bytes
    at_ms: float

    @property
    def end_ms(self) -> float:
        return self.at_ms + len(self.mulaw) / BYTES_PER_MS


@dataclass(frozen=True, slots=True)
class Returned:
    """A mark on its way back to the server."""

    name: str
    at_ms: float
    cleared: bool
    """Its audio was dropped, not played."""


@dataclass(frozen=True, slots=True)
class Cleared:
    at_ms: float
    dropped_ms: float
    """How much audio was waiting."""


@dataclass(frozen=True, slots=True)
class Overflowed:
    """Audio was discarded because ten minutes of it were waiting. Told once a stream."""

    at_ms: float


Event = Played | Returned | Cleared | Overflowed


class Playback:
    """One stream's loudspeaker, from when the stream began."""

    def __init__(self, start_ms: float = 0) -> None:
        self._audio: deque[memoryview] = deque()
        self._marks: deque[tuple[str, int]] = deque()
        """Names with the sample at which each is reached: fixed on arrival, since playback never pauses."""
        self._at = _samples(start_ms)
        """Samples of the time line that are settled: played, or silent because nothing was there."""
        self._waiting = 0
        self._overflowed = False

    @property
    def waiting_ms(self) -> float:
        """How much audio had not been played at the last `advance` or `receive`."""
        return self._waiting / BYTES_PER_MS

    @property
    def due_ms(self) -> float | None:
        """When the next mark will be reached; None where none is waiting."""
        return self._marks[0][1] / BYTES_PER_MS if self._marks else None

    def advance(self, now_ms: float) -> list[Event]:
        """Play up to now. Pieces and marks in the order in which they left."""
        now = _samples(now_ms)
        events: list[Event] = []
        while self._marks and self._marks[0][1] <= now:
            name, at = self._marks.popleft()
            self._play(at, events)
            events.append(Returned(name, at / BYTES_PER_MS, cleared=False))
        self._play(now, events)
        if not self._waiting:
            self._at = max(self._at, now)
        return events

    def receive(self, message: Message, now_ms: float) -> list[Event]:
        """Play up to now, then take the message."""
        events = self.advance(now_ms)
        match message:
            case Media(mulaw):
                if self._waiting + len(mulaw) > LIMIT:
                    if not self._overflowed:
                        events.append(Overflowed(now_ms))
                    self._overflowed = True
                elif mulaw:
                    self._audio.append(memoryview(mulaw))
                    self._waiting += len(mulaw)
            case Mark(name):
                self._marks.append((name, self._at + self._waiting))
                events += self.advance(now_ms)
            case Clear():
                events.append(Cleared(now_ms, self.waiting_ms))
                events += [Returned(name, now_ms, cleared=True) for name, _ in self._marks]
                self._audio.clear()
                self._marks.clear()
                self._waiting = 0
        return events

    def _play(self, until: int, events: list[Event]) -> None:
        while self._audio and self._at < until:
            head = self._audio.popleft()
            piece = head[: until - self._at]
            if len(piece) < len(head):
                self._audio.appendleft(head[len(piece) :])
            events.append(Played(bytes(piece), self._at / BYTES_PER_MS))
            self._at += len(piece)
            self._waiting -= len(piece)


def _samples(ms: float) -> int:
    # A clock's 19.999999999 ms is the 160th sample, not the 159th.
    return int(ms * BYTES_PER_MS + 1e-3)
