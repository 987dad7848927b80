"""What a caller may ask for in any leg: a person, not to be called again; and what a call was placed for stays so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import trio

from agent.keep.record import CallRecord
from agent.model import Ending
from agent.providers.local_policy import LocalPolicy
from agent.providers.scripted import Script, call
from agent.think.policy import Persona
from tests.calls.legs import stored
from tests.calls.stage import Stage, configured, tone
from tests.calls.test_outbound import ERRAND

COLLEAGUE = "+919811111111"


async def moved(stage: Stage, at_s: float, *lines: Any, **more: Any) -> CallRecord:
    """A first leg that is handed off; its record as another process reads it."""

    async def leave() -> None:
        await trio.sleep(at_s)
        stage.calls[0].move("a release")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave)
        await stage.place(*lines, **more)
    assert stage.ending is Ending.MOVED
    return stored(stage.calls[0].so_far())


async def test_who_asks_not_to_be_called_again_in_a_later_leg_is_not(autojump_clock) -> None:
    asked: list[tuple[str, str]] = []

    async def refrain(person: str, who: str, _why: str) -> bool:
        await trio.lowlevel.checkpoint()
        asked.append((person, who))
        return True

    stage = Stage(Script(heard=("hello", "please do not call me again", "bye")), configured(), errand=ERRAND)
    stage.parts = replace(stage.parts, model=LocalPolicy(Persona("Priya", "Premier Realty Group")), refrain=refrain)
    lines = tone(600, at_ms=400), tone(600, at_ms=90_000)
    before = await moved(stage, 2.0, *lines, direction="outbound-api", order="o1", patience_ms=120_000)
    stage.errand = None  # the orders' store does not answer in time
    await stage.resume(before, tone(1200, at_ms=1000), direction="outbound-api", order="o1", max_ms=40_000)

    assert asked == [("+918012345678", "the caller")]
    assert stage.ending is Ending.AGENT_SAID_GOODBYE
    assert (stage.record.purpose, stage.record.variables) == (ERRAND.purpose, ERRAND.variables)
    assert stage.record.order == "o1"
    assert stage.record.facts["do_not_call"] == "yes"


async def test_a_call_is_passed_on_from_a_later_leg(autojump_clock) -> None:
    script = Script(
        heard=("I want a flat", "a person please"),
        replies=("Which part of town?", "I am connecting you."),
        calls={2: (call("transfer_to_human", reason="asked"),)},
    )
    stage = Stage(script, configured(TRANSFER_TO=COLLEAGUE))
    before = await moved(stage, 2.0, tone(1200, at_ms=3000), patience_ms=60_000)
    await stage.resume(before, tone(1200, at_ms=3000))

    assert stage.ending is Ending.TRANSFERRED
    assert stage.handed_over == [(before.call_sid, COLLEAGUE)]
    assert stage.record.transferred_to == COLLEAGUE
    assert [leg.why for leg in stage.record.legs] == ["hand-off", ""]
    assert stage.record.thread is None
