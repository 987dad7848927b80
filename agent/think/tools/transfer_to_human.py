"""Pass the caller on to a colleague."""

from __future__ import annotations

from typing import Annotated

import msgspec

from agent.think.tools.ports import Desk, Result, Tool, Transfer


class Arguments(msgspec.Struct):
    reason: Annotated[str, msgspec.Meta(description="In a few words.", max_length=500)] = ""


async def run(_arguments: Arguments, desk: Desk) -> Result:
    if not desk.transfer_to:
        return Result("No colleague can be reached now. Say so, and offer that one calls back.")
    return Result("The caller is being connected. Tell them so in one short sentence.", Transfer(desk.transfer_to))


TOOL = Tool(
    "transfer_to_human",
    "Connect the caller to a human colleague, now. Use it when they ask for a person, or are upset, or need what you "
    "must not do. Say in the same reply that you are connecting them.",
    Arguments,
    run,
)
