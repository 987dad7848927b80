"""Whether one call's sound keeps time, both ways: arrivals and departures in, counters up once in a while. Pure but for
memory.

On the way of every frame: nothing here but a comparison and an addition. Prometheus is told the worst of each second,
which is what a listener notices.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.metrics import Count, Times

LATE_MS = 100.0
"""A frame that comes later than this is counted as late."""

EVERY = 50
"""Frames, a second of them, between two tellings."""

GAP_MS = 20.0
"""A shorter hole in the agent's sound is in the noise of a telephone line."""

FRAMES = Count("frames", "Pieces of callers' sound that came in.")
LATE = Count("frames_late", f"Those of them that came more than {LATE_MS:g} ms after their time.")
DROPPED = Count("frames_dropped", "Those of them that were thrown away because they were not heard in time.")
LOST = Count("sound_lost_seconds", "Sound of callers that was lost on its way to us, by its timestamps.")
LATENESS = Times(
    "frame_late_seconds",
    "How late the latest frame of each second was, against its samples.",
    buckets=(0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0),
)
HANDED_LATE = Times(
    "audio_late_seconds",
    "How late sound of ours was handed to the socket, against its lead: the latest of each sentence.",
    buckets=(0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0),
)
GREETED = Times(
    "greeting_seconds",
    "From the first stream of a call that came in to the first byte that was said to the caller.",
    buckets=(0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0),
)
GAPS = Times(
    "audio_gap_seconds",
    "Holes in the middle of a sentence that callers heard: its sound was there and not sent (late), or was not there "
    "yet (starved).",
    "cause",
    buckets=(0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0),
)
for _cause in ("late", "starved"):
    GAPS.begin(cause=_cause)


class Pace:
    """One leg's. None of this is a checkpoint."""

    def __init__(self, dropped: Callable[[], int] = int, *, greets: bool = False) -> None:
        """`dropped` tells how many frames were thrown away so far; `greets`: whoever is on the line waits for our first
        word."""
        self._dropped = dropped
        self._greets = greets
        self._frames = self._late = self._told = 0
        self._worst = 0.0
        self._closed = False
        self._handed_late: float | None = None
        self._starved = False

    def came(self, late_ms: float) -> None:
        """A frame, so late."""
        self._frames += 1
        self._worst = max(self._worst, late_ms)
        if late_ms > LATE_MS:
            self._late += 1
        if self._frames == EVERY:
            self._tell()

    def lost(self, ms: float) -> None:
        """So much was lost on its way to us."""
        LOST.add(ms / 1000)

    def ends(self) -> None:
        """From here on nobody listens, on purpose: what is dropped does not count."""
        self._tell()
        self._closed = True

    def starving(self) -> None:
        """It was time to send more of a sentence before there was any."""
        self._starved = True

    def handed(self, late_ms: float, hole_ms: float) -> None:
        """Sound in the middle of a sentence goes to the socket, so late against its lead, and behind such a hole."""
        if hole_ms > GAP_MS:
            GAPS.took(hole_ms / 1000, cause="starved" if self._starved else "late")
        if not self._starved:
            self._handed_late = max(self._handed_late or 0.0, late_ms)
        self._starved = False

    def first(self, after_ms: float) -> None:
        """The first byte of the leg goes to the socket."""
        if self._greets:
            GREETED.took(after_ms / 1000)

    def said(self) -> None:
        """A sentence has been handed over whole."""
        if self._handed_late is not None:
            HANDED_LATE.took(self._handed_late / 1000)
        self._handed_late = None

    def _tell(self) -> None:
        FRAMES.add(self._frames)
        LATE.add(self._late)
        if self._frames:
            LATENESS.took(self._worst / 1000)
        if not self._closed:
            dropped = self._dropped()
            DROPPED.add(dropped - self._told)
            self._told = dropped
        self._frames = self._late = 0
        self._worst = 0.0
