"""Say the last words again."""

from __future__ import annotations

import msgspec

from agent.think.tools.ports import Desk, Result, Say, Tool


class Arguments(msgspec.Struct):
    pass


async def run(_arguments: Arguments, desk: Desk) -> Result:
    if not desk.last_words:
        return Result("Nothing has been said yet that could be repeated.")
    return Result("Your last words are being said again.", Say(desk.last_words))


TOOL = Tool(
    "repeat",
    "Say your last words again, exactly. Use it, without other words, when the caller did not hear you.",
    Arguments,
    run,
)
