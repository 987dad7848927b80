"""What thinking needs from outside: a language model. And the two records it exchanges with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from agent.model import Emit


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the history given to a model: what the caller said, or what the caller heard of the agent."""

    role: Literal["caller", "agent"]
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that a model is told for one reply: bounded in turns and tokens, facts kept apart so that none is lost."""

    system: str
    messages: tuple[Message, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the caller has told so far, by name (budget, location, ...), however long ago."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How a reply ended."""

    says_goodbye: bool = False
    """The agent has taken leave: once this is heard, the call ends."""


class LanguageModel(Protocol):
    """Text to text, streamed."""

    @property
    def name(self) -> str: ...

    async def reply(self, prompt: Prompt, emit: Emit[str]) -> Reply:
        """Emit the reply in pieces as they come, then say how it ended.

        Raises ProviderError, also after some pieces. Cancellation closes the request at once.
        """
        ...
