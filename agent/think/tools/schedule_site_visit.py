"""Note a visit to a property."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

import msgspec

from agent.think.facts import Fact
from agent.think.tools.ports import Desk, Result, Tool

OPENS, CLOSES = dt.time(9), dt.time(19)
"""Visits begin within these hours of the caller's time."""

FURTHEST_DAYS = 180


class Arguments(msgspec.Struct):
    date: Annotated[str, msgspec.Meta(description="YYYY-MM-DD")]
    time: Annotated[str, msgspec.Meta(description="HH:MM, 24 hours")]
    place: Annotated[str, msgspec.Meta(description="the area or the property", max_length=200)] = ""
    notes: Annotated[str, msgspec.Meta(max_length=500)] = ""


async def run(arguments: Arguments, desk: Desk) -> Result:
    now = dt.datetime.fromisoformat(desk.now)
    try:
        day = dt.date.fromisoformat(arguments.date.strip())
    except ValueError:
        return Result(f"date {arguments.date!r} is no date. Give it as YYYY-MM-DD; today is {now.date()}.")
    if not (clock := re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", arguments.time.strip())):
        return Result(f"time {arguments.time!r} is no time. Give it as HH:MM, 24 hours.")
    time = dt.time(int(clock[1]), int(clock[2]))
    when = dt.datetime.combine(day, time, now.tzinfo)
    if when <= now:
        return Result(f"{when:%Y-%m-%d %H:%M} is past; it is {now:%A %Y-%m-%d %H:%M} now.")
    if (day - now.date()).days > FURTHEST_DAYS:
        return Result(f"Visits can be noted for the next {FURTHEST_DAYS} days only. Ask again for the date.")
    if not OPENS <= time <= CLOSES:
        return Result(f"Visits begin between {OPENS:%H:%M} and {CLOSES:%H:%M}. Ask for another time.")
    place = " ".join(arguments.place.split()) or (desk.facts["location"].value if "location" in desk.facts else "")
    value = f"{when:%Y-%m-%d %H:%M}" + (f", {place}" if place else "")
    notes = " ".join(arguments.notes.split())
    text = (
        f"The visit is noted for {when:%A, %d %B, %H:%M}{' in ' + place if place else ''}. A colleague will confirm it."
    )
    return Result(text, facts={"visit": Fact("visit", value, notes)})


TOOL = Tool(
    "schedule_site_visit",
    "Note a visit that the caller has agreed to, with a date and a time that they named. Then repeat both to the "
    "caller, and say that a colleague will confirm it.",
    Arguments,
    run,
)
