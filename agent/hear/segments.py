"""One caller's sound on its way to a recogniser that listens while they speak: sound in, what to send out; what came
back in, words out.

Pure. The sound between two pauses is a segment; each is committed once and answered once. A segment's sound is kept
until its words are final, so that a connection that breaks costs nothing: on the next one everything unfinished is sent
again, in order. Segments are found by call time, so that any stretch of the call can be asked for.

    open --close--> closed --all sent--> committed --answer--> final, or lost
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.model import BYTES_PER_MS

LEAST_MS = 100
"""Of one commit; the OpenAI API refuses less ("input_audio_buffer_commit_empty"). Filled up with silence."""

SILENCE = b"\xff"
"""Zero in mu-law."""

MOST_SEGMENTS = 256
"""Remembered: some ten minutes of uninterrupted talk, of which the last turn is all that is ever asked for."""

LONGEST_UNFINISHED_MS = 120_000
"""Sound kept for a recogniser that does not answer."""


@dataclass(frozen=True, slots=True)
class Append:
    """More sound, mu-law."""

    sound: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """What was appended is a segment; `number` comes back where it is refused."""

    number: int


@dataclass(slots=True)
class _Segment:
    number: int
    begin_ms: float
    sound: bytearray = field(default_factory=bytearray)
    length_ms: float = 0.0
    sent: int = 0
    closed: bool = False
    committed: bool = False
    item: str = ""
    part: str = ""
    text: str | None = None
    lost: bool = False
    held: bool = False
    """The recogniser has it, on this connection."""
    unwanted: bool = False
    """The recogniser is to forget it."""

    @property
    def end_ms(self) -> float:
        return self.begin_ms + self.length_ms

    @property
    def finished(self) -> bool:
        return self.text is not None or self.lost


class Segments:
    """One call's."""

    def __init__(self) -> None:
        self._segments: list[_Segment] = []
        self._number = 0
        self.tells_early = False
        """Words have come back for sound that was not committed yet."""

    @property
    def idle(self) -> bool:
        """Nothing is open, nothing unfinished."""
        return all(segment.closed and segment.finished for segment in self._segments)

    # The caller's side.

    def hear(self, sound: bytes, at_ms: float) -> None:
        """More of the open segment; where none is open, one begins."""
        if not self._segments or self._segments[-1].closed:
            self._number += 1
            self._segments.append(_Segment(self._number, at_ms))
            self._make_room()
        segment = self._segments[-1]
        segment.length_ms += len(sound) / BYTES_PER_MS
        if not segment.finished:
            segment.sound += sound

    def close(self) -> None:
        """The open segment, if any, is complete."""
        if self._segments and not self._segments[-1].closed:
            segment = self._segments[-1]
            segment.closed = True
            if not segment.finished:
                segment.sound += SILENCE * (LEAST_MS * BYTES_PER_MS - len(segment.sound))

    def text(self, start_ms: float, end_ms: float) -> str | None:
        """The words between two moments; None while some are not final yet."""
        texts = [segment.text for segment in self._between(start_ms, end_ms)]
        return None if None in texts or not texts else " ".join(text for text in texts if text)

    def part(self, start_ms: float, end_ms: float) -> str:
        """The same as far as it is known, final or not."""
        known = (s.text if s.text is not None else s.part for s in self._between(start_ms, end_ms))
        return " ".join(text for text in (part.strip() for part in known) if text)

    def hopeless(self, start_ms: float, end_ms: float) -> bool:
        """Whether some of these words will never come."""
        between = list(self._between(start_ms, end_ms))
        return not between or any(segment.lost and segment.text is None for segment in between)

    def give_up(self, start_ms: float, end_ms: float) -> None:
        """Wait no longer for these: they are not sent again."""
        for segment in self._between(start_ms, end_ms):
            if segment.closed:
                self._lose(segment)

    # The recogniser's side.

    def to_send(self, least: int = 1) -> Iterator[Append | Commit]:
        """What is due, in order; of an open segment, nothing below `least` bytes. What is yielded counts as sent."""
        for segment in self._segments:
            if segment.committed or segment.lost:
                continue
            rest = len(segment.sound) - segment.sent
            if rest >= (1 if segment.closed else least):
                sound = bytes(segment.sound[segment.sent :])
                segment.sent = len(segment.sound)
                yield Append(sound)
            if segment.closed:
                segment.committed = True
                yield Commit(segment.number)

    def begin_again(self) -> None:
        """There is a new connection: everything unfinished is to be sent once more."""
        for segment in self._segments:
            segment.item, segment.sent, segment.held = "", 0, False
            if segment.unwanted:
                self._lose(segment)
            if not segment.finished:
                segment.committed, segment.part = False, ""

    def committed(self, item: str) -> bool:
        """The next segment in order goes by this name; returns whether it was taken out before it had one."""
        segment = self._of(item)
        if segment is not None:
            segment.held = True
        return segment is not None and segment.unwanted

    def told(self, item: str, piece: str) -> None:
        """A piece of its words."""
        segment = self._of(item)
        if segment is not None and segment.text is None:
            self.tells_early = self.tells_early or not segment.committed
            segment.part += piece

    def final(self, item: str, text: str) -> None:
        """All of its words."""
        segment = self._of(item)
        if segment is not None and segment.closed:
            segment.text = text.strip()
            segment.sound.clear()

    def failed(self, item: str) -> None:
        """There will be no words."""
        segment = self._of(item)
        if segment is not None:
            self._lose(segment)

    def refused(self, number: int) -> None:
        """Its commit was: it has no name, and will not be answered."""
        for segment in self._segments:
            if segment.number == number:
                segment.item = f"refused {number}"
                self._lose(segment)

    def holds(self, start_ms: float, end_ms: float) -> bool:
        """Whether the recogniser has all the sound between two moments, on this connection."""
        between = list(self._between(start_ms, end_ms))
        return bool(between) and all(segment.held and not segment.unwanted for segment in between)

    def take_out(self, start_ms: float, end_ms: float) -> list[str]:
        """The sound between two moments is nothing to remember: the names under which it is to be forgotten, as far as
        it has any by now; see `committed`."""
        new = [segment for segment in self._between(start_ms, end_ms) if not segment.unwanted]
        for segment in new:
            segment.unwanted = True
        return [segment.item for segment in new if segment.held]

    def _between(self, start_ms: float, end_ms: float) -> Iterator[_Segment]:
        return (s for s in self._segments if s.end_ms > start_ms and s.begin_ms < end_ms)

    def _of(self, item: str) -> _Segment | None:
        """By its name; a new name is that of the first segment on this connection that has none."""
        for segment in self._segments:
            if segment.item == item:
                return segment
        for segment in self._segments:
            if not segment.item and segment.sent:
                segment.item = item
                return segment
        return None

    def _lose(self, segment: _Segment) -> None:
        segment.lost = True
        segment.sound.clear()

    def _make_room(self) -> None:
        del self._segments[:-MOST_SEGMENTS]
        unfinished = [segment for segment in self._segments if not segment.finished]
        while sum(s.length_ms for s in unfinished) > LONGEST_UNFINISHED_MS and len(unfinished) > 1:
            self._lose(unfinished.pop(0))
