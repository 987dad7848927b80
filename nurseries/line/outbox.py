"""The writer's source: what a turn says goes in, what the socket sends next comes out, control before data.

A turn speaks through a `Track`. Only the newest track is live: `clear` kills it together with everything it has queued,
in one synchronous step, so a turn that is stuck in cleanup cannot add a byte behind its own `clear`. Audio leaves no
more than a lead ahead of its playback and waits here, where it can still be thrown away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import trio
from trio.lowlevel import ParkingLot

from agent.model import BYTES_PER_MS
from agent.seen.feed import seen
from agent.seen.pace import Pace
from agent.speak.ledger import MARK_GRACE_MS, Ledger, Sentence, cut_at_word, spoken_ms
from nurseries.replay.pass_clock import decided

FRAME_BYTES = 160
"""Sentences are filled up to whole 20 ms frames with silence; some carriers jitter on broken ones."""

SILENCE = b"\xff"

INTERJECTION = object()
"""What a ledger has of a clip that was put in between: cut off, it is not worth going on with."""


@dataclass(frozen=True, slots=True)
class Audio:
    mulaw: bytes


@dataclass(frozen=True, slots=True)
class MarkAfter:
    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    pass


Outgoing = Audio | MarkAfter | Clear


class Audience(Protocol):
    """Who has to know what the caller hears of us. Times are on the call's clock. Not checkpoints."""

    def played(self, sound: bytes, start_ms: float) -> None:
        """This mu-law goes to the socket, and plays from then on."""
        ...

    def marked(self, name: str, end_ms: float) -> None:
        """A mark goes to the socket, behind what plays until then."""
        ...

    def cleared(self, at_ms: float) -> None:
        """What was to play from then on will not."""
        ...


class Track:
    """One turn's way to the caller's ear. Once superseded it swallows whatever it is given."""

    def __init__(self, outbox: Outbox, turn: int) -> None:
        self._outbox = outbox
        self.turn = turn
        self.first_sent_ms: float | None = None
        """When its first byte went to the socket; that of a clip put in between is none of its own."""
        self._sentence: Sentence | None = None
        self._length = 0
        self._part = bytearray()

    @property
    def live(self) -> bool:
        return self._outbox.live is self

    def begin(self, text: str, source: object = None) -> None:
        """The audio that follows says this sentence. Not a checkpoint."""
        self._sentence = self._outbox.ledger.open(self.turn, text, source) if self.live else None
        self._length = 0

    def retell(self, text: str, whole_ms: float) -> None:
        """These are the words of the sentence begun, and so long is its sound, as far as that is known by now. Not a
        checkpoint."""
        if self._sentence is not None:
            self._sentence.text, self._sentence.whole_ms = text, whole_ms

    async def say(self, mulaw: bytes) -> None:
        """Queue audio of the sentence begun. Waits while the outbox is full; always a checkpoint."""
        await trio.lowlevel.checkpoint()
        self._part += mulaw
        size = self._outbox.message_bytes
        while len(self._part) >= size and self.live:
            self._queue(bytes(self._part[:size]))
            del self._part[:size]
            await self._outbox.room(self)

    def say_now(self, text: str, mulaw: bytes, source: object = None) -> None:
        """A whole sentence at once, however full the outbox is; not between `begin` and `end`. Not a checkpoint."""
        self.begin(text, source)
        self._queue(mulaw + SILENCE * (-len(mulaw) % FRAME_BYTES))
        self.end()

    def break_off(self) -> None:
        """The sentence will not be completed: what was made of it is all that will be said. Not a checkpoint."""
        if self._sentence is not None:
            made_ms = (self._length + len(self._part)) / BYTES_PER_MS
            self._sentence.text = cut_at_word(self._sentence.text, made_ms / max(spoken_ms(self._sentence.text), 1))
        self.end()

    def end(self) -> None:
        """The sentence is complete: its rest is queued, then its mark. Not a checkpoint."""
        if self._part:
            self._part += SILENCE * (-len(self._part) % FRAME_BYTES)
            self._queue(bytes(self._part))
            self._part.clear()
        if self._sentence is not None and self.live:
            if self._length:
                self._outbox.queue(self, self._sentence, None)
            else:
                self._outbox.ledger.forget(self._sentence)
        self._sentence = None

    def _queue(self, mulaw: bytes) -> None:
        if self.live and self._sentence is not None:
            self._length += len(mulaw)
            self._outbox.queue(self, self._sentence, mulaw)


class Outbox:
    """One call's queue to its socket. One task takes."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        lead_ms: float,
        message_ms: float,
        room_ms: float,
        began: float,
        audience: Sequence[Audience] = (),
        pace: Pace | None = None,
    ) -> None:
        """`pace` is told how late sound leaves."""
        self._pace = pace or Pace()
        self.ledger = ledger
        self.message_bytes = int(message_ms * BYTES_PER_MS)
        self.live: Track | None = None
        self._lead_ms = lead_ms
        self._room_bytes = room_ms * BYTES_PER_MS
        self._began = began
        self._audience = audience
        self._queue: deque[tuple[Track, Sentence, bytes | None]] = deque()
        self._queued_bytes = 0
        self._clear_due = False
        self._on_its_way = False
        """Who sends has sound in hand, and has not come back for more: of a slow socket it is played later than the
        ledger thinks."""
        self._finished = False
        self._changed = ParkingLot()
        self._taken = ParkingLot()
        self._returned = ParkingLot()

    @property
    def now_ms(self) -> float:
        """The call's clock: milliseconds since it began."""
        return (trio.current_time() - self._began) * 1000

    @property
    def empty(self) -> bool:
        return not self._queue and not self._clear_due

    @property
    def speaking(self) -> bool:
        """Whether the caller hears us, or will."""
        return bool(self._queue) or self.ledger.playing(self.now_ms)

    @property
    def playback_end(self) -> float:
        """When the last byte sent so far has played, on trio's clock."""
        return self._began + self.ledger.end_ms / 1000

    def returned(self, mark: str) -> None:
        """A mark came back. Not a checkpoint."""
        self.ledger.returned(mark, self.now_ms)
        self._returned.unpark_all()

    async def heard(self) -> None:
        """Wait until all that was queued has been sent and heard, by its marks or, where they fail to come, by the
        clock."""
        await trio.lowlevel.checkpoint()
        while self._queue:
            await self._taken.park()
        while self.ledger.playing(self.now_ms):
            with trio.move_on_at(self.playback_end + MARK_GRACE_MS / 1000) as overdue:
                await self._returned.park()
            if overdue.cancelled_caught:
                return

    def open(self, turn: int) -> Track:
        """A new way out; an older one is dead from here on. Not a checkpoint."""
        self.live = Track(self, turn)
        return self.live

    def queue(self, track: Track, sentence: Sentence, mulaw: bytes | None) -> None:
        """Used by the live track: audio, or (None) the sentence's mark."""
        if mulaw and sentence.spans and not self._queue and self.now_ms > self.ledger.end_ms - self._lead_ms:
            self._pace.starving()
        self._queue.append((track, sentence, mulaw))
        self.ledger.made(sentence, len(mulaw or b""))
        self._queued_bytes += len(mulaw or b"")
        if len(self._queue) == 1:  # behind another it changes nothing for who waits to send that one
            self._changed.unpark_all()

    async def room(self, track: Track, most: float = float("inf")) -> None:
        """Wait until less than the room, or than `most` bytes, is queued, or the track is dead. A checkpoint."""
        await trio.lowlevel.checkpoint()
        while self._queued_bytes >= min(self._room_bytes, most) and track.live:
            await self._taken.park()

    def clear(self) -> bool:
        """Silence, now: forget the queue, kill the live track, tell the carrier if it holds audio of ours.

        Returns whether there was anything to silence. Synchronous, not a checkpoint.
        """
        audible = self._on_its_way or self.ledger.playing(self.now_ms)
        silenced = audible or bool(self._queue)
        self.live = None
        self._queue.clear()
        self._queued_bytes = 0
        self.ledger.clear(self.now_ms)
        for each in self._audience:
            each.cleared(self.now_ms)
        self._clear_due = self._clear_due or audible
        self._changed.unpark_all()
        self._taken.unpark_all()
        return silenced

    def finish(self) -> None:
        """Nothing more will be queued: once all is said, `take` returns None. Not a checkpoint."""
        self._finished = True
        self._changed.unpark_all()

    async def take(self) -> Outgoing | None:
        """What to send next, when it is time; None when finished. Cancelled, it takes nothing."""
        self._on_its_way = False
        await trio.lowlevel.checkpoint()
        while True:
            if self._clear_due:
                self._clear_due = False
                seen("clear")
                return Clear()
            due = trio.current_time()
            if self._queue:
                if self._queue[0][2] is not None:
                    due = self._began + (self.ledger.end_ms - self._lead_ms) / 1000
                if due <= trio.current_time():
                    return self._take_head()
            elif self._finished:
                return None
            with trio.move_on_at(due if self._queue else float("inf")):
                await self._changed.park()

    def _take_head(self) -> Outgoing:
        track, sentence, mulaw = self._queue.popleft()
        self._taken.unpark_all()
        if mulaw is None:
            self.ledger.marked(sentence)
            self._pace.said()
            for each in self._audience:
                each.marked(sentence.mark, sentence.end_ms)
            return MarkAfter(sentence.mark)
        if track.first_sent_ms is None and sentence.source is not INTERJECTION:
            track.first_sent_ms = self.now_ms
            decided("speaks", turn=track.turn)
        if not self.ledger.end_ms:
            self._pace.first(self.now_ms)
        if sentence.spans:
            hole_ms = self.now_ms - self.ledger.end_ms
            self._pace.handed(hole_ms + self._lead_ms, hole_ms)
        self.ledger.sent(sentence, len(mulaw), self.now_ms)
        for each in self._audience:
            each.played(mulaw, self.ledger.end_ms - len(mulaw) / BYTES_PER_MS)
        self._queued_bytes -= len(mulaw)
        self._on_its_way = True
        return Audio(mulaw)
