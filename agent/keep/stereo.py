"""Both sides of a call on one time line: what the caller sent and what they heard of us, each where it belongs.

Pure. The line is the caller's: their sound is placed by the carrier's timestamps, counted in samples between two gaps.
Ours is kept on our clock until a mark tells where it played. Marks and media come over one socket in the order in which
they happened, so a mark between two pieces of the caller's sound says that ours had played by the end of the one and
not later than the end of the other: within 20 ms, whatever the clocks and the network do; a lost piece between adds 10.
What had no mark before it was cut is placed as the last mark found. All positions are samples (bytes of mu-law) from
the start of the call.
"""

from __future__ import annotations

from collections import deque

from agent.keep.side import Side
from agent.model import BYTES_PER_MS

FRAME = 20 * BYTES_PER_MS

WOBBLE = 15 * BYTES_PER_MS
"""Timestamps are off by a few milliseconds. A gap or an overlap that is longer is one: a piece of 20 ms was lost."""
SLIP, SLOWLY = 2 * BYTES_PER_MS, 64
"""Where timestamps run away from the samples by more than this, averaged over so many pieces, one sample of a piece is
doubled or left out."""
LATE = 1000 * BYTES_PER_MS
"""So late a piece may come and still find its place."""
MOST_LATE = 5
"""Pieces in a row that are behind: more than that come from timestamps that have begun anew."""
AHEAD_MS, AHEAD_SHARE = 2000, 0.001
"""A timestamp may be ahead of our own clock by so much, and by this share of the call's time."""

DIGITS = 12
"""Of a timestamp, at most."""

DRIFT, JITTER_MS = 5e-4, 1.0
"""How far our clock and the carrier's may part between two marks: crystals, and clocks that are being set."""

HOLD_MS = 20_000
"""Our sound is placed after this long, with or without a mark."""


class Caller:
    """Places the caller's sound."""

    def __init__(self) -> None:
        self.side = Side()
        self.end = 0
        """Where the piece that follows belongs, if nothing is lost between."""
        self.begun = False
        self._anchor = 0
        """Where the timestamps have their zero."""
        self._told = False
        self._off = 0.0
        self._behind = 0

    def heard(self, sound: bytes, timestamp: str, now_ms: float) -> None:
        """A piece of sound, its timestamp (ms) as the carrier wrote it, and our clock."""
        if not self.begun:
            self.begun = True
            self.end = max(round(now_ms * BYTES_PER_MS) - len(sound), 0)
        sane = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= DIGITS
        told = int(timestamp) * BYTES_PER_MS if sane else None
        if told is not None and not self._told:
            self._told, self._anchor = True, self.end - told
        off = 0 if told is None else told + self._anchor - self.end
        latest = (now_ms * (1 + AHEAD_SHARE) + AHEAD_MS) * BYTES_PER_MS
        if abs(off) <= WOBBLE:
            sound, off = self._slipped(sound, off), 0
        elif not -LATE <= off <= latest - self.end or (off < 0 and self._behind >= MOST_LATE):
            self._anchor -= off  # timestamps that make no sense: they count from here
            self._off, off = 0.0, 0
        self._behind = self._behind + 1 if off < 0 else 0
        self.side.put(self.end + off, sound)
        self.end = max(self.end, self.end + off + len(sound))

    def _slipped(self, sound: bytes, off: int) -> bytes:
        self._off += (off - self._off) / SLOWLY
        if self._off > SLIP:
            self._off -= 1
            return sound[:1] + sound
        if self._off < -SLIP:
            self._off += 1
            return sound[1:]
        return sound


class Offset:
    """How far a place on the line is from the same moment on our clock: what marks tell of it."""

    def __init__(self) -> None:
        self.ms = 0.0
        self._least, self._most = float("-inf"), float("inf")
        self._since_ms = 0.0

    def learn(self, least: float, most: float, at_ms: float) -> None:
        """At this moment it was between these two. What is known from before narrows that, unless it contradicts."""
        spread = JITTER_MS + DRIFT * max(at_ms - self._since_ms, 0.0)
        low, high = max(least, self._least - spread), min(most, self._most + spread)
        self._least, self._most = (low, high) if low <= high else (least, most)
        self._since_ms = at_ms
        self.ms = (self._least + self._most) / 2


class Stereo:
    """One call's. What is told is on the call's clock, in ms; none of it may come before what was told earlier."""

    def __init__(self) -> None:
        self.caller = Caller()
        self._ours = Side()
        self._offset = Offset()
        self._pending: deque[tuple[float, bytes]] = deque()
        """Our sound and when it plays on our clock, until it is placed."""
        self._marks: deque[tuple[str, float]] = deque()
        """Those that are on their way, and the end of what they stand for."""
        self._returned: list[tuple[float, int]] = []
        """Those that have come back since the caller's last piece: what they stood for, and the end of that piece."""
        self._place = (0.0, 0)
        """Where the last of ours ends, on our clock and on the line."""

    @property
    def held(self) -> int:
        """Bytes that have not been taken."""
        return self.caller.side.length + self._ours.length + sum(len(sound) for _, sound in self._pending)

    def heard(self, sound: bytes, timestamp: str, now_ms: float) -> None:
        """The caller's sound has arrived."""
        before = self.caller.end
        self.caller.heard(sound, timestamp, now_ms)
        if self._returned:
            self._learn(self.caller.end if self.caller.end > before else before + FRAME)

    def played(self, sound: bytes, start_ms: float) -> None:
        """Ours goes out, and plays from then on."""
        self._pending.append((start_ms, sound))

    def marked(self, name: str, end_ms: float) -> None:
        """A mark goes out behind what plays until then."""
        self._marks.append((name, end_ms))

    def returned(self, name: str) -> None:
        """A mark has come back."""
        if all(name != each for each, _ in self._marks):
            return
        while True:
            each, end_ms = self._marks.popleft()
            if each == name:
                break
        if self.caller.begun:
            self._returned.append((end_ms, self.caller.end))

    def cleared(self, at_ms: float) -> None:
        """What was to play from then on does not. A mark of it says nothing when it comes back."""
        while self._pending and self._pending[-1][0] >= at_ms:
            self._pending.pop()
        if self._pending:
            start, sound = self._pending[-1]
            self._pending[-1] = start, sound[: max(round((at_ms - start) * BYTES_PER_MS), 0)]
        while self._marks and self._marks[-1][1] > at_ms:
            self._marks.pop()

    def take(self, now_ms: float) -> tuple[bytes, bytes]:
        """What will not change any more, from where the last one ended: the caller's and ours, equally long."""
        self._settle(now_ms - HOLD_MS)
        ours = self._pending[0][0] if self._pending else now_ms
        settled = (ours + self._offset.ms) * BYTES_PER_MS - LATE
        return self._until(max(min(self.caller.end - LATE, settled), (now_ms - 2 * HOLD_MS) * BYTES_PER_MS))

    def finish(self, now_ms: float) -> tuple[bytes, bytes]:
        """All the rest: the call is over at this moment."""
        self.cleared(now_ms)
        self._learn(self.caller.end + FRAME)
        self._settle(float("inf"))
        return self._until(max(self.caller.side.end, self._ours.end, now_ms * BYTES_PER_MS))

    def _until(self, end: float) -> tuple[bytes, bytes]:
        return self.caller.side.take(int(end)), self._ours.take(int(end))

    def _learn(self, most: int) -> None:
        for end_ms, least in self._returned:
            self._offset.learn(least / BYTES_PER_MS - end_ms, max(most, least) / BYTES_PER_MS - end_ms, end_ms)
            self._settle(end_ms)
        self._returned.clear()

    def _settle(self, until_ms: float) -> None:
        """Place what plays before then."""
        while self._pending and self._pending[0][0] < until_ms:
            start, sound = self._pending.popleft()
            at = round((start + self._offset.ms) * BYTES_PER_MS)
            end_ms, end = self._place
            if abs(start - end_ms) < 1 / BYTES_PER_MS and abs(at - end) <= 1:
                at = end
            self._ours.put(at, sound)
            self._place = start + len(sound) / BYTES_PER_MS, at + len(sound)
