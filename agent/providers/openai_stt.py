"""The recogniser on OpenAI or a compatible server: one turn uploaded as a WAV file, its words back."""

from __future__ import annotations

import io
import wave

import msgspec

from agent.config import Settings
from agent.errors import Fault, ProviderError
from agent.hear.transcript import clean, worth_hearing
from agent.model import Utterance
from agent.providers.openai_client import NAME, OpenAIClient
from agent.wire import mulaw

RATE = 8000


class _Heard(msgspec.Struct):
    text: str


class OpenAIRecogniser:
    """The Recogniser port. Stateless; any number of calls at once."""

    def __init__(self, client: OpenAIClient, settings: Settings) -> None:
        self._client = client
        self._model = settings.OPENAI_STT_MODEL
        self._language = settings.LANGUAGE
        self._create = client.sdk.audio.transcriptions.with_streaming_response.create

    @property
    def name(self) -> str:
        return f"{NAME} {self._model}"

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        """See the port."""
        if not worth_hearing(utterance):
            return ""
        body = bytearray()

        async def take(chunk: bytes) -> None:
            body.extend(chunk)

        request = self._create(
            model=self._model,
            file=("turn.wav", wav(utterance.mulaw), "audio/wav"),
            language=(language or self._language).split("-")[0].lower(),
            response_format="json",
        )
        await self._client.pour("transcribe", request, take)
        try:
            return clean(msgspec.json.decode(body, type=_Heard).text, utterance)
        except msgspec.DecodeError:
            raise ProviderError(NAME, "transcribe", Fault.BROKEN, "an answer without a text") from None


def wav(sound: bytes) -> bytes:
    """Mu-law as a WAV file of 16-bit samples, which every server can read, at the telephone's rate."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(mulaw.decode(sound).astype("<i2").tobytes())
    return file.getvalue()
