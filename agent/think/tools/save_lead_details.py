"""Keep what the caller has told of themselves and their wish."""

from __future__ import annotations

from typing import Annotated

import msgspec

from agent.think.facts import NAMES, Fact, extract
from agent.think.tools.ports import Desk, Result, Tool

Words = Annotated[str, msgspec.Meta(max_length=300)]


class Arguments(msgspec.Struct):
    """Each in the caller's words; what was not told is left out."""

    name: Words = ""
    intent: Annotated[str, msgspec.Meta(description="buy, sell, rent, let, invest or browse", max_length=60)] = ""
    budget: Annotated[str, msgspec.Meta(description='with its unit: "80 to 90 lakh"', max_length=120)] = ""
    location: Words = ""
    property: Annotated[str, msgspec.Meta(description='"two bedroom flat"', max_length=200)] = ""
    timeline: Words = ""
    financing: Annotated[str, msgspec.Meta(description="loan or cash", max_length=60)] = ""
    decision_maker: Annotated[str, msgspec.Meta(description="who decides", max_length=120)] = ""
    objections: Words = ""
    callback: Annotated[str, msgspec.Meta(description="yes or no: may a colleague call back", max_length=60)] = ""


_ASKED = {"budget": "What is your budget?", "name": "May I have your name?", "timeline": "How soon?"}
"""The question to which the value alone would be the answer."""


async def run(arguments: Arguments, desk: Desk) -> Result:
    facts: dict[str, Fact] = {}
    for field, told in msgspec.structs.asdict(arguments).items():
        words = " ".join(told.split())
        if field in NAMES and words:
            read = extract(words, _ASKED.get(field, ""), desk.facts).get(field)
            facts[field] = Fact(field, read.value if read else words, words)
    if not facts:
        return Result("Nothing was given to be saved.")
    return Result(f"Saved: {', '.join(f'{fact.name} {fact.value}' for fact in facts.values())}.", facts=facts)


TOOL = Tool(
    "save_lead_details",
    "Save what the caller has told: name, what they want, budget, area, home, timeline, loan, who decides, what holds "
    "them back, and whether a colleague may call. Use it as soon as something new is told, and go on talking.",
    Arguments,
    run,
)
