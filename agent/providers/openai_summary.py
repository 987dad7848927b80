"""Writing after the call on OpenAI or a compatible server: instructions and a text in, the whole answer out."""

from __future__ import annotations

from agent.config import Settings
from agent.providers.openai_client import OpenAIClient
from agent.providers.openai_llm import OpenAILanguageModel
from agent.think.ports import Message, Prompt


class OpenAISummariser:
    """The Summariser port, over the same model that speaks."""

    def __init__(self, client: OpenAIClient, settings: Settings) -> None:
        self._model = OpenAILanguageModel(client, settings, "summary")

    @property
    def name(self) -> str:
        return self._model.name

    async def write(self, instructions: str, text: str) -> str:
        """See the port."""
        pieces: list[str] = []

        async def keep(piece: str) -> None:
            pieces.append(piece)

        await self._model.reply(Prompt(instructions, (Message("caller", text),)), keep)
        return "".join(pieces)
