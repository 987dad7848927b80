"""Calls that we have placed: who we are, that a machine speaks, and what it is about, whatever the callee does."""

from dataclasses import replace

import trio

from agent.model import Ending
from agent.providers.local_policy import LocalPolicy
from agent.providers.scripted import Script
from agent.think.errand import Errand
from agent.think.policy import Persona
from nurseries.talk.dialogue import DISCLOSURES
from tests.calls.stage import Stage, configured, tone

ERRAND = Errand("about the visit on Saturday", {"name": "Asha"})
MACHINE = "You are speaking with an automated assistant of Premier Realty Group."
HELLO = "Hello, this is Priya, calling from Premier Realty Group. Am I speaking with Asha?"


def stage(**script: object) -> Stage:
    settings = configured(
        DISCLOSE="outbound",
        OUTBOUND_GREETING="Hello, this is {agent}, calling from {company}. Am I speaking with {name}?",
    )
    return Stage(Script(**script), settings, errand=ERRAND)


async def test_who_is_called_is_told_that_a_machine_speaks_and_greeted_by_name(autojump_clock) -> None:
    made = stage(heard=("hello?", "yes, speaking"), replies=("About Saturday.",))

    await made.place(tone(500, at_ms=400), tone(600), direction="outbound-api", max_ms=40_000)

    assert made.told[:3] == ["caller: hello?", f"agent: {MACHINE} {HELLO}", "caller: yes, speaking"]
    assert made.told[3].startswith("agent: About Saturday.")
    assert (made.record.purpose, made.record.variables) == (ERRAND.purpose, ERRAND.variables)


async def test_who_breaks_in_is_told_again_until_they_have_heard_it(autojump_clock) -> None:
    made = stage(heard=("what is this", "I see"), replies=("A word.", "Another word."))

    await made.place(tone(1200, at_ms=3000), tone(900, at_ms=22_000), direction="outbound-api", max_ms=40_000)

    agent = [text for role, text in made.words if role == "agent"]
    assert MACHINE not in agent[0]
    assert agent[1].startswith(MACHINE)
    assert sum(MACHINE in text for text in agent) == 1


async def test_who_breaks_in_each_time_is_told_so_often_and_then_answered(autojump_clock) -> None:
    made = stage(heard=("what is this",) * 5, replies=("A word.",) * 5)

    breaks = [tone(1200, at_ms=3000 + 4000 * n) for n in range(DISCLOSURES + 1)]
    await made.place(*breaks, tone(900, at_ms=30_000), direction="outbound-api", max_ms=45_000)

    begun = [text.startswith(MACHINE[:10]) for role, text in made.words if role == "agent"]
    assert begun == [True] * DISCLOSURES + [False] * (len(begun) - DISCLOSURES)
    assert len(begun) > DISCLOSURES


async def test_a_caller_is_told_only_where_that_is_asked_for(autojump_clock) -> None:
    quiet, told = stage(), Stage(Script(), configured(DISCLOSE="always"))

    await quiet.place(max_ms=12_000)
    await told.place(max_ms=12_000)

    assert quiet.told[0] == "agent: Hello, this is Priya. How may I help you?"
    assert told.told[0].startswith(f"agent: {MACHINE} Hello")


async def test_who_asks_the_script_not_to_be_called_is_noted_then_told_so_and_left(autojump_clock) -> None:
    asked: list[tuple[str, str, str]] = []

    async def refrain(person: str, who: str, why: str) -> bool:
        await trio.lowlevel.checkpoint()
        asked.append((person, who, why))
        return True

    made = stage(heard=("please do not call me again",))
    made.parts = replace(made.parts, model=LocalPolicy(Persona("Priya", "Premier Realty Group")), refrain=refrain)

    await made.place(tone(1200), direction="outbound-api", max_ms=40_000)

    assert [(person, who) for person, who, _ in asked] == [("+918012345678", "the caller")]  # whom we have called
    assert made.told[1].startswith("caller: please do not call me again")
    assert [entry.tool for entry in made.record.entries if entry.role == "tool"] == ["stop_calling"]
    assert "I have noted that you do not want to be called" in made.told[-1]
    assert made.ending is Ending.AGENT_SAID_GOODBYE
    assert made.record.facts["do_not_call"] == "yes"
