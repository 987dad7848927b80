"""What thinking needs from outside: a language model. And the two records it exchanges with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from agent.model import Emit
from agent.think.errand import Errand


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is told of it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of an object."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to have a tool run."""

    id: str
    """The model's own; unique within a reply."""
    name: str
    arguments: str
    """JSON, as the model wrote it: perhaps not valid."""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the history given to a model: what the caller said, what the caller heard of the agent, or a tool
    that ran, with its result."""

    role: Literal["caller", "agent", "tool"]
    text: str
    """For a tool: its result."""
    call: ToolCall | None = None
    """For a tool: what was asked. Request and result are one message, so that no history can tear them apart."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that a model is told for one reply: bounded in turns and tokens, facts kept apart so that none is lost."""

    system: str
    messages: tuple[Message, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the caller has told so far, by name (budget, location, ...), however long ago."""
    tools: tuple[ToolSpec, ...] = ()
    """What the model may ask for. Empty: it can only speak."""
    errand: Errand | None = None
    """Of a call that we placed: what it is about. `system` has it in words."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How a reply ended."""

    says_goodbye: bool = False
    """The agent has taken leave: once this is heard, the call ends."""
    calls: tuple[ToolCall, ...] = ()
    """Tools to be run now, in this order; then the model is asked again, with their results."""


class LanguageModel(Protocol):
    """Text to text, streamed."""

    @property
    def name(self) -> str: ...

    async def reply(self, prompt: Prompt, emit: Emit[str]) -> Reply:
        """Emit the reply in pieces as they come, then say how it ended. A reply without words has tool calls.

        Raises ProviderError, also after some pieces. Cancellation closes the request at once.
        """
        ...


class Summariser(Protocol):
    """A model that can read a whole conversation and answer in writing, after the call."""

    @property
    def name(self) -> str: ...

    async def write(self, instructions: str, text: str) -> str:
        """The model's whole answer. Raises ProviderError. Cancellation closes the request at once."""
        ...
