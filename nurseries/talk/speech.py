"""What the agent says in one turn: sentences in, sound out, in order; held, it goes on from the word it was cut at.
In one file: sentences that are made, held and said are one queue.

Run by the turn. To hold is to cancel the sentence that is being made and to put back what the caller has not heard;
whoever holds clears the outbox first, in the same step. Over when the last sentence has been heard, not when it was
sent, so that an interruption always finds the turn that it interrupts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import trio
from trio.lowlevel import ParkingLot

from agent.errors import Fault, ProviderError
from agent.speak.cache import AudioCache, Key
from agent.speak.clips import Clip
from agent.speak.ledger import Heard
from agent.speak.plain import speakable
from agent.speak.ports import Voice
from agent.speak.telephone import Telephone
from nurseries.line.outbox import INTERJECTION, Outbox, Track
from nurseries.live.voiced import Voiced

NEVER = float("inf")

Words = str | Clip | Voiced
"""A text to be made into sound, sound that is there already, or sound that is being made."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A stage did not deliver."""

    stage: str
    fault: Fault
    detail: str


@dataclass(frozen=True, slots=True)
class Manner:
    """With whose voice, in which language, and how long a piece of sound may take to come, in seconds."""

    voice: Voice
    cache: AudioCache
    name: str
    language: str
    limit_s: float

    @property
    def speaker(self) -> str:
        """Who says it: what else would sound differently."""
        return f"{self.voice.name}/{self.name}/{self.language}"


class Speech:
    """One turn's words on their way to the caller."""

    def __init__(self, outbox: Outbox, turn: int, manner: Manner, *, held: bool = False) -> None:
        self._outbox = outbox
        self.turn = turn
        self._manner = manner
        self._track: Track = outbox.open(turn)
        self._pending: deque[Words] = deque()
        self._complete = False
        self._current: Words | None = None
        self._begun = False
        self._scope: trio.CancelScope | None = None
        self._let_go = NEVER
        self._changed = ParkingLot()
        self._lines: list[Voiced] = []
        """Those begun, and not settled yet."""
        self.held = held
        """The caller speaks, or has spoken and it is not known yet whether that was a turn."""
        self.spoke = False
        """A sentence has been queued whole."""
        self._first_sent_ms: float | None = None
        self.delayed = held
        """By the caller, who made a sound before there was any of it."""

    @property
    def first_sent_ms(self) -> float | None:
        """When its first byte went to the socket, on the call's clock; fillers left aside."""
        return self._track.first_sent_ms if self._first_sent_ms is None else self._first_sent_ms

    @property
    def complete(self) -> bool:
        """All that will be said is here."""
        return self._complete

    @property
    def said_all(self) -> bool:
        """Nothing is left but for the last of it to be heard."""
        return self._complete and not self._pending and self._current is None

    def add(self, *sentences: Words) -> None:
        """Say these after the others. Not a checkpoint."""
        self._pending.extend(sentences)
        self._complete = False
        self._changed.unpark_all()

    def instead(self, *sentences: Words) -> None:
        """Say these, and nothing of what has not been begun. Not a checkpoint."""
        for line in self._pending:
            if isinstance(line, Voiced):
                line.settle()
        self._pending.clear()
        self.add(*sentences)

    def finish(self) -> None:
        """No more sentences will come: `run` returns once all have been heard. Not a checkpoint."""
        self._complete = True
        self._changed.unpark_all()

    def hold(self, cut: Iterable[Heard]) -> None:
        """Fall silent. `cut` is what the ledger tells was cut off, in order, and will be said from there on; a clip
        from its beginning, for it needs no voice. Not a checkpoint."""
        self._note_first()
        self.delayed = self.delayed or self.first_sent_ms is None
        back = [heard.source if isinstance(heard.source, (Voiced, Clip)) else heard.rest for heard in cut]
        if self._current is not None and not self._begun:
            back.append(self._current)
        self._pending.extendleft(reversed(back))
        self._current = None
        self.held, self._let_go = True, NEVER
        if self._scope is not None:
            self._scope.cancel("held")
        self._changed.unpark_all()

    def close(self) -> None:
        """Nothing more will be said, nor heard. Not a checkpoint."""
        self._note_first()
        for line in (*self._lines, *self._pending):
            if isinstance(line, Voiced):
                line.settle()

    def unheard(self) -> list[tuple[str, object]]:
        """Texts of all that the caller has not heard to its end, in order, and what each is made of. Not a
        checkpoint."""
        queued = [] if self._current is None or self._begun else [self._current]
        return self._outbox.ledger.waiting() + [(_text(words), words) for words in (*queued, *self._pending)]

    def left(self) -> list[str]:
        """Texts of what has not been begun, in order. Not a checkpoint."""
        current = [] if self._current is None or self._begun else [self._current]
        left = (words.rest if isinstance(words, Voiced) else _text(words) for words in (*current, *self._pending))
        return [text for text in left if text]

    def let_go_at(self, when: float) -> None:
        """While held: go on by yourself at this time, on trio's clock. Not a checkpoint."""
        self._let_go = when
        self._changed.unpark_all()

    def go_on(self) -> None:
        """Speak on, from the word that was cut. Not a checkpoint."""
        self.held = False
        self._changed.unpark_all()

    def interject(self, clip: Clip) -> bool:
        """Say this now, before what is being made; not in the middle of a sentence. Not a checkpoint."""
        if self.held or (self._current is not None and self._begun):
            return False
        self._live().say_now(clip.text, clip.mulaw, INTERJECTION)
        return True

    async def free(self) -> None:
        """Wait until it is not held. Always a checkpoint."""
        await trio.lowlevel.checkpoint()
        while self.held:
            await self._changed.park()

    async def run(self) -> Failure | None:
        """Say everything; returns when the last of it has been heard, or with the failure of the voice."""
        while True:
            if self.held:
                await self._wait_held()
            elif self._pending:
                failure = await self._say_next()
                if failure is not None:
                    return failure
            elif not self._complete:
                await self._changed.park()
            elif await self._all_heard():
                return None

    async def _wait_held(self) -> None:
        with trio.move_on_at(self._let_go) as patience:
            await self._changed.park()
        if patience.cancelled_caught and self.held:
            self.go_on()

    async def _all_heard(self) -> bool:
        with trio.CancelScope() as self._scope:
            await self._outbox.heard()
        self._scope = None
        self._note_first()
        return not self.held and not self._pending

    async def _say_next(self) -> Failure | None:
        self._current, self._begun = self._pending.popleft(), False
        failure = None
        with trio.CancelScope() as self._scope:
            failure = await self._say(self._current)
        self._scope = None
        self._current = None
        self._note_first()
        return failure

    async def _say(self, words: Words) -> Failure | None:
        if isinstance(words, Voiced):
            await self._relay(words)
            return None
        if isinstance(words, Clip):
            await self._play(words.text, words.mulaw, words)
            return None
        text = speakable(words)
        if not text:
            await trio.lowlevel.checkpoint()
            return None
        manner = self._manner
        key = manner.cache.key(text, manner.speaker, f"mulaw-8000/{manner.voice.rate}")
        known = manner.cache.get(key)
        if known is not None:
            await self._play(text, known)
            return None
        return await timed("speak", manner.limit_s, lambda idle: self._synthesise(text, key, idle))

    async def _play(self, text: str, mulaw: bytes, source: object = None) -> None:
        await trio.lowlevel.checkpoint()
        track = self._live()
        self._begun = True
        track.begin(text, source)
        await track.say(mulaw)
        track.end()
        self.spoke = True

    async def _relay(self, line: Voiced) -> None:
        """As it comes in; what was heard of it already is not said again. Little of it is queued, for what is queued
        cannot be taken back where the line breaks off."""
        if line not in self._lines:
            self._lines.append(line)
        await trio.lowlevel.checkpoint()
        track, size = self._live(), self._outbox.message_bytes
        line.rewind()
        while True:
            if not self._begun and line.waiting >= (1 if line.done else size):
                self._begun = True
                track.begin(line.rest, line)
            if self._begun and line.waiting:
                track.retell(line.rest, line.rest_ms)
                await track.say(line.take(size))
                await self._outbox.room(track, size)
            elif line.done:
                break
            else:
                await line.news.park()
        if not self._begun:
            return
        track.retell(line.rest, line.rest_ms)
        track.end()
        self.spoke = True

    async def _synthesise(self, text: str, key: Key, idle: Idle) -> None:
        manner = self._manner
        line = Telephone(manner.voice.rate)
        spoken = bytearray()
        track = self._live()

        async def play(mulaw: bytes, *, last: bool = False) -> None:
            spoken.extend(mulaw)
            if not self._begun:  # not before there is sound enough to be sent: until then something else may be said
                if not spoken or (len(spoken) < self._outbox.message_bytes and not last):
                    idle.wait()
                    return
                self._begun = True
                track.begin(text)
                mulaw = bytes(spoken)
            idle.rest()
            await track.say(mulaw)
            idle.wait()

        async def emit(chunk: bytes) -> None:
            await play(line.feed(chunk))

        try:
            own = await manner.voice.synthesise(text, emit, voice=manner.name, language=manner.language)
            await play(line.finish(), last=True)
        except BaseException:
            track.break_off()
            raise
        if not spoken:
            raise ProviderError(manner.voice.name, "speak", Fault.BROKEN, "no sound for a text")
        track.end()
        self.spoke = True
        if own is not False:
            manner.cache.put(key, bytes(spoken))

    def _live(self) -> Track:
        """The way out; a new one where a hold has closed the last."""
        self._note_first()
        if not self._track.live:
            self._track = self._outbox.open(self.turn)
        return self._track

    def _note_first(self) -> None:
        self._first_sent_ms = self.first_sent_ms


def _text(words: Words) -> str:
    return speakable(words) if isinstance(words, str) else words.text


class Idle:
    """A deadline that runs only while a provider is waited for, not while it waits for us."""

    def __init__(self, scope: trio.CancelScope, limit_s: float) -> None:
        self._scope = scope
        self._limit_s = limit_s
        self.wait()

    def wait(self) -> None:
        self._scope.deadline = trio.current_time() + self._limit_s

    def rest(self) -> None:
        self._scope.deadline = NEVER


async def timed(stage: str, limit_s: float, work: Callable[[Idle], Awaitable[None]]) -> Failure | None:
    """Do it; a provider's error, or `limit_s` without anything from it, is a value."""
    with trio.CancelScope() as scope:
        try:
            await work(Idle(scope, limit_s))
        except ProviderError as error:
            return Failure(stage, error.fault, error.detail)
    if scope.cancelled_caught:
        return Failure(stage, Fault.TIMEOUT, f"nothing for {limit_s:g} s")
    return None
