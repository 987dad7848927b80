"""Lifetime 3: one reply. Words are heard, thought about and spoken, three stages that overlap.

Run by the runner, which cancels it when the caller barges in. Its two children: the thinker cuts the model's
stream into sentences, the speaker turns each into sound as it completes, so that the next one is made while the first
plays. A failing or stalled provider is a value here (a `Failure`), never an exception, and is spoken about.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

import structlog
import trio

from agent.errors import Fault, ProviderError
from agent.speak.cache import AudioCache
from agent.speak.clips import Clip
from agent.speak.plain import speakable
from agent.speak.ports import Voice
from agent.speak.sentences import Sentences
from agent.speak.telephone import Telephone
from agent.think.ports import LanguageModel, Prompt, Reply
from nurseries.outbox import Track

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """A stage did not deliver."""

    stage: str
    fault: Fault
    detail: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to the first piece of a stage's output and between two pieces."""

    think_s: float
    speak_s: float


@dataclass(slots=True)
class Outcome:
    """What became of a reply."""

    reply: Reply = field(default_factory=Reply)
    spoke: bool = False
    thought_out: bool = False
    """The model has said all that it wanted to; what is left is only to be spoken."""
    unsaid: list[str] = field(default_factory=list)
    """Sentences of a fixed text that have not been begun."""
    failure: Failure | None = None
    first_token_at: float | None = None


async def speak_text(
    sentences: trio.MemoryReceiveChannel[str],
    track: Track,
    voice: Voice,
    cache: AudioCache,
    limits: Limits,
    outcome: Outcome,
) -> None:
    """Say each sentence that comes, until the channel ends or the voice fails."""
    with sentences:
        async for sentence in sentences:
            del outcome.unsaid[:1]
            text = speakable(sentence)
            if not text:
                continue
            failure = await _timed("speak", limits.speak_s, partial(_say, text, track, voice, cache))
            if failure is not None:
                outcome.failure = failure
                return
            outcome.spoke = True


async def reply(
    prompt: Prompt,
    track: Track,
    model: LanguageModel,
    voice: Voice,
    cache: AudioCache,
    limits: Limits,
    outcome: Outcome,
) -> None:
    """Think and speak at once; returns when the last sentence is queued, not when it has been heard.

    Cancelled, it leaves in the outcome what was reached.
    """
    send, receive = trio.open_memory_channel[str](1)
    async with trio.open_nursery() as nursery:

        async def speak() -> None:
            await speak_text(receive, track, voice, cache, limits, outcome)
            nursery.cancel_scope.cancel("the voice is done")  # a failed one must not wait for the model's last word

        nursery.start_soon(speak, name="speak")
        nursery.start_soon(_think, prompt, send, model, limits, outcome, name="think")


async def say(text: str, track: Track, voice: Voice, cache: AudioCache, limits: Limits, outcome: Outcome) -> None:
    """Speak a fixed text, such as the greeting. Cancelled, it leaves in the outcome what was not begun."""
    cutter = Sentences()
    sentences = [*cutter.feed(text), *cutter.finish()]
    outcome.unsaid, outcome.thought_out = list(sentences), True
    send, receive = trio.open_memory_channel[str](len(sentences))
    with send:
        for sentence in sentences:
            send.send_nowait(sentence)
    await speak_text(receive, track, voice, cache, limits, outcome)


async def say_clip(clip: Clip, track: Track) -> None:
    """Speak a packaged recording: the words for when no voice is to be had."""
    track.begin(clip.text)
    await track.say(clip.mulaw)
    track.end()


async def _think(
    prompt: Prompt,
    sentences: trio.MemorySendChannel[str],
    model: LanguageModel,
    limits: Limits,
    outcome: Outcome,
) -> None:
    cutter = Sentences()

    async def think(idle: _Idle) -> None:
        async def emit(piece: str) -> None:
            idle.rest()
            if outcome.first_token_at is None and piece:
                outcome.first_token_at = trio.current_time()
            for sentence in cutter.feed(piece):
                await sentences.send(sentence)
            idle.wait()

        outcome.reply = await model.reply(prompt, emit)
        idle.rest()
        for sentence in cutter.finish():
            await sentences.send(sentence)

    with sentences:
        try:
            failure = await _timed("think", limits.think_s, think)
        except trio.BrokenResourceError:
            return  # the voice has failed, and closed its end
    outcome.failure = failure or outcome.failure
    outcome.thought_out = failure is None


async def _say(text: str, track: Track, voice: Voice, cache: AudioCache, idle: _Idle) -> None:
    track.begin(text)
    key = cache.key(text, voice.name, f"mulaw-8000/{voice.rate}")
    known = cache.get(key)
    if known is not None:
        idle.rest()
        await track.say(known)
        track.end()
        return
    line = Telephone(voice.rate)
    spoken = bytearray()

    async def play(mulaw: bytes) -> None:
        idle.rest()
        spoken.extend(mulaw)
        await track.say(mulaw)
        idle.wait()

    async def emit(chunk: bytes) -> None:
        await play(line.feed(chunk))

    try:
        await voice.synthesise(text, emit)
        await play(line.finish())
    except BaseException:
        track.break_off()
        raise
    track.end()
    if not spoken:
        raise ProviderError(voice.name, "speak", Fault.BROKEN, "no sound for a text")
    cache.put(key, bytes(spoken))


class _Idle:
    """A deadline that runs only while a provider is waited for, not while it waits for us."""

    def __init__(self, scope: trio.CancelScope, limit_s: float) -> None:
        self._scope = scope
        self._limit_s = limit_s
        self.wait()

    def wait(self) -> None:
        self._scope.deadline = trio.current_time() + self._limit_s

    def rest(self) -> None:
        self._scope.deadline = float("inf")


async def _timed(stage: str, limit_s: float, work: Callable[[_Idle], Awaitable[None]]) -> Failure | None:
    with trio.CancelScope() as scope:
        try:
            await work(_Idle(scope, limit_s))
        except ProviderError as error:
            return Failure(stage, error.fault, error.detail)
    if scope.cancelled_caught:
        return Failure(stage, Fault.TIMEOUT, f"nothing for {limit_s:g} s")
    return None
