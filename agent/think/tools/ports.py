"""A tool: what it is told and what it answers. Own tools are written against this file alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.think.facts import Fact


@dataclass(frozen=True, slots=True)
class Desk:
    """What a tool may know of its call."""

    call_sid: str
    caller: str
    """The person's number, whoever has called whom."""
    called: str
    """Ours."""
    language: str
    transfer_to: str
    """The number of a colleague; empty where calls cannot be passed on."""
    facts: Mapping[str, Fact]
    last_words: str
    """What the caller last heard of the agent."""
    now: str
    """The caller's date and time, ISO 8601 with offset."""
    refrain: Callable[[], Awaitable[bool]] | None = None
    """Has this caller's number never called again; False where the number is not known. Raises StoreError. None: where
    no list is kept."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Then: pass the call on to this number, after what the agent says about it has been heard."""

    to: str


@dataclass(frozen=True, slots=True)
class EndCall:
    """Then: say goodbye and end the call. The model's own goodbye counts; without one, the configured text is said."""


@dataclass(frozen=True, slots=True)
class Say:
    """Then: say this, in place of a further reply of the model."""

    text: str


Then = Transfer | EndCall | Say


@dataclass(frozen=True, slots=True)
class Result:
    """What came of running a tool."""

    text: str
    """For the model, in plain words; also a refusal that it can mend ("date must be in the future")."""
    then: Then | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """What has been learnt of the caller; merged into what is known."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One thing the agent can do. `run` gets validated arguments; it may wait (within TOOL_TIMEOUT_S) and is not
    interrupted by the caller. An exception of its own becomes a result that says the tool failed."""

    name: str
    description: str
    """For the model: what it does, and when to use it."""
    arguments: type[msgspec.Struct]
    run: Callable[[Any, Desk], Awaitable[Result]]
