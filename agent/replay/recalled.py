"""Answers from a recording for a call that may go another way: each ask is matched by what it asks, as near as can be.

The same ask gets the same answer, at the same distance in time. What was never asked gets what is nearest, and that is
counted as made up: `made_up` says what, and how often.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from agent.replay.events import Value
from agent.replay.overheard import Heard, words_within
from agent.replay.score import Ask, Score

LATER_S = 0.05
"""An answer that a cancellation forestalled comes so long after that, or later."""

USUAL_S = 0.3
"""For an answer of a kind that the recording has none of."""

CHARACTERS_PER_S = 15.0
"""A voice's, where the recording has none that spoke to its end."""

OVER = frozenset({"done", "error"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer, or its end."""

    at: float
    """On the recording's clock."""
    value: Any
    at_once: bool = False


@dataclass(slots=True)
class Answer:
    """What comes of an ask."""

    asked_at: float
    """On the recording's clock; pieces shift with the ask."""
    pieces: list[Piece] = field(default_factory=list)
    end: Piece | None = None
    """None: it never comes."""
    error: bool = False


@dataclass(slots=True)
class _Known:
    """One recorded ask."""

    ask: Ask
    used: bool = False

    @property
    def how(self) -> str:
        return self.ask.fed[-1].how if self.ask.fed else "cancelled"

    @property
    def took_s(self) -> float:
        return self.ask.times[-1] - self.ask.at if self.ask.times else 0.0


class Recalled:
    """One recording's answers."""

    def __init__(self, score: Score, rate: int) -> None:
        self.made_up: Counter[str] = Counter()
        self._rate = rate
        self._known: dict[str, list[_Known]] = defaultdict(list)
        for ask in score.asks:
            self._known[ask.asked.port].append(_Known(ask))
        self._values: dict[str, list[Value]] = defaultdict(list)
        for value in score.values:
            self._values[value.port].append(value)
        self._taken: Counter[tuple[str, str]] = Counter()
        self._blobs = score.blobs

    def ask(self, port: str, what: str, about: str) -> Answer:
        """The answer to this."""
        find = {"hear": self._hear, "think": self._think, "speak": self._speak, "tool": self._tool}.get(port)
        return find(what, about) if find is not None else self._other(port)

    def window(self) -> float:
        """The next window's probability of speech."""
        values = self._values["vad"]
        number = self._taken["vad", ""]
        self._taken["vad", ""] += 1
        if number < len(values):
            return float(values[number].value)
        self.made_up["windows without a voice"] += 1
        return 0.0

    def value(self, port: str, about: str) -> Any:
        """What was told: about this, else at this turn of its kind; what was told last holds on. None: nothing."""
        if port == "vad":
            return self.window()
        every = self._values[port]
        if not every and not about:
            return None
        if about:
            every = [value for value in every if value.about == about]
        number = self._taken[port, about]
        self._taken[port, about] += 1
        if number >= len(every) and port == "phrase":
            return None
        return every[min(number, len(every) - 1)].value if every else None

    # Each kind of ask.

    def _hear(self, what: str, _about: str) -> Answer:
        known = self._known["hear"]
        same = self._first(known, lambda ask: ask.asked.what == what)
        if same is not None and same.how in OVER:
            return self._as_it_was(same)
        start, end = _times(what)
        heard = [
            Heard(*_times(each.ask.asked.what), str(each.ask.fed[-1].value)) for each in known if each.how == "done"
        ]
        best = max(heard, key=lambda one: one.overlap(start, end), default=None)
        if heard and same is None:
            self.made_up["words of another utterance"] += 1
        elif same is not None:
            self.made_up["words that were not waited for"] += 1
        else:
            self.made_up["words of a sound that nobody understood"] += 1
        delay = self._usual("hear")
        if best is not None and best.overlap(start, end):
            near = next(e for e in known if e.how == "done" and e.ask.asked.what.startswith(best.spelled))
            delay = near.took_s
        return self._late(same, delay, words_within(heard, start, end))

    def _think(self, what: str, about: str) -> Answer:
        known = self._known["think"]
        same = self._first(known, lambda ask: ask.asked.what == what)
        if same is None:
            same = self._first(known, lambda ask: ask.asked.about == about and bool(about)) or self._first(known)
            self.made_up["replies to another prompt"] += 1
        if same is None:
            return self._after(self._usual("think"), {"says_goodbye": False, "calls": []}, "Yes.")
        if same.how in OVER:
            return self._as_it_was(same)
        self.made_up["ends of replies"] += 1
        return self._broken_off(same, {"says_goodbye": False, "calls": []}, [])

    def _speak(self, what: str, _about: str) -> Answer:
        known = self._known["speak"]
        same = self._first(known, lambda ask: ask.asked.what == what)
        same = same or next((each for each in reversed(known) if each.ask.asked.what == what), None)
        if same is not None and same.how in OVER:
            return self._as_it_was(same)
        text = what.partition(": ")[2]
        whole = round(len(text) / self._pace(known) * self._rate) * 2
        if same is None:
            self.made_up["sounds of texts that were not spoken"] += 1
            first = median([e.ask.times[0] - e.ask.at for e in known if len(e.ask.fed) > 1] or [USUAL_S])
            return Answer(0.0, [Piece(first, bytes(whole))], Piece(first, None))
        self.made_up["ends of sounds"] += 1
        made = sum(len(self._blobs[fed.value]) for fed in same.ask.fed if fed.how == "piece")
        rest = max(whole - made, 0)
        return self._broken_off(same, None, [bytes(rest)] if rest else [])

    def _tool(self, what: str, about: str) -> Answer:
        known = [each for each in self._known["tool"] if each.ask.asked.what == what]
        same = self._first(known, lambda ask: ask.asked.about == about)
        if same is None:
            self.made_up["tools that were asked for other things"] += 1
            same = self._first(known) or (known[-1] if known else None)
        if same is not None and same.how in OVER:
            return self._as_it_was(same)
        return self._late(same, self._usual("tool"), ["It is done.", None, {}])

    def _other(self, port: str) -> Answer:
        """By its turn; past the last one, as at the last."""
        known = self._known[port]
        same = self._first(known) or (known[-1] if known else None)
        if same is not None and same.how in OVER:
            return self._as_it_was(same)
        if port == "verdict":
            return Answer(0.0)
        value = True if port in {"ready", "hand over"} else None
        return self._late(same, self._usual(port) if known else 0.0, value)

    # What they share.

    @staticmethod
    def _first(known: list[_Known], which: Callable[[Ask], bool] = lambda _: True) -> _Known | None:
        """The first that was not used yet."""
        found = next((each for each in known if not each.used and which(each.ask)), None)
        if found is not None:
            found.used = True
        return found

    def _usual(self, port: str) -> float:
        return median([each.took_s for each in self._known[port] if each.how == "done"] or [USUAL_S])

    def _pace(self, known: list[_Known]) -> float:
        """Characters per second of this recording's voice."""
        letters = seconds = 0.0
        for each in known:
            if each.how == "done":
                letters += len(each.ask.asked.what.partition(": ")[2])
                sound = sum(len(self._blobs[fed.value]) for fed in each.ask.fed if fed.how == "piece")
                seconds += sound / 2 / self._rate
        return letters / seconds if letters and seconds else CHARACTERS_PER_S

    @staticmethod
    def _as_it_was(same: _Known) -> Answer:
        ask = same.ask
        made = [Piece(at, fed.value, fed.at_once) for fed, at in zip(ask.fed, ask.times, strict=True)]
        return Answer(ask.at, made[:-1], made[-1], error=same.how == "error")

    @staticmethod
    def _after(delay: float, value: Any, *pieces: Any) -> Answer:
        return Answer(0.0, [Piece(delay, piece) for piece in pieces], Piece(delay, value))

    @staticmethod
    def _late(same: _Known | None, delay: float, value: Any) -> Answer:
        """Where the same was cancelled once: not before that."""
        if same is None:
            return Answer(0.0, [], Piece(delay, value))
        at = same.ask.at + max(delay, same.took_s + LATER_S)
        return Answer(same.ask.at, [], Piece(at, value))

    @staticmethod
    def _broken_off(same: _Known, value: Any, rest: list[Any]) -> Answer:
        """As far as it came, then the rest at once."""
        ask = same.ask
        pieces = [
            Piece(at, fed.value, fed.at_once) for fed, at in zip(ask.fed, ask.times, strict=True) if fed.how == "piece"
        ]
        end = ask.at + same.took_s + LATER_S
        return Answer(ask.at, [*pieces, *(Piece(end, piece) for piece in rest)], Piece(end, value))


def _times(what: str) -> tuple[float, float]:
    """Of an utterance, as it is asked for."""
    start, end, *_ = what.split()
    return float(start), float(end)
