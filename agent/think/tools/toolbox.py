"""The tools of a process: a model's call in; the tool with checked arguments, or what the model should mend, out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.think.ports import ToolCall, ToolSpec
from agent.think.tools.ports import Desk, Result, Tool

MOST_ARGUMENTS = 8000
"""Characters of a call's JSON: a model in a loop writes without end."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What OpenAI takes for a function's name."""

ONLY_WITH_COLLEAGUE = frozenset({"transfer_to_human"})
"""Offered only where there is a number to transfer to."""


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
        return tuple(spec for name, spec in self._specs.items() if desk.transfer_to or name not in ONLY_WITH_COLLEAGUE)

    def prepare(self, call: ToolCall) -> tuple[Tool, Any] | Result:
        """The tool and its arguments; or a result that tells the model what is wrong with the call."""
        tool = self._tools.get(call.name)
        if tool is None:
            return Result(f"There is no tool {call.name[:64]!r}. There are: {', '.join(self._tools)}.")
        if len(call.arguments) > MOST_ARGUMENTS:
            return Result(f"The arguments of {call.name} are too long; at most {MOST_ARGUMENTS} characters.")
        try:
            return tool, msgspec.json.decode(call.arguments or "{}", type=tool.arguments, strict=False)
        except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
            return Result(f"The arguments of {call.name} are not right: {error}. Mend them and call it again.")


def schema(tool: Tool) -> Mapping[str, Any]:
    """A tool's arguments as the JSON schema of one object, nothing in it by reference: not every server knows those."""
    whole = msgspec.json.schema(tool.arguments)
    definitions: dict[str, Any] = whole.get("$defs", {})

    def resolved(node: Any, within: tuple[str, ...] = ()) -> Any:
        if isinstance(node, list):
            return [resolved(each, within) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = str(node["$ref"]).rsplit("/", 1)[-1]
            return {"type": "object"} if name in within else resolved(definitions[name], (*within, name))
        return {key: resolved(value, within) for key, value in node.items() if key not in {"title", "$defs"}}

    flat: dict[str, Any] = resolved(whole)
    return {"type": "object", "properties": {}, **flat}


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
        except TypeError as error:
            found.append(f"{where}: {tool.name}: its arguments cannot be described to a model: {error}.")
    return found
