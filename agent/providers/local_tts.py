"""Speakable English in, 24 kHz speech out, on this machine: hibari (Apache-2.0) in a thread, loaded once for all calls.

The same text gives the same bytes, always. About 10 ms of computing for a second of speech.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import trio
from numpy.typing import NDArray

from agent.errors import ConfigError, Fault, ProviderError
from agent.model import Emit
from agent.providers.bundled import find

RATE = 24000
BEFORE_MS, AFTER_MS, RAMP_MS = 20, 100, 5
"""Silence kept around each piece, of the 320 ms and 490 ms that hibari puts there, and the ramps at the cuts."""
PAUSE_MS = 200
"""More silence between two sentences of one text."""
AUDIBLE = 0.03
"""Of the loudest sample: quieter ends are silence."""
SILENT = 0.01
"""A piece whose loudest sample is below this (speech is at 0.2 to 0.5) holds no speech; a lone "?" does that."""
LONGEST = 160
"""Characters synthesised at once: some 10 s of speech, 0.1 s of computing. It bounds the wait for the first sound."""
CHUNK_BYTES = RATE // 5 * 2
"""200 ms."""

_LONG_NUMBER = re.compile(r"\d{10,}|(?:\d,?){16,}")
"""A phone number, read digit by digit; and hibari cannot count beyond 36 digits."""
_CLAUSE_END = re.compile(r"[,;:—)]\s")


class Engine(Protocol):
    """What is used of hibari's `Hibari`. Called in threads, several at once."""

    def __call__(self, text: str, *, seed: int) -> NDArray[np.float32]: ...
    def split_sentences(self, text: str) -> list[str]: ...


class LocalVoice:
    """The `Voice` that needs no credentials."""

    rate = RATE

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        # One core stays with the event loop; a model's run keeps its thread busy all the time.
        self._limiter = trio.CapacityLimiter(max(1, (os.cpu_count() or 1) - 1))

    @property
    def name(self) -> str:
        return self._name

    async def synthesise(
        self,
        text: str,
        emit: Emit[bytes],
        *,
        voice: str = "",  # noqa: ARG002  there is one voice
        language: str = "",  # noqa: ARG002  and one language
    ) -> None:
        """See `Voice`. Characters the voice has no sound for are left out; where that leaves nothing of some words,
        ProviderError. Cancelled, it returns at once; its thread ends 0.1 s later."""
        spoken, pause = False, b""
        for piece in pieces(text, self._engine):
            try:
                pcm = await trio.to_thread.run_sync(self._speech, piece, limiter=self._limiter, abandon_on_cancel=True)
            except Exception as error:
                raise ProviderError("local", "speech", Fault.BROKEN, f"{type(error).__name__}: {error}") from error
            if pcm and pause:
                await emit(pause)
            for at in range(0, len(pcm), CHUNK_BYTES):
                await emit(pcm[at : at + CHUNK_BYTES])
            spoken = spoken or bool(pcm)
            pause = bytes(PAUSE_MS * RATE // 1000 * 2) if pcm and piece.endswith((".", "!", "?")) else b""
        if not spoken and any(character.isalnum() for character in text):
            raise ProviderError("local", "speech", Fault.REFUSED, "the voice has no sound for this text")

    def _speech(self, piece: str) -> bytes:
        return trimmed(self._engine(piece, seed=0))


def load_voice() -> LocalVoice:
    """Load the voice; takes about a second. Raises ConfigError where hibari is not installed."""
    if find("hibari") is None:
        raise ConfigError(
            ("no local voice is installed: install the `local` extra (pip install 'calling-agent[local]')",)
        )
    import hibari  # type: ignore[import-untyped]  # ships no types

    engine = hibari.Hibari(threads=1)
    engine("Whitefield.", seed=0)  # a name outside the lexicon: loads all that is loaded at the first use
    return LocalVoice(engine, f"local hibari-{hibari.__version__} {engine.voice}")


def pieces(text: str, engine: Engine) -> Iterator[str]:
    """The text in sentences, the long ones cut at clauses, else at spaces, else anywhere."""
    spaced = _LONG_NUMBER.sub(lambda number: " ".join(number.group().replace(",", "")), text)
    for sentence in engine.split_sentences(spaced):
        rest = sentence.strip()
        while len(rest) > LONGEST:
            cut = _cut(rest)
            yield rest[:cut].strip()
            rest = rest[cut:].strip()
        if rest:
            yield rest


def _cut(sentence: str) -> int:
    clauses = [found.end() for found in _CLAUSE_END.finditer(sentence, 0, LONGEST)]
    return (clauses[-1] if clauses else 0) or sentence.rfind(" ", 0, LONGEST) + 1 or LONGEST


def trimmed(speech: NDArray[np.float32]) -> bytes:
    """Samples of -1..1 as 16-bit PCM without the silence at both ends; nothing where there is only silence."""
    loudness = np.abs(speech)
    peak = float(loudness.max(initial=0.0))
    if peak < SILENT:
        return b""
    audible = np.flatnonzero(loudness > AUDIBLE * peak)
    start = max(0, int(audible[0]) - BEFORE_MS * RATE // 1000)
    kept = speech[start : int(audible[-1]) + 1 + AFTER_MS * RATE // 1000].copy()
    ramp = np.linspace(0, 1, min(RAMP_MS * RATE // 1000, len(kept)), dtype=np.float32)
    kept[: len(ramp)] *= ramp
    kept[len(kept) - len(ramp) :] *= ramp[::-1]
    return np.rint(np.clip(kept, -1, 1) * 32767).astype("<i2").tobytes()
