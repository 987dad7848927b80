"""An answering machine answers a call that we placed: until the verdict the agent talks as to a person."""

import dataclasses

import pytest
import trio

from agent.model import Ending
from agent.rehearsal.plan import CallPlan
from tests.calls.stage import GREETING, Stage, configured, tone

ORDER = "OR" + "0" * 32
MESSAGE = "Hello, this is Priya. We will try again."


def stage_with(answered_by: str, after_s: float, policy: str) -> tuple[Stage, list[str]]:
    """A stage on which the carrier tells so much later who has answered; and whom it was asked about."""
    stage, asked = (
        Stage(settings=configured(MACHINE_DETECTION=policy, MACHINE_MESSAGE=MESSAGE, GOODBYE_TIMEOUT_S=1.0)),
        [],
    )

    async def verdict(order: str) -> str:
        asked.append(order)
        await trio.sleep(after_s)
        return answered_by

    stage.parts = dataclasses.replace(stage.parts, verdict=verdict)
    return stage, asked


def out(stage: Stage, *lines, **more):
    return stage.place(*lines, direction="outbound-api", order=ORDER, plan=CallPlan(lines=lines, **more))


async def test_a_machine_is_hung_up_on_in_the_middle_of_a_word(autojump_clock) -> None:
    stage, asked = stage_with("machine_start", 3.0, "hang-up")

    log = await out(stage)

    assert asked == [ORDER]
    assert (stage.ending, stage.record.reason, stage.record.order) == (Ending.MACHINE, "machine_start", ORDER)
    ((role, words),) = stage.words
    assert role == "agent"
    assert GREETING.startswith(words.rstrip(" -"))
    assert log.played[-1].end_ms < 3500, "nothing is said after the verdict"


async def test_a_message_is_left_once_after_the_beep(autojump_clock) -> None:
    stage, _ = stage_with("machine_end_beep", 9.0, "message")

    log = await out(stage, tone(2000, at_ms=4000))

    assert stage.ending is Ending.MACHINE
    assert stage.words[-1] == ("agent", MESSAGE)
    assert sum("We will try again." in words for _, words in stage.words) == 1
    assert log.failures == []


@pytest.mark.parametrize(("who", "policy"), [("human", "hang-up"), ("unknown", "message"), ("machine_start", "off")])
async def test_a_person_notices_nothing(autojump_clock, who, policy) -> None:
    stage, asked = stage_with(who, 2.0, policy)

    await out(stage, tone(700))

    assert stage.ending is Ending.CALLER_HUNG_UP
    assert stage.answers == 1
    assert asked == ([] if policy == "off" else [ORDER])


async def test_a_verdict_that_never_comes_holds_nothing(autojump_clock) -> None:
    stage, _ = stage_with("machine_start", 1e6, "hang-up")

    await out(stage, tone(700))

    assert stage.ending is Ending.CALLER_HUNG_UP


async def test_nobody_is_asked_about_a_call_that_came_to_us(autojump_clock) -> None:
    stage, asked = stage_with("machine_start", 0.5, "hang-up")

    await stage.place(tone(700))

    assert (stage.ending, asked) == (Ending.CALLER_HUNG_UP, [])
