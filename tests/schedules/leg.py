"""One leg of a call as it is seen from outside while it goes on: what it queues, sends, cancels and remembers.

Only watches: what is seen is judged by `invariants`.
"""

from __future__ import annotations

import base64
from collections import deque
from typing import Protocol

import msgspec
import trio

from agent.keep.record import CallRecord
from agent.model import BYTES_PER_MS, Ending
from agent.speak.ledger import Sentence
from nurseries.call import HANG_UPS, Call
from nurseries.line.outbox import Outbox, Track
from tests.schedules.parties import Wire

QUIET = HANG_UPS | {Ending.MOVED}
"""Endings behind which nothing is said."""


class World(Protocol):
    """Where it is told."""

    def note(self, what: str) -> None: ...


SAME_S = 2e-4
"""The carrier plays whole samples."""


class Leg:
    """None of its methods is a checkpoint."""

    call: Call
    wire: Wire
    outbox: Outbox
    before: CallRecord | None = None
    """What it goes on from."""
    stored: CallRecord | None = None
    """What a store has of it."""
    alive = 0
    """Tasks of its call."""
    thinking = 0
    """Turns of its call that think or speak."""
    ended_at: float | None = None
    """When its ending stood."""
    hung_up_at: float | None = None
    """When the end of the stream was read."""
    over_at: float | None = None
    """When `Call.run` was over."""
    cleared_at: float | None = None
    """When the last clear was begun to be sent."""
    silent_since: float | None = None
    """It was decided to be silent while the carrier had sound, and the carrier does not know yet."""
    strays = overtaken = after = 0
    """Pieces of sound: of no live track; sent before a clear that was due; queued or sent behind the ending."""
    sent_bytes = 0
    crashed = False
    """Something crashed, as drawn: an apology may follow."""
    looked = False
    """Its record was looked at."""
    _plays_until = 0.0

    def __init__(self, world: World, n: int, before: CallRecord | None) -> None:
        self.n = n
        self.before = before
        self._world = world
        self._live: deque[bytes] = deque()
        """Sound of the live track, queued and not sent."""
        self.broken: list[Sentence] = []
        """Their voice broke off."""

    def watch(self, call: Call, wire: Wire) -> None:
        """From here on, this is its call."""
        self.call, self.wire, self.outbox = call, wire, call._outbox
        opens, queues, clears = self.outbox.open, self.outbox.queue, self.outbox.clear

        def open_(turn: int) -> Track:
            self._world.note(f"turn {turn} has the floor")
            track = opens(turn)
            breaks = track.break_off

            def break_off() -> None:
                self.broken += [track._sentence] if track._sentence is not None and track.live else []
                breaks()

            track.break_off = break_off  # type: ignore[method-assign]
            return track

        def queue(track: Track, sentence: Sentence, mulaw: bytes | None) -> None:
            if mulaw is None:
                self._world.note(f"said: {sentence.text!r} ({sentence.mark})")
            else:
                self.strays += track is not self.outbox.live
                self.after += self._nobody_speaks
                self._live.append(mulaw)
            queues(track, sentence, mulaw)

        def clear() -> bool:
            self._live.clear()
            now_ms = self.outbox.now_ms
            open_ = [each for each in self.outbox.ledger._open if not each.all_made]
            self.broken = [each for each in (*self.broken, *open_) if each.spans and each.end_ms <= now_ms]
            if self._plays_until > trio.current_time() + SAME_S and self.silent_since is None:
                self.silent_since = trio.current_time()
            silenced = clears()
            if silenced:
                self._world.note("silence")
            return silenced

        self.outbox.open, self.outbox.queue, self.outbox.clear = open_, queue, clear  # type: ignore[method-assign]

    def sent(self, text: str) -> None:
        """A message is begun to be sent."""
        message = msgspec.json.decode(text)
        now = trio.current_time()
        match message["event"]:
            case "media":
                sound = base64.b64decode(message["media"]["payload"])
                if self._live and self._live[0] == sound:
                    self._live.popleft()
                else:
                    self.strays += 1
                self.overtaken += self.silent_since is not None
                self.after += self.ended_at is not None and self.ended_at < now and self.call.ending in QUIET
                self.sent_bytes += len(sound)
                self._plays_until = max(now, self._plays_until) + len(sound) / BYTES_PER_MS / 1000
            case "clear":
                self.cleared_at, self.silent_since, self._plays_until = now, None, now
                self._world.note("clear on the wire")
            case "mark":
                self._world.note(f"mark {message['mark']['name']} sent")

    def came(self, raw: str | bytes | None) -> None:
        """A message was read."""
        if raw is None or '"event":"stop"' in str(raw)[:40]:
            if self.hung_up_at is None:
                self.hung_up_at = trio.current_time()
                self._world.note("the stream is closed" if raw is None else "stop")
        elif '"event":"mark"' in str(raw)[:40]:
            self._world.note(f"mark {msgspec.json.decode(raw)['mark']['name']} came back")

    def step(self) -> None:
        """One of its tasks has made a step."""
        if self.ended_at is None and self.call.ending is not None:
            self.ended_at = trio.current_time()
            self._world.note(f"ending: {self.call.ending.value} ({self.call.reason})")

    @property
    def suspect(self) -> bool:
        """While it is not, no promise that is checked after every step can be broken."""
        return (
            self.thinking > 1
            or (self.strays or self.overtaken or self.after) > 0
            or self.silent_since is not None
            or (self.hung_up_at is not None and self.call.ending is None)
        )

    @property
    def _nobody_speaks(self) -> bool:
        ending = self.call.ending
        last_words = {Ending.TIME_LIMIT, Ending.SHUTDOWN}
        if self.ended_at is None or self.ended_at >= trio.current_time():
            return False  # what is cut in the step of the ending tells what there is of it
        return ending not in last_words and not (ending is Ending.FAILED and self.crashed)
