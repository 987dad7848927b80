"""Take leave and hang up."""

from __future__ import annotations

import msgspec

from agent.think.tools.ports import Desk, EndCall, Result, Tool


class Arguments(msgspec.Struct):
    pass


async def run(_arguments: Arguments, _desk: Desk) -> Result:
    return Result("The call ends after your goodbye. Say it now.", EndCall())


TOOL = Tool(
    "end_call",
    "End the call. Use it when the conversation is over, and say your short goodbye in the same reply.",
    Arguments,
    run,
)
