"""The recogniser on OpenAI or a compatible server: one turn uploaded as a WAV file, its words back."""

from __future__ import annotations

import io
import math
import wave
from typing import Any

import msgspec

from agent.config import Settings
from agent.errors import Fault, ProviderError
from agent.hear.transcript import clean, worth_hearing
from agent.keep.usage import Charge, charged
from agent.language import two_letters
from agent.model import Utterance
from agent.providers.openai_client import NAME, OpenAIClient, unbilled
from agent.providers.openai_usage import seconds, tokens
from agent.wire import mulaw

RATE = 8000


class _Heard(msgspec.Struct):
    text: str
    usage: Any = None


class OpenAIRecogniser:
    """The Recogniser port. Stateless but for what it learns of the server; any number of calls at once."""

    def __init__(self, client: OpenAIClient, settings: Settings) -> None:
        self._client = client
        self._model = settings.OPENAI_STT_MODEL
        self._language = settings.LANGUAGE
        self._refused: set[str] = set()
        """Languages that the server does not want to be told."""
        self._create: Any = client.sdk.audio.transcriptions.with_streaming_response.create

    @property
    def name(self) -> str:
        return f"{NAME} {self._model}"

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        """See the port."""
        if not worth_hearing(utterance):
            return ""
        code = two_letters(language or self._language)
        told = "" if code in self._refused else code
        try:
            body, charge = await self._ask(utterance, told)
        except ProviderError as error:
            if not told or error.fault is not Fault.REFUSED or "language" not in str(error.__cause__):
                raise
            self._refused.add(code)
            body, charge = await self._ask(utterance, "")
        try:
            heard = msgspec.json.decode(body, type=_Heard)
        except msgspec.DecodeError:
            raise ProviderError(NAME, "transcribe", Fault.BROKEN, "an answer without a text") from None
        lasted = seconds(heard.usage)
        if lasted is not None or tokens(heard.usage):
            charge.told(seconds=utterance.duration_ms / 1000 if lasted is None else lasted, **tokens(heard.usage))
        return clean(heard.text, utterance)

    async def _ask(self, utterance: Utterance, code: str) -> tuple[bytes, Charge]:
        body = bytearray()

        async def take(chunk: bytes) -> None:
            body.extend(chunk)

        request = self._create(
            model=self._model,
            file=("turn.wav", wav(utterance.mulaw), "audio/wav"),
            response_format="json",
            **({"language": code} if code else {}),
        )
        charge = charged("stt", self._model)
        charge.guess(seconds=math.ceil(utterance.duration_ms / 1000))  # begun ones are billed as whole ones
        try:
            await self._client.pour("transcribe", request, take, charge)
        except ProviderError as error:
            if unbilled(error):
                charge.free()
            raise
        return bytes(body), charge


def wav(sound: bytes) -> bytes:
    """Mu-law as a WAV file of 16-bit samples, which every server can read, at the telephone's rate."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(mulaw.decode(sound).astype("<i2").tobytes())
    return file.getvalue()
