"""The list of models on OpenAI or a compatible server, with the last days it tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from agent.errors import Fault, ProviderError
from agent.providers.openai_client import NAME, OpenAIClient


class _Model(msgspec.Struct):
    id: str
    shutdown_date: Any = None


class _Models(msgspec.Struct):
    data: list[_Model]


class OpenAIModels:
    """The Catalogue port."""

    def __init__(self, client: OpenAIClient) -> None:
        self._client = client
        self._list: Any = client.sdk.models.with_streaming_response.list

    async def models(self) -> Mapping[str, date | None]:
        """See the port. A last day that is no date counts as none."""
        body = bytearray()

        async def take(chunk: bytes) -> None:
            body.extend(chunk)

        await self._client.pour("models", self._list(), take)
        try:
            found = msgspec.json.decode(body, type=_Models)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ProviderError(NAME, "models", Fault.BROKEN, "an answer without a list of models") from None
        return {model.id: _day(model.shutdown_date) for model in found.data}


def _day(told: object) -> date | None:
    """A date, or the day of a time, as ISO 8601 writes them."""
    if not isinstance(told, str):
        return None
    try:
        return date.fromisoformat(told[:10])
    except ValueError:
        return None
