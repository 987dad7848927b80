"""The decorator for tools of one's own: an async function becomes a tool."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, get_type_hints

import msgspec

from agent.think.tools.ports import Desk, Result, Tool

Run = Callable[[Any, Desk], Awaitable["Result | str"]]


def tool(description: str) -> Callable[[Run], Tool]:
    """Make a tool of an async function `name(arguments: SomeStruct, desk: Desk) -> Result | str`. Its name is the
    tool's name, its first parameter's type the arguments'. Raises TypeError where that is not to be seen."""
    if not isinstance(description, str):
        raise TypeError('@tool needs a description: @tool("What it does, and when to use it.")')

    def made(function: Run) -> Tool:
        name = getattr(function, "__name__", "?")
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"{name}: it must be an async function: async def {name}(arguments, desk)")
        parameters = list(inspect.signature(function).parameters)
        if len(parameters) != 2:
            raise TypeError(f"{name}: it must have two parameters, (arguments, desk); it has {len(parameters)}")
        kind = get_type_hints(function).get(parameters[0])
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            raise TypeError(f"{name}: its first parameter must be annotated with a msgspec.Struct")

        async def run(arguments: Any, desk: Desk) -> Result:
            result = await function(arguments, desk)
            return Result(result) if isinstance(result, str) else result

        return Tool(name, description, kind, run)

    return made
