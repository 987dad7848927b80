"""What the caller has heard: audio sent and marks returned in, heard words out.

The carrier plays what we send in order and in real time, so every byte has a time at which it plays. A returned mark
proves it, our own `clear` refutes it, and the clock bounds both: nothing here waits for a mark for ever, and nothing
counts as heard that was not sent. All times are milliseconds on one clock of the caller's choice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agent.model import BYTES_PER_MS

MARK_GRACE_MS = 1000
"""How long after its time a mark may still come back before the clock is believed instead."""

MAX_LAG_MS = 500
"""The most that the way to the caller's ear is taken to delay; a mark later than this was late itself."""


ROUNDING = 0.5
"""Of a byte: times are sums of floats, and a whole sentence must not be taken for one that lacks its last word."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence, or the words of it that were heard before it was cut."""

    turn: int
    text: str
    start_ms: float
    end_ms: float
    interrupted: bool = False
    rest: str = ""
    """The words that were cut off."""
    played_ms: float = field(default=0.0, compare=False)
    """Of its sound; the gaps where sending fell behind left out."""
    source: object = field(default=None, compare=False)
    """What the sentence was opened with."""


@dataclass(slots=True, eq=False)
class Sentence:
    """One sentence on its way to the caller's ear. Only the ledger writes to it."""

    turn: int
    text: str
    mark: str
    sent_bytes: int = 0
    made_bytes: int = 0
    """Of its sound, sent or still waiting to be."""
    all_made: bool = False
    whole_ms: float = 0.0
    """What all of its sound lasts, where that is known better than from its letters."""
    all_sent: bool = False
    told: str = ""
    """Of its text, to whoever is told what is said."""
    source: object = None
    """What its sound comes from, for whoever wants to know what was heard of that."""
    spans: list[tuple[float, float]] = field(default_factory=list)
    """When its audio plays: (start, end), more than one where sending fell behind playing."""

    @property
    def end_ms(self) -> float:
        """When the last of what was sent of it plays."""
        return self.spans[-1][1]


class Ledger:
    """One call's account of audio sent and audio heard."""

    def __init__(
        self,
        says: Callable[[Sentence, str], object] = lambda _sentence, _words: None,
        played: Callable[[Sentence], object] = bool,
    ) -> None:
        """Told of a sentence are: `says`, its words when sound of them is about to go to the wire, and the rest where
        they become known later; `played`, when all of it was heard, as far as its mark or the clock tells. Not
        checkpoints."""
        self._says = says
        self._played = played
        self._open: list[Sentence] = []
        self._heard: list[Heard] = []
        self._end_ms = 0.0
        self._lag_ms = 0.0
        self._marks = 0

    @property
    def end_ms(self) -> float:
        """When the last byte sent so far has played."""
        return self._end_ms

    def playing(self, now_ms: float) -> bool:
        """Whether the caller hears us, or will hear what is on its way."""
        if now_ms < self._end_ms:
            return True
        return any(s.spans for s in self._open) and now_ms < self._end_ms + MARK_GRACE_MS

    def open(self, turn: int, text: str, source: object = None) -> Sentence:
        """A sentence is about to be sent, after all earlier ones."""
        self._marks += 1
        sentence = Sentence(turn, text, f"{turn}.{self._marks}", source=source)
        self._open.append(sentence)
        return sentence

    def forget(self, sentence: Sentence) -> None:
        """The sentence came to nothing: no sound of it was made."""
        if sentence in self._open:
            self._open.remove(sentence)

    def made(self, sentence: Sentence, length: int) -> None:
        """So much sound of the sentence is there to be sent; 0: that was all."""
        sentence.made_bytes += length
        sentence.all_made = sentence.all_made or not length

    def sent(self, sentence: Sentence, length: int, now_ms: float) -> None:
        """`length` bytes of the sentence go to the wire now."""
        if sentence.told != sentence.text:
            self._tell(sentence)
        start = max(now_ms, self._end_ms)
        self._end_ms = start + length / BYTES_PER_MS
        if sentence.spans and sentence.spans[-1][1] == start:
            start = sentence.spans.pop()[0]
        sentence.spans.append((start, self._end_ms))
        sentence.sent_bytes += length

    def marked(self, sentence: Sentence) -> None:
        """The sentence's mark goes to the wire: all of its audio is before it."""
        if sentence.told != sentence.text and sentence.spans:
            self._tell(sentence)
        sentence.all_sent = True

    def returned(self, mark: str, now_ms: float) -> None:
        """A mark came back. Marks of cleared audio come back too; they are of no sentence any more, and count for
        nothing."""
        for n, sentence in enumerate(self._open):
            if sentence.mark == mark and sentence.spans:
                self._lag_ms = min(max(now_ms - sentence.end_ms, 0.0), MAX_LAG_MS)
                for earlier in self._open[: n + 1]:
                    self._close(earlier)
                del self._open[: n + 1]
                if not any(later.spans for later in self._open):  # it was the last: all that was sent has played
                    self._end_ms = min(self._end_ms, now_ms)
                return

    def clear(self, now_ms: float) -> None:
        """The carrier was told to throw away what it has not played; what was not sent yet never will be."""
        for sentence in self._open:
            self._cut(sentence, now_ms - self._lag_ms)
        self._open.clear()
        self._end_ms = min(self._end_ms, now_ms)

    def settle(self, now_ms: float) -> None:
        """Believe the clock for sentences whose marks are overdue: they may never come."""
        while self._open and self._open[0].all_sent and self._open[0].end_ms + self._lag_ms <= now_ms:
            self._close(self._open.pop(0))

    def so_far(self, now_ms: float) -> list[Heard]:
        """What `take` would return if all were cut now; nothing is."""
        playing = [self._until(sentence, now_ms - self._lag_ms) for sentence in self._open if sentence.spans]
        return [*self._heard, *(heard for heard in playing if heard.text)]

    def waiting(self) -> list[tuple[str, object]]:
        """Texts and sources of what is on its way, also where a part of it was heard."""
        return [(sentence.text, sentence.source) for sentence in self._open]

    @property
    def first(self) -> str:
        """The mark of the first sentence that is on its way; empty: none is."""
        return self._open[0].mark if self._open else ""

    def rests(self, now_ms: float) -> list[tuple[str, object]]:
        """What is left to be heard of all that is on its way, with its sources; nothing is changed."""
        return [
            (self._until(sentence, now_ms - self._lag_ms).rest if sentence.spans else sentence.text, sentence.source)
            for sentence in self._open
        ]

    def take(self) -> list[Heard]:
        """What has been heard since the last time, in the order of playing."""
        heard, self._heard = self._heard, []
        return heard

    def _tell(self, sentence: Sentence) -> None:
        told, sentence.told = sentence.told, sentence.text
        if words := sentence.text.removeprefix(told).strip():
            self._says(sentence, words)

    def _close(self, sentence: Sentence) -> None:
        if sentence.spans:
            self._played(sentence)
            played = sentence.sent_bytes / BYTES_PER_MS
            start, end = sentence.spans[0][0], sentence.end_ms
            self._heard.append(
                Heard(sentence.turn, sentence.text, start, end, played_ms=played, source=sentence.source)
            )

    def _cut(self, sentence: Sentence, ear_ms: float) -> None:
        if not sentence.spans:
            self._heard.append(Heard(sentence.turn, "", ear_ms, ear_ms, True, sentence.text, 0.0, sentence.source))
            return
        cut = self._until(sentence, ear_ms)
        if cut.interrupted:
            self._heard.append(cut)
        else:
            self._close(sentence)

    def _until(self, sentence: Sentence, ear_ms: float) -> Heard:
        """A sentence, as far as it has been heard by a moment."""
        played = sum(max(0.0, min(end, ear_ms) - start) for start, end in sentence.spans)
        start = sentence.spans[0][0]
        if sentence.all_sent and played * BYTES_PER_MS >= sentence.sent_bytes - ROUNDING:
            end = sentence.end_ms
            return Heard(sentence.turn, sentence.text, start, end, played_ms=played, source=sentence.source)
        made = max(sentence.sent_bytes, sentence.made_bytes) / BYTES_PER_MS
        about = sentence.whole_ms or spoken_ms(sentence.text)
        whole = max(made, 0.0 if sentence.all_sent or sentence.all_made else about)
        words = cut_at_word(sentence.text, played / whole if whole else 0.0)
        rest = sentence.text[len(words) :].strip()
        return Heard(sentence.turn, words, start, max(start, ear_ms), True, rest, played, sentence.source)


def spoken_ms(text: str) -> float:
    """About how long a text takes to say: 15 characters a second, the rate of the voices in use here."""
    return len(text) * 1000 / 15


def cut_at_word(text: str, share: float) -> str:
    """The whole words within the first `share` (0 to 1) of a text."""
    if share >= 1:
        return text
    length = int(len(text) * max(share, 0.0))
    if length < len(text) and not text[length].isspace():
        length = max(text.rfind(" ", 0, length + 1), 0)
    return text[:length].rstrip()
