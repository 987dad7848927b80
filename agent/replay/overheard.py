"""The words of a stretch of sound, from what was understood of other stretches that overlap it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WHOLE = 0.85
"""An utterance that lies within the stretch by this share is taken with all its words: ends differ by a pause."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was understood, and when it was said: milliseconds on the call's clock."""

    start_ms: float
    end_ms: float
    text: str

    @property
    def spelled(self) -> str:
        """As a recording spells its time."""
        return f"{self.start_ms!r} {self.end_ms!r} "

    def overlap(self, start_ms: float, end_ms: float) -> float:
        """Of both together, the share that both have: 0 to 1."""
        shared = self._shared(start_ms, end_ms)
        return shared / max(max(self.end_ms, end_ms) - min(self.start_ms, start_ms), 1.0)

    def within(self, start_ms: float, end_ms: float) -> float:
        """The share of it that lies there."""
        return self._shared(start_ms, end_ms) / max(self.end_ms - self.start_ms, 1.0)

    def _shared(self, start_ms: float, end_ms: float) -> float:
        return max(min(self.end_ms, end_ms) - max(self.start_ms, start_ms), 0.0)

    def words(self, start_ms: float, end_ms: float) -> str:
        """Those that were said there; they are taken to last as long as they are written."""
        if self.within(start_ms, end_ms) >= WHOLE:
            return self.text
        said, at, words = max(len(self.text), 1), 0, []
        for word in self.text.split():
            middle = self.start_ms + (at + len(word) / 2) / said * (self.end_ms - self.start_ms)
            if start_ms <= middle < end_ms:
                words.append(word)
            at += len(word) + 1
        return " ".join(words)


def words_within(heard: Sequence[Heard], start_ms: float, end_ms: float) -> str:
    """The words said in that stretch: of the utterance that covers most of it, and of the others in what is left."""
    best = max(heard, key=lambda one: one.overlap(start_ms, end_ms), default=None)
    if best is None or not best.overlap(start_ms, end_ms):
        return ""
    words = best.words(start_ms, end_ms)
    before = words_within(_without(heard, best), start_ms, best.start_ms) if best.start_ms > start_ms else ""
    after = words_within(_without(heard, best), best.end_ms, end_ms) if best.end_ms < end_ms else ""
    return " ".join(text for text in (before, words, after) if text)


def _without(heard: Sequence[Heard], best: Heard) -> list[Heard]:
    """Those that do not have the same sound."""
    return [one for one in heard if not one.overlap(best.start_ms, best.end_ms)]
