"""The voice on OpenAI or a compatible server: text in, 24 kHz PCM out while it is still being made."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any

from agent.config import Settings
from agent.errors import Fault, ProviderError
from agent.keep.estimate import spoken, spoken_s
from agent.keep.usage import charged
from agent.language import name as language_name
from agent.model import Emit
from agent.providers.openai_client import NAME, OpenAIClient, unbilled

RATE = 24000
"""What `pcm` means on /audio/speech, whatever the model: signed 16-bit little-endian, mono."""

MAX_CHARACTERS = 1500
"""Of one request. The API takes 4096 characters, but also no more than 2000 tokens, and in some scripts a character
is more than one."""


HOW = "Speak {language} as those do who grew up with it, warmly and clearly, on the telephone."
"""Told to models that take instructions: the text alone does not tell them Hindi from Marathi, nor an accent."""


class OpenAIVoice:
    """The Voice port. Stateless but for what it learns of the server; any number of calls at once."""

    def __init__(self, client: OpenAIClient, settings: Settings) -> None:
        self._client = client
        self._model = settings.OPENAI_TTS_MODEL
        self._voice = settings.OPENAI_TTS_VOICE
        self._takes_instructions = "gpt" in self._model  # tts-1 and tts-1-hd do not
        self._create: Any = client.sdk.audio.speech.with_streaming_response.create

    @property
    def name(self) -> str:
        return f"{NAME} {self._model} {self._voice}"

    @property
    def rate(self) -> int:
        return RATE

    async def synthesise(self, text: str, emit: Emit[bytes], *, voice: str = "", language: str = "") -> None:
        """See the port. A very long text takes several requests, one after the other."""
        for part in parts(text):
            how = HOW.format(language=language_name(language)) if language and self._takes_instructions else ""
            try:
                await self._speak(part, emit, voice, how)
            except ProviderError as error:
                if not how or error.fault is not Fault.REFUSED or "instructions" not in str(error.__cause__):
                    raise
                self._takes_instructions = False
                await self._speak(part, emit, voice, "")

    async def _speak(self, part: str, emit: Emit[bytes], voice: str, how: str) -> None:
        body = Body()
        charge, made = charged("tts", self._model), 0
        charge.guess(**spoken(part, spoken_s(part)))  # given up, it may have been made to its end

        async def take(chunk: bytes) -> None:
            nonlocal made
            if sound := body.feed(chunk):
                made += len(sound)
                await emit(sound)

        request = self._create(
            model=self._model,
            voice=voice or self._voice,
            input=part,
            response_format="pcm",
            **({"instructions": how} if how else {}),
        )
        try:
            await self._client.pour("speak", request, take, charge)
        except ProviderError as error:
            charge.guess(**spoken(part, made / (2 * RATE)))
            if unbilled(error):
                charge.free()
            raise
        charge.guess(**spoken(part, made / (2 * RATE)))


class Body:
    """An answer's bytes, relieved of the WAV header that some servers put before the PCM: it would be heard as a click.

    What is no such sound at all (text, compressed audio, another rate) would be heard as noise; it raises
    ProviderError.
    """

    def __init__(self) -> None:
        self._head: bytearray | None = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """The sound in this chunk; b"" while a header may be incomplete."""
        if self._head is None:
            return chunk
        self._head += chunk
        start = _sound_begins(bytes(self._head))
        if start is None:
            return b""
        sound = bytes(self._head[start:])
        self._head = None
        return sound


def _sound_begins(head: bytes) -> int | None:
    """Offset of the first sample; None if that is not known yet."""
    if len(head) < 12:
        return None
    if head[:1] in b"{<" and head[:12].isascii() and head[1:12].decode().replace("\n", " ").isprintable():
        raise ProviderError(NAME, "speak", Fault.BROKEN, "text instead of sound")
    if head.startswith((b"ID3", b"OggS", b"fLaC")):
        raise ProviderError(NAME, "speak", Fault.BROKEN, "compressed sound instead of PCM")
    if not head.startswith(b"RIFF"):
        return 0
    at = 12
    while len(head) >= at + 8:
        name, size = struct.unpack_from("<4sI", head, at)
        at += 8
        if name == b"data":
            return at
        if name == b"fmt " and len(head) >= at + 16:
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, at)
            if (channels, rate, bits) != (1, RATE, 16):
                detail = f"a WAV of {channels} x {rate} Hz, {bits} bits, format {kind}, instead of PCM at {RATE} Hz"
                raise ProviderError(NAME, "speak", Fault.BROKEN, detail)
        at += size + size % 2
    return None


def parts(text: str) -> Iterator[str]:
    """The text in pieces that one request may carry, cut after a sentence if possible, else after a word. Nothing for
    a text that has no letter or digit: it would be refused, or spoken as a noise."""
    rest = text.strip()
    while len(rest) > MAX_CHARACTERS:
        window = rest[:MAX_CHARACTERS]
        ends = [match.end() for match in re.finditer(r"[.!?;:,।]\s", window)] or [window.rfind(" ") + 1]
        cut = ends[-1] or MAX_CHARACTERS
        yield rest[:cut].strip()
        rest = rest[cut:].strip()
    if any(character.isalnum() for character in rest):
        yield rest
