"""What goes on in one leg of a call, moment by moment, for whoever watches it. Pure but for memory.

Told in one line where it happens, never on a frame's way. The newest moments are kept for those who come later, as the
bytes that are sent: a moment costs what it costs once, however many watch, and nobody who watches is waited for.
Numbers of cards are not in it, as far as what was said until then tells them: see `agent.keep.redact`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import msgspec

from agent.hear.turns import Decision, Onset, Pause, Resumed, TurnTaken
from agent.keep import redact
from agent.keep.clean import clean_text
from agent.keep.record import TurnTimes
from agent.model import BYTES_PER_MS
from agent.speak.ledger import Sentence, spoken_ms

MOST = 1000
"""Moments that are kept: some ten minutes of lively talk, 150 to 280 KB."""

PARTIALS = 8
"""Of one turn that are taken back, should its words be of a number."""

SIDE = 8
"""Texts of one side that are looked at together, for a number that is spread over them."""

STAGES = ("endpoint_ms", "heard_ms", "first_token_ms", "first_audio_ms")

LEGS = 1_000_000
"""Numbers of each leg: what was seen last of an earlier one is before all of a later one's, on whatever process."""

OPEN = 32
"""Pieces of the agent's words on their way, at most: those that were cut stay until others take their place."""

WORDS = {
    "partial": ("caller", "text"),
    "turn": ("caller", "text"),
    "say": ("agent", "text"),
    "keys": ("keys", "keys"),
}
"""Kinds with somebody's words: whose, and where."""

State = Literal["listening", "hearing", "thinking", "speaking"]

Fields = Mapping[str, Any]


@dataclass(slots=True)
class Moment:
    """One, as it is sent."""

    number: int
    data: bytes
    """A JSON object: at_ms, kind, and what belongs to the kind. See docs/console.md."""


@dataclass(slots=True)
class _Said:
    """Words, where they stand and as they were."""

    moment: Moment
    told: dict[str, Any]
    words: str
    before: list[_Said]
    """What was understood of them while they were being said, where that was told as well."""


class Feed:
    """One leg's. None of this is a checkpoint, and none raises."""

    def __init__(
        self,
        leg: int,
        now_ms: Callable[[], float],
        *,
        turn: Callable[[], int] = int,
        stages: Callable[[int], TurnTimes | None] = lambda _: None,
    ) -> None:
        """`now_ms` is the call's clock. `turn` is the number of the answer that words of the caller would get now;
        `stages` tells where the time of an answer went, by its number, once its first byte is sent."""
        self._clock = now_ms
        self._turn = turn
        self._stages = stages
        self._ring: deque[Moment] = deque(maxlen=MOST)
        self._last = leg * LEGS
        self._state = ""
        self._endpoint_ms: float | None = None
        self._said: dict[str, deque[_Said]] = {}
        """The last of each side."""
        self._partials: deque[_Said] = deque(maxlen=PARTIALS)
        """Of a turn that has not come yet."""
        self._staged = -1
        """The answer whose stages were told last: one that goes on behind a sound speaks again, and has no new ones."""
        self._pieces = 0
        self._open: deque[tuple[int, Sentence, str]] = deque(maxlen=OPEN)
        """Pieces of which it is not known yet whether they were heard."""
        self.news: Callable[[], object] = nobody
        """Told of every moment, where somebody watches. Not a checkpoint."""

    @property
    def now_ms(self) -> float:
        """The call's clock."""
        return self._clock()

    def tell(self, kind: str, **fields: Any) -> None:
        """This happens now."""
        told = {"at_ms": round(self.now_ms), "kind": kind, **fields}
        if kind in WORDS:
            self._put_words(*WORDS[kind], told)
        else:
            self._put(told)

    def decided(self, what: str, fields: Fields) -> None:
        """The call has decided this: see `decided` in nurseries."""
        match what, fields:
            case "turn", {"words": str(text), "begun_ms_ago": float(begun), "ended_ms_ago": float(ended)}:
                now, waited, self._endpoint_ms = self.now_ms, self._endpoint_ms, None  # typed words waited for none
                span = {"start_ms": round(now - begun), "end_ms": round(now - ended)}
                waited_ms = None if waited is None else round(waited)
                self.tell("turn", turn=self._turn(), text=text, **span, endpoint_ms=waited_ms)
            case "speaks", {"turn": int(turn)}:
                if turn != self._staged and (stages := self._stages(turn)) is not None:
                    self._staged = turn
                    self.tell("stage", turn=turn, **{name: getattr(stages, name) for name in STAGES})
            case "backchannel", {"words": str(words)}:
                self.tell(what, what=redact.text(words))
            case "silence", {"prompts": prompts}:
                self.tell(what, what=f"prompt {prompts}")
            case "tool", {"name": name}:
                self.tell(what, name=name)
            case (("keys" | "ending"), _):  # told with more, where that is known
                return
            case _:
                self.tell(what)

    def heard(self, decision: Decision) -> None:
        """The caller has begun, paused, gone on or finished."""
        match decision:
            case Onset():
                self.tell("vad", speech=True, since_ms=round(decision.began_ms))
            case Resumed():
                self.tell("vad", speech=True, since_ms=round(decision.at_ms))
            case Pause():
                self.tell("vad", speech=False, since_ms=round(decision.utterance.end_ms))
            case TurnTaken():
                self._endpoint_ms = max(decision.at_ms - decision.utterance.end_ms, 0.0)
                self.news()

    def says(self, sentence: Sentence, words: str) -> None:
        """Sound of these words of it goes to the line. How long they last is estimated until all of it is made."""
        made = sentence.made_bytes / BYTES_PER_MS if words == sentence.text else 0.0
        ms = made if made and sentence.all_made else max(made, spoken_ms(words))
        self._pieces += 1
        self._open.append((self._pieces, sentence, words))
        self.tell("say", turn=sentence.turn, piece=self._pieces, text=words, ms=round(ms), mark=sentence.mark)

    def played(self, sentence: Sentence) -> None:
        """The caller has heard all of it."""
        own = [(piece, words) for piece, of, words in self._open if of is sentence]
        self._open = deque((each for each in self._open if each[1] is not sentence), maxlen=OPEN)
        for piece, words in own:
            if words in sentence.text:  # else the voice broke off, and there is less of it than was told
                self.tell("mark", turn=sentence.turn, piece=piece)

    def cut(self, turn: int, heard: str, meant: str) -> None:
        """The caller has cut the agent short."""
        told = redact.text(meant)
        if told != meant and meant.startswith(heard):
            heard = redact.beginning(meant, len(heard))
        self.tell("cut", turn=turn, heard=redact.text(heard), meant=told)

    def look(self, state: State) -> None:
        """It is in this state now."""
        if state != self._state:
            self._state = state
            self.tell("state", state=state)

    @property
    def last(self) -> int:
        """The number of the newest."""
        return self._last

    def since(self, number: int) -> list[Moment]:
        """What is there behind this number, in order."""
        if number >= self._last or not self._ring:
            return []
        return list(islice(self._ring, max(number + 1 - self._ring[0].number, 0), None))

    def cursor(self, number: int) -> int:
        """Behind which number somebody is to be told who was last told this one, of whatever leg: before all that there
        is where nothing is known of it."""
        before = self._ring[0].number - 1 if self._ring else self._last
        return max(number, before) if number <= self._last else before

    def _put_words(self, side: str, name: str, told: dict[str, Any]) -> None:
        """Without numbers that are only known by what the side has said before."""
        before = self._said.setdefault(side, deque(maxlen=SIDE))
        was = told[name]
        texts = [*(each.words for each in before), was]
        clear = redact.texts(texts)
        if clear is not texts:
            told[name] = clear[-1]
            for each, now in zip(before, clear, strict=False):
                if each.told[name] != now:
                    _change(each, name, now)  # what comes now may tell that it was a part of one
        said = _Said(self._put(told), told, was, [])
        if told["kind"] == "partial":  # its words will come again
            self._partials.append(said)
            return
        if told["kind"] == "turn":
            said.before = [*self._partials]
            self._partials.clear()
            if told[name] != was:
                _change(said, name, told[name])
        before.append(said)

    def _put(self, fields: dict[str, Any]) -> Moment:
        self._last += 1
        moment = Moment(self._last, _encoded(fields))
        self._ring.append(moment)
        self.news()
        return moment


FEED: ContextVar[Feed | None] = ContextVar("FEED", default=None)
"""Of the call that a task belongs to."""


def seen(kind: str, **fields: Any) -> None:
    """Whoever watches the call that this task belongs to is told. Not a checkpoint."""
    if (feed := FEED.get()) is not None:
        feed.tell(kind, **fields)


def nobody() -> None:
    """Watches."""


def _change(said: _Said, name: str, words: str) -> None:
    said.told[name] = words
    said.moment.data = _encoded(said.told)
    for partial in said.before:
        if partial.told[name] == partial.words:  # nobody can tell what of a number is in it
            partial.told[name] = ""
            partial.moment.data = _encoded(partial.told)
    said.before = []


def _encoded(fields: Fields) -> bytes:
    try:
        return msgspec.json.encode(fields)
    except UnicodeEncodeError:  # half a character, as a model's stream may be cut into
        return msgspec.json.encode({k: clean_text(v) if isinstance(v, str) else v for k, v in fields.items()})
