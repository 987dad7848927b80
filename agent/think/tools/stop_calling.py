"""Have somebody never called again."""

from __future__ import annotations

import msgspec

from agent.errors import StoreError
from agent.think.facts import Fact
from agent.think.tools.ports import Desk, Result, Tool

NOTED = "Noted"
"""How the result of one that is on the list begins."""


class Arguments(msgspec.Struct):
    pass


async def run(_arguments: Arguments, desk: Desk) -> Result:
    known = {"do_not_call": Fact("do_not_call", "yes")}
    try:
        noted = desk.refrain is not None and await desk.refrain()
    except StoreError:
        noted = False
    if not noted:
        text = (
            "It could not be noted here. Apologise, and say that a colleague will see to it that they are not called."
        )
        return Result(text, facts=known)
    return Result(
        f"{NOTED}: this number will not be called again. Confirm that to them, apologise for the trouble, and say a "
        "short goodbye, unless they want something else.",
        facts=known,
    )


TOOL = Tool(
    "stop_calling",
    "Put the person's number on the do-not-call list. Use it at once when they ask not to be called again, or to be "
    "taken off a list, in any words; not when they want to be called later, or are not interested. Do not ask why.",
    Arguments,
    run,
)
