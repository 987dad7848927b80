"""The list of models on OpenAI or a compatible server, with the last days it tells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from agent.providers.openai_client import OpenAIClient


class OpenAIModels:
    """The Catalogue port."""

    def __init__(self, client: OpenAIClient) -> None:
        self._client = client

    async def models(self) -> Mapping[str, date | None]:
        """See the port. A last day that is no date counts as none."""
        found: dict[str, date | None] = {}
        with self._client.errors("models"):
            page = await self._client.sdk.models.list()
        for model in page.data:
            found[model.id] = _day(getattr(model, "shutdown_date", None))
        return found


def _day(told: object) -> date | None:
    """A date, or the day of a time, as ISO 8601 writes them."""
    if not isinstance(told, str):
        return None
    try:
        return date.fromisoformat(told[:10])
    except ValueError:
        return None
