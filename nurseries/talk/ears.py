"""Transcribes: pauses and turns in, words out. One of the call's children, with a runner of its own.

Transcription begins with a pause, not with the end of the turn, and is thrown away where the caller speaks on; how
often that may happen in one utterance is capped, and it is counted. What nobody could transcribe yet stays and is heard
with the next turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import structlog
import trio

from agent.errors import Fault, ProviderError
from agent.hear.ports import HEARING_RATE, Recogniser
from agent.hear.turns import Lasting, Pause, TurnTaken
from agent.model import Utterance
from nurseries.runner import Runner
from nurseries.talk.speech import Failure

log = structlog.get_logger(__name__)

LOOK_MS = 3000.0
"""More of an utterance, and it is looked into again, past all early transcriptions: it may be a noise with gaps."""

LONGEST_UNHEARD_MS = 120_000
"""Sound that no recogniser has taken yet, at most: a noisy line whose every transcription is interrupted must not make
the next one ever longer."""


@dataclass(frozen=True, slots=True)
class Words:
    """What was understood."""

    text: str
    utterance: Utterance
    speech_ms: float
    """Speech in the latest utterance, without its pauses."""
    final: bool
    """The turn is over; else the caller has only paused, or speaks on."""
    pausing: bool = True
    """The caller is silent."""
    failure: Failure | None = None
    typed: bool = False
    """They were not spoken."""


@dataclass(slots=True)
class _Sound:
    utterance: Utterance
    speech_ms: float
    text: str | None = None
    """Once it is known."""
    taken: bool = False
    """It has become the turn's."""
    pausing: bool = True
    """The caller is silent since; else its words are not all of the turn's."""
    looks: bool = False
    """It is to be known what it is, even if the caller speaks on."""
    began: float = field(default_factory=trio.current_time)


class Ears:
    """One call's listener."""

    def __init__(
        self, recogniser: Recogniser, language: str, *, limit_s: float, early: int, understood: Callable[[Words], None]
    ) -> None:
        self._recogniser = recogniser
        self._language = language
        self._limit_s = limit_s
        self._most_early = early
        self._understood = understood
        self._runner = Runner()
        self._sound: _Sound | None = None
        self._early_here = 0
        self._looked_ms = 0.0
        """How long the utterance was when it was last looked into while it went on."""
        self.unheard: list[Utterance] = []
        self.early = 0
        """Transcriptions begun at a pause."""
        self.discarded = 0
        """Those of them that were for nothing, because the caller went on."""

    @property
    def busy(self) -> bool:
        """Words of a turn are on their way."""
        return self._sound is not None and self._sound.taken

    def paused(self, pause: Pause | Lasting) -> None:
        """The caller is silent, or has been speaking for long: see what it is. Not a checkpoint."""
        sound = self._sound
        if sound is not None and sound.looks and not sound.pausing and sound.text is None:
            return  # it is being looked into already
        looks = isinstance(pause, Lasting) or pause.utterance.duration_ms >= self._looked_ms + LOOK_MS
        if not looks and self._early_here >= self._most_early:
            if self._sound is not None and not self._sound.taken:
                self._forget("more has been said since")
            return
        if looks:
            self._looked_ms = pause.utterance.duration_ms
        else:
            self._early_here += 1
        self.early += 1
        self._listen(_Sound(pause.utterance, pause.speech_ms, pausing=isinstance(pause, Pause), looks=looks))

    def resumed(self) -> None:
        """The caller speaks on. Not a checkpoint."""
        if self._sound is None or self._sound.taken:
            return
        if self._sound.looks:
            self._sound.pausing = False
        else:
            self._forget("the caller speaks on")

    def taken(self, turn: TurnTaken) -> None:
        """The turn is over: its words will be told, once, as final. Not a checkpoint."""
        self._early_here, self._looked_ms = 0, 0.0
        self._keep(turn.utterance)
        sound = self._sound
        if sound is None or not turn.paused or sound.taken or not sound.pausing:
            self._listen(_Sound(turn.utterance, turn.speech_ms, taken=True))
            return
        sound.taken = True
        if sound.text is not None:
            self._done(sound)

    async def run(self) -> None:
        """Listen until cancelled."""
        await self._runner.run()

    def left(self, speaking: Utterance | None) -> list[Utterance]:
        """What has not been understood when the call ends, the caller's last sound included."""
        return [*self.unheard, *([speaking] if speaking is not None else [])]

    def _keep(self, utterance: Utterance) -> None:
        self.unheard.append(utterance)
        while len(self.unheard) > 1 and sum(u.duration_ms for u in self.unheard) > LONGEST_UNHEARD_MS:
            dropped = self.unheard.pop(0)
            log.warning("sound dropped unheard", ms=round(dropped.duration_ms))

    def _forget(self, reason: str) -> None:
        self._runner.drop(reason)
        self._sound = None
        self.discarded += 1

    def _listen(self, sound: _Sound) -> None:
        before = self._sound
        if before is not None and before.taken and trio.current_time() > before.began + self._limit_s:
            # It took too long already; with more sound it would again.
            self.unheard = self.unheard[-1:] if sound.taken else []
        self._sound = sound
        self._runner.replace(partial(self._transcribe, sound), "other sound")

    async def _transcribe(self, sound: _Sound) -> None:
        before = self.unheard[:-1] if sound.taken else list(self.unheard)
        whole = joined([*before, sound.utterance])
        limit = self._limit_s + whole.duration_ms / 1000 * HEARING_RATE
        failure = None
        text = ""
        with trio.move_on_after(limit) as scope:
            try:
                text = await self._recogniser.transcribe(whole, self._language)
            except ProviderError as error:
                failure = Failure("hear", error.fault, error.detail)
        if scope.cancelled_caught:
            failure = Failure("hear", Fault.TIMEOUT, f"nothing for {limit:g} s")
            if sound.taken:
                del self.unheard[:-1]  # once more with what follows, but not ever longer
        if self._sound is not sound:
            return
        if failure is not None:
            self._sound = None
            if sound.taken:
                self._understood(Words("", whole, sound.speech_ms, final=True, failure=failure))
            return
        sound.text, sound.utterance = text, whole
        if sound.taken:
            self._done(sound)
        else:
            self._understood(Words(text, whole, sound.speech_ms, final=False, pausing=sound.pausing))

    def _done(self, sound: _Sound) -> None:
        self._sound = None
        self.unheard.clear()
        self._understood(Words(sound.text or "", sound.utterance, sound.speech_ms, final=True))


def joined(utterances: list[Utterance]) -> Utterance:
    """Several as one: the words of all that the caller said and nobody has transcribed yet."""
    return Utterance(b"".join(u.mulaw for u in utterances), utterances[0].start_ms, utterances[-1].end_ms)


async def understand(whole: Utterance, recogniser: Recogniser, language: str, limit_s: float) -> str | None:
    """The words of what a call's end left unheard; "" for a sound without any, None where they are not to be had in
    time."""
    try:
        with trio.move_on_after(limit_s):
            return await recogniser.transcribe(whole, language)
    except ProviderError as error:
        log.warning("last words not understood", error=str(error))
    return None
