"""What a call decides is told to its recording, each once and in its place: `replay --against` compares that alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import pytest

from agent.metrics import exposition
from agent.providers.scripted import Script
from agent.rehearsal.plan import Line
from agent.replay.decisions import decisions
from tests.calls.stage import Stage, configured, tone
from tests.replay.taken_stage import taken

BYE = "Thank you for calling us today. We wish you a pleasant evening, and many homes to choose from. Goodbye!"


@dataclass(frozen=True)
class Told:
    name: str
    caller: tuple[Line, ...]
    script: Script
    decided: str
    kind: str = ""
    """Of the interruption that is counted; none."""
    settings: dict[str, object] = field(default_factory=dict)


TABLE = (
    Told(
        "a backchannel",
        (tone(350, at_ms=1000),),
        Script(heard=("mm-hm",)),
        "speaks, held, clear, backchannel: mm-hm, going on, speaks on",
        "backchannel",
    ),
    Told(
        "a cough",
        (tone(200, at_ms=1000),),
        Script(heard=("",)),
        "speaks, held, clear, no words, going on, speaks on",
        "false",
    ),
    Told(
        "words over the agent",
        (tone(1200, at_ms=1000),),
        Script(heard=("I want to sell my house",), replies=("Where is it?",)),
        "speaks, held, clear, turn: I want to sell my house, barge-in, speaks",
        "barge-in",
    ),
    Told(
        "an answer",
        (tone(700),),
        Script(heard=("eighty lakhs",), replies=("I see.",)),
        "speaks, turn: eighty lakhs, speaks",
    ),
    Told(
        "a bye over our goodbye",
        (tone(700), tone(500, at_ms=8000)),
        Script(heard=("that is all", "bye"), replies=(BYE,)),
        "speaks, turn: that is all, speaks, turn: bye",
    ),
    Told(
        "a question over our goodbye",
        (tone(700), tone(900, at_ms=8000)),
        Script(heard=("that is all", "wait, what about parking"), replies=(BYE, "There is parking.")),
        "speaks, turn: that is all, speaks, turn: wait, what about parking, barge-in, speaks",
        "barge-in",
    ),
)


def counted(kind: str) -> float:
    """Interruptions of this kind, as /metrics tells."""
    name = f'calling_agent_interruptions_total{{kind="{kind}"}} '
    (line,) = (line for line in exposition().decode().splitlines() if line.startswith(name))
    return float(line.removeprefix(name))


@pytest.mark.parametrize("told", TABLE, ids=lambda told: told.name)
def test_each_is_told_once_and_in_its_place(told: Told) -> None:
    stage = Stage(told.script, configured(**told.settings))
    before = {kind: counted(kind) for kind in ("barge-in", "backchannel", "false")}
    ((header, events),) = taken(stage, partial(stage.place, *told.caller, quiet_ms=3000))

    made = [str(decision) for decision in sorted(decisions(header, events), key=lambda one: one.at_s)]
    assert ", ".join(one for one in made if not one.startswith("ending")) == told.decided
    assert {kind: counted(kind) - was for kind, was in before.items()} == {
        kind: float(kind == told.kind) for kind in before
    }
