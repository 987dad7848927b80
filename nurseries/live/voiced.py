"""A line that a realtime model speaks itself: its sound and its words as they come in, how much of it was heard.

Filled by the mind, played by the speech, told by the memory what was heard. A hold rewinds it: what was made already is
not asked for again.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from trio.lowlevel import ParkingLot

from agent.model import BYTES_PER_MS
from agent.speak.ledger import cut_at_word, spoken_ms

LONGEST_WORD_MS = 800.0
"""Of sound that is played once more, at most."""


class Voiced:
    """One line. None of its methods is a checkpoint."""

    def __init__(self, settled: Callable[[Voiced], None]) -> None:
        """`settled` is told once that nothing more of the line will be played."""
        self.text = ""
        self.sound = bytearray()
        """Mu-law, as far as it is made."""
        self.done = False
        """No more of it will come."""
        self.broken = False
        """More of it was to come."""
        self.known = True
        """Its model knows that it has said this: what was heard of it needs no telling."""
        self.heard_ms = 0.0
        """Of its sound, by the caller."""
        self.news = ParkingLot()
        self._settled = settled
        self._position = 0
        self._words = 0
        """Characters of the text that have been heard."""
        self._is_settled = False
        self._has_all_sound = self._has_all_words = False

    @property
    def waiting(self) -> int:
        """Bytes that are made and not played yet."""
        return len(self.sound) - self._position

    @property
    def whole(self) -> bool:
        """All of it is here."""
        return self.done or (self._has_all_sound and self._has_all_words)

    @property
    def over(self) -> bool:
        """All of it was heard."""
        return self.done and self.heard_ms * BYTES_PER_MS >= len(self.sound)

    @property
    def unheard(self) -> bool:
        """Not one word of it was."""
        return not self.heard_ms or (bool(self.text) and not self._words)

    @property
    def rest(self) -> str:
        """The words that were not heard."""
        return self.text[self._words :].strip()

    @property
    def rest_ms(self) -> float:
        """About how long its sound is from there on, whether it is made or not."""
        return self._whole_ms - self.heard_ms

    @property
    def _whole_ms(self) -> float:
        made_ms = len(self.sound) / BYTES_PER_MS
        return made_ms if self.done or self._has_all_sound else max(made_ms, spoken_ms(self.text))

    def told(self, words: str) -> None:
        """More of its words."""
        self.text += words
        self.news.unpark_all()

    def hear(self, sound: bytes) -> None:
        """More of its sound."""
        if not self._is_settled:
            self.sound += sound
        self.news.unpark_all()

    def all_words(self, words: str) -> None:
        """These are its words, all of them."""
        self.text, self._has_all_words = words or self.text, True
        self.news.unpark_all()

    def all_sound(self) -> None:
        """No more sound of it will come."""
        self._has_all_sound = True
        self.news.unpark_all()

    def cut_short(self) -> None:
        """What was told to be all of its sound, and of its words, was not all that was to be."""
        self._has_all_sound = self._has_all_words = False

    def end(self) -> None:
        """That was all of it."""
        self.done = True
        self.news.unpark_all()

    def break_off(self, ms_per_character: float) -> None:
        """No more of it will come, and where its sound is not complete, somebody else says the rest. So words of which
        not all the sound is there do not count, and what there is of it is not played."""
        if not self.done and not self._has_all_sound:
            self.broken = True
            made = len(self.sound) / BYTES_PER_MS
            self.text = cut_at_word(self.text, made / max(len(self.text) * ms_per_character, 1))
            end = ceil(len(self.text) * ms_per_character) * BYTES_PER_MS
            del self.sound[max(end, self._position) :]
        self.end()

    @property
    def pace(self) -> float:
        """Milliseconds a character."""
        return len(self.sound) / BYTES_PER_MS / max(len(self.text), 1)

    def take(self, most: int) -> bytes:
        """What is made and not played yet, at most so many bytes."""
        sound = bytes(self.sound[self._position : self._position + most])
        self._position += len(sound)
        return sound

    def rewind(self) -> None:
        """Play on from the word that was last cut, as far as its place in the sound can be told: an ear knows a word by
        its beginning."""
        share = self._words / max(len(self.text), 1)
        made_ms = len(self.sound) / BYTES_PER_MS
        self.heard_ms = min(self.heard_ms, max(share * self._whole_ms, self.heard_ms - LONGEST_WORD_MS), made_ms)
        self._position = int(self.heard_ms * BYTES_PER_MS)

    def heard(self, words: str, played_ms: float) -> None:
        """The caller has heard more of it."""
        self.heard_ms += played_ms
        at = self.text.find(words, self._words)
        self._words = at + len(words) if at >= 0 else self._words

    def settle(self) -> None:
        """Nothing more of it will be played. Its sound is let go: a call may have spoken for ten minutes."""
        if not self._is_settled:
            self._is_settled = True
            self._settled(self)
            self.sound = bytearray()
