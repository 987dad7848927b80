"""The decorator for tools of one's own: an async function becomes a tool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, get_type_hints

import msgspec

from agent.think.tools.ports import Desk, Result, Tool

Run = Callable[[Any, Desk], Awaitable["Result | str"]]


def tool(description: str) -> Callable[[Run], Tool]:
    """Make a tool of an async function `name(arguments: SomeStruct, desk: Desk) -> Result | str`. Its name is the
    tool's name, its first parameter's type the arguments'. Raises TypeError where that is not to be seen."""

    def made(function: Run) -> Tool:
        name = getattr(function, "__name__", "?")
        hints = [kind for part, kind in get_type_hints(function).items() if part != "return"]
        if not hints or not (isinstance(hints[0], type) and issubclass(hints[0], msgspec.Struct)):
            raise TypeError(f"{name}: its first parameter must be annotated with a msgspec.Struct")

        async def run(arguments: Any, desk: Desk) -> Result:
            result = await function(arguments, desk)
            return result if isinstance(result, Result) else Result(str(result))

        return Tool(name, description, hints[0], run)

    return made
