"""What a caller says, as pieces of frames made once for all calls; and by what a caller decides to speak."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np

from agent.rehearsal.sound import decode
from ops.bench.suite.wire import masked

FRAME = 160
FRAME_MS = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A caller's words: the masked payload of each frame, and the frame in which speech begins."""

    pieces: list[bytes]
    onset_ms: float
    """From the line's first sample to the first 10 ms that are within 20 dB of its loudest."""


@dataclass(frozen=True, slots=True)
class Manner:
    """When a caller speaks. Zero: never for that reason."""

    answers_after_ms: float = 0
    """Of the agent's silence."""
    interrupts_after_ms: float = 0
    """Of the agent's sound."""
    patience_ms: float = 6000
    """Of silence of both: then the caller speaks anyhow."""


LISTENS = Manner(patience_ms=0)
TALKS = Manner(answers_after_ms=600)
INTERRUPTS = Manner(interrupts_after_ms=1200)
MANNERS = {"listens": LISTENS, "talks": TALKS, "interrupts": INTERRUPTS}


def line(mulaw: bytes) -> Line:
    """A line of this sound, silence before it cut off, filled up to whole frames."""
    mulaw = mulaw[int(_loud_from(mulaw) - 60) * 8 if _loud_from(mulaw) > 60 else 0 :]
    mulaw += b"\xff" * (-len(mulaw) % FRAME)
    return Line([_piece(mulaw[at : at + FRAME]) for at in range(0, len(mulaw), FRAME)], _loud_from(mulaw))


def silence() -> list[bytes]:
    """A quiet line: both zeros of mu-law, mixed; to be repeated."""
    dice = np.random.default_rng(0)
    noise = dice.choice(np.array((0x7F, 0xFF), np.uint8), FRAME * 50).tobytes()
    return [_piece(noise[at : at + FRAME]) for at in range(0, len(noise), FRAME)]


def _piece(mulaw: bytes) -> bytes:
    return masked(base64.b64encode(mulaw).decode())


def _loud_from(mulaw: bytes) -> float:
    levels = np.abs(decode(mulaw[: len(mulaw) // 80 * 80]).astype(np.float64)).reshape(-1, 80).mean(axis=1)
    return float(np.argmax(levels >= levels.max() / 10)) * 10
