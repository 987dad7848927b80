"""The tools of a process: a model's call in; the tool with checked arguments, or what the model should mend, out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from agent.think.ports import ToolCall, ToolSpec
from agent.think.tools.ports import Desk, Result, Tool
from agent.think.tools.schema import schema

MOST_ARGUMENTS = 8000
"""Characters of a call's JSON: a model in a loop writes without end."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What OpenAI takes for a function's name."""

ONLY_WITH_COLLEAGUE = frozenset({"transfer_to_human"})
"""Offered only where there is a number to transfer to."""

ONLY_WITH_LIST = frozenset({"stop_calling"})
"""Offered only where it is kept who is not to be called."""


class Toolbox:
    """Immutable; any number of calls at once."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._specs = {name: ToolSpec(name, tool.description, schema(tool)) for name, tool in self._tools.items()}

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._tools)

    def offered(self, desk: Desk) -> tuple[ToolSpec, ...]:
        """What a model may ask for in this call."""
        without = frozenset() if desk.transfer_to else ONLY_WITH_COLLEAGUE
        without |= frozenset() if desk.refrain is not None else ONLY_WITH_LIST
        return tuple(spec for name, spec in self._specs.items() if name not in without)

    def prepare(self, call: ToolCall) -> tuple[Tool, Any] | Result:
        """The tool and its arguments; or a result that tells the model what is wrong with the call."""
        tool = self._tools.get(call.name)
        if tool is None:
            return Result(f"There is no tool {call.name[:64]!r}. There are: {', '.join(self._tools)}.")
        if len(call.arguments) > MOST_ARGUMENTS:
            return Result(f"The arguments of {call.name} are too long; at most {MOST_ARGUMENTS} characters.")
        try:
            return tool, _arguments(tool, call.arguments.strip() or "{}")
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            return Result(f"The arguments of {call.name} are not right: {error}. Mend them and call it again.")


def _arguments(tool: Tool, written: str) -> Any:
    """The checked arguments. Models write null for what they leave out; where that is not allowed, it is left out.
    Raises MsgspecError, RecursionError or UnicodeError."""
    try:
        return msgspec.json.decode(written, type=tool.arguments, strict=False)
    except msgspec.ValidationError:
        given = msgspec.json.decode(written)
        if not (given is None or (isinstance(given, dict) and None in given.values())):
            raise
        told = {name: value for name, value in (given or {}).items() if value is not None}
        return msgspec.convert(told, tool.arguments, strict=False)


def faults(tools: Iterable[Tool], where: str) -> list[str]:
    """What is wrong with these tools, in words."""
    found: list[str] = []
    seen: set[str] = set()
    for tool in tools:
        if not _NAME.fullmatch(tool.name):
            found.append(f"{where}: {tool.name!r} is no name of a tool: letters, digits, _ and -, at most 64.")
        if tool.name in seen:
            found.append(f"{where}: there are two tools named {tool.name}.")
        seen.add(tool.name)
        if not tool.description.strip():
            found.append(f"{where}: {tool.name} has no description; the model decides by it when to use the tool.")
        if not inspect.iscoroutinefunction(tool.run):
            found.append(f"{where}: {tool.name}: run must be an async function of (arguments, desk).")
        if not (isinstance(tool.arguments, type) and issubclass(tool.arguments, msgspec.Struct)):
            found.append(f"{where}: {tool.name}: arguments must be a msgspec.Struct.")
            continue
        try:
            schema(tool)
        except Exception as error:  # noqa: BLE001  annotations are the user's own code: looking them up may raise anything
            found.append(f"{where}: {tool.name}: its arguments cannot be described to a model: {error}.")
    return found
