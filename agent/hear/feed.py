"""Which of the caller's sound is worth sending to a recogniser that listens while they speak: the detector's windows
and decisions in, sound into the segments.

Pure. The sound of an utterance is sent from its onset on, the soft first consonants before it included. Silence after a
pause is held back: most often it ends the turn, and only if the caller goes on does it belong between two words.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.hear.segments import Segments
from agent.hear.turns import WINDOW_MS, Decision, Onset, Pause, Resumed, TurnTaken
from agent.model import Utterance


class Feed:
    """One call's."""

    def __init__(self, segments: Segments, so_far: Callable[[], Utterance | None]) -> None:
        """`so_far` is what the caller has said since the onset, that window included."""
        self._segments = segments
        self._so_far = so_far
        self._held: list[tuple[bytes, float]] = []
        self.speaking = False
        self._pausing = False

    @property
    def quiet(self) -> bool:
        """Between two utterances."""
        return not self.speaking and not self._pausing

    def hear(self, window: bytes, at_ms: float, decision: Decision | None) -> None:
        """Take the next window and what came of it."""
        match decision:
            case Onset():
                sound = self._so_far()
                if sound is not None:
                    self._segments.hear(sound.mulaw, at_ms + WINDOW_MS - sound.duration_ms)
                self.speaking = True
            case Pause():
                self._segments.hear(window, at_ms)
                self.speaking, self._pausing = False, True
            case Resumed():
                for silence in self._held:
                    self._segments.hear(*silence)
                self._held.clear()
                self._segments.hear(window, at_ms)
                self.speaking, self._pausing = True, False
            case TurnTaken():
                if self.speaking:
                    self._segments.hear(window, at_ms)
                self._held.clear()
                self._segments.close()
                self.speaking = self._pausing = False
            case _:
                if self.speaking:
                    self._segments.hear(window, at_ms)
                elif self._pausing:
                    self._held.append((window, at_ms))
