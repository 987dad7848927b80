"""A caller for a recogniser that listens while they speak: a recording in, its windows out as a detector tells them.

In real time, window by window, because such a recogniser works while it is spoken to: sound that came all at once would
be measured as slower, or faster, than any call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trio

from agent.hear.turns import WINDOW_BYTES, WINDOW_MS, Decision, Onset, Pause, TurnTaken
from agent.model import BYTES_PER_MS, Utterance

BETWEEN_MS = 1000.0
"""On the call's clock, between two recordings: they are turns of their own."""

SILENCE = b"\xff"

Heard = Callable[[bytes, float, Decision | None], None]
"""A window, when it began, and what the detector made of it."""


@dataclass(slots=True)
class Caller:
    """Says one recording as often as it is asked to. The onset is its first window; the pause is its last."""

    recording: bytes
    _begin_ms: float = 0.0
    _said: bytes = b""

    def so_far(self) -> Utterance | None:
        """What has been said since the onset."""
        return _utterance(self._said, self._begin_ms) if self._said else None

    async def say(self, heard: Heard) -> Utterance:
        """Say it; returns with the pause. Cancelled, the rest is not said."""
        self._said = b""
        began = trio.current_time()
        whole = self.recording + SILENCE * (-len(self.recording) % WINDOW_BYTES)
        at_ms = self._begin_ms
        for at in range(0, len(whole), WINDOW_BYTES):
            at_ms = self._begin_ms + at / BYTES_PER_MS
            await trio.sleep_until(began + (at / BYTES_PER_MS + WINDOW_MS) / 1000)
            window = whole[at : at + WINDOW_BYTES]
            self._said += window
            last = at + WINDOW_BYTES == len(whole)
            now = at_ms + WINDOW_MS
            said = _utterance(self._said, self._begin_ms)
            heard(window, at_ms, Pause(said, said.duration_ms, now) if last else None if at else Onset(at_ms, now))
        return _utterance(self._said, self._begin_ms)

    def take(self, heard: Heard) -> None:
        """The turn is over, with one more window of silence; the next one begins later. Not a checkpoint."""
        said = _utterance(self._said, self._begin_ms)
        heard(SILENCE * WINDOW_BYTES, said.end_ms, TurnTaken(said, said.duration_ms, said.end_ms + WINDOW_MS))
        self._begin_ms = said.end_ms + BETWEEN_MS


def _utterance(sound: bytes, begin_ms: float) -> Utterance:
    return Utterance(sound, begin_ms, begin_ms + len(sound) / BYTES_PER_MS)
