"""16 kHz sound in, English words out: Moonshine tiny (MIT) as two ONNX graphs and a vocabulary, greedily decoded.

The vendor's package is used for its files only; its own library takes four times as long for the same words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.errors import ConfigError
from agent.providers.bundled import Port, find, open_model

RATE = 16000
START, END = 1, 2
SPECIAL = 32000
"""Tokens from here on are markers, not text (tokenizer.bin: "<<ST_0>>" and so on)."""
TOKENS_PER_S = 6.5
"""The vendor's own bound on what a second of English can hold; past it the decoder is looping."""
SHORTEST_S = 2.5
"""Shorter sound is set into this much silence. Measured on 30 answers of one to three words in six levels of loudness
and noise: 66 % of them came out right in noise instead of 53 %, 88 % instead of 78 % without, and loops vanished."""
WORD_START = "\u2581"
LAST_LATIN = "\u024f"
"""An English model that writes another script hears noise (measured on clicks and hiss: Thai)."""

_OLD_SPELLING = re.compile(r"\b(to)-(day|night|morrow)\b", re.IGNORECASE)
"""It learnt from audio books of the nineteenth century; whoever looks for "tomorrow" did not."""


def locate() -> Path | None:
    """The folder of the model files; None where the package is not installed."""
    return find("moonshine_voice", "assets", "tiny-en")


class Moonshine:
    """The model, shared by all calls: no state between utterances, safe in several threads."""

    name = "moonshine-tiny-en"

    def __init__(self, folder: Path) -> None:
        """Load (some 300 ms, 100 MB; as much again in use). Raises ConfigError for damaged files."""
        self._encoder = open_model(folder / "encoder_model.ort")
        self._decoder = open_model(folder / "decoder_model_merged.ort")
        self._vocabulary = _read_vocabulary(folder / "tokenizer.bin")
        self._memory = [port for port in self._decoder.get_inputs() if port.name.startswith("past_key_values")]
        self._memory_out = [port.name.replace("present", "past_key_values") for port in self._decoder.get_outputs()[1:]]

    def transcribe(self, samples: NDArray[np.float32], carry_on: Callable[[], None]) -> str:
        """The words in 16 kHz samples of -1..1. `carry_on` is called before every token and may raise to stop."""
        missing = max(int(SHORTEST_S * RATE) - len(samples), 0)
        sound = np.pad(samples, (missing // 4, missing - missing // 4))[np.newaxis]
        everywhere = np.ones(sound.shape, np.int64)
        (hidden,) = self._encoder.run(None, {"input_values": sound, "attention_mask": everywhere})
        most = int(sound.size / RATE * TOKENS_PER_S)
        tokens: list[int] = []
        for token in self._decode(hidden, everywhere, carry_on):
            if token == END or len(tokens) == most:
                break
            tokens.append(token)
        letters = b"".join(self._vocabulary[token] for token in tokens if END < token < SPECIAL)
        text = " ".join(letters.decode(errors="ignore").replace(WORD_START, " ").split())
        made_up = any(letter.isalpha() and letter > LAST_LATIN for letter in text)
        return "" if made_up else _OLD_SPELLING.sub(r"\1\2", text)

    def _decode(self, hidden: NDArray[Any], everywhere: NDArray[Any], carry_on: Callable[[], None]) -> Iterator[int]:
        """Tokens without end, each the likeliest after those before it."""
        memory = {port.name: _blank(port) for port in self._memory}
        token, first = START, True
        while True:
            carry_on()
            logits, *kept = self._decoder.run(
                None,
                {
                    "input_ids": np.array([[token]], np.int64),
                    "encoder_hidden_states": hidden,
                    "encoder_attention_mask": everywhere,
                    "use_cache_branch": np.array([not first]),
                    **memory,
                },
            )
            # What it remembers of the sound is made once, by the first step; later steps return that part empty.
            memory.update(
                (name, value)
                for name, value in zip(self._memory_out, kept, strict=True)
                if first or ".decoder." in name
            )
            first = False
            token = int(logits[0, -1].argmax())
            yield token


def _blank(port: Port) -> NDArray[np.float32]:
    _, heads, _, width = port.shape
    return np.zeros((0, int(heads), 1, int(width)), np.float32)


def _read_vocabulary(path: Path) -> list[bytes]:
    """tokenizer.bin: for each token its length (one byte, or from 128 on two: low seven bits first) and its bytes."""
    data = path.read_bytes()
    tokens, at = [], 0
    try:
        while at < len(data):
            length = data[at]
            at += 1
            if length >= 128:
                length += (data[at] - 1) * 128
                at += 1
            tokens.append(data[at : at + length])
            at += length
    except IndexError:
        tokens = []
    if len(tokens) <= SPECIAL:
        raise ConfigError((f"the vocabulary {path} is damaged",))
    return tokens
