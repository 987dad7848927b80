"""A tool of one's own that takes its time."""

import msgspec
import trio

from agent.think.tools.own import tool
from agent.think.tools.ports import Desk


class Nothing(msgspec.Struct):
    pass


@tool("Takes four seconds.")
async def slow(_arguments: Nothing, _desk: Desk) -> str:
    await trio.sleep(4)
    return "slept"
