"""What a softphone's call is to try holds for that call alone. In virtual time."""

from __future__ import annotations

import random

import msgspec
import pytest

from agent.errors import AskedWrongly
from agent.guard.tokens import Claims
from agent.providers.scripted import Script
from agent.rehearsal.carrier import new_identity
from agent.rehearsal.log import CallLog
from agent.think.ports import Prompt
from agent.trying import NAMES, Tried, changed, check, present
from agent.web.state import ProcessState
from agent.web.tries import MOST, Tries
from nurseries.call import Call
from nurseries.process import Process
from tests.calls.stage import GREETING, Stage, configured, tone
from tests.fakes.memory_store import MemoryStore

OTHER = Tried(
    prompt="You are {agent}, who sells boats for {company}.",
    greeting="Ahoy! This is {agent}. What shall it be?",
    settings={"END_SILENCE_MS": 2000, "END_SILENCE_LONG_MS": 2000, "BARGE_IN_MS": 128},
)


class House:
    """A process that takes softphones, and what became of their calls."""

    def __init__(self) -> None:
        self.stage = Stage(Script(replies=("Where?",)))
        self.calls: list[Call] = []
        self.prompts: list[str] = []
        self.process = Process(self.stage.parts, MemoryStore(), self.stage.tokens, ProcessState(ready=True))
        self.process._kind = lambda _: self.call
        reply = self.stage.mind.reply

        async def asked(prompt: Prompt, emit):
            self.prompts.append(prompt.system)
            return await reply(prompt, emit)

        self.stage.mind.reply = asked

    def call(self, *arguments, **more) -> Call:
        self.calls.append(Call(*arguments, **more))
        return self.calls[-1]

    async def place(self, tried: Tried | None, *, softphone: bool = True) -> CallLog:
        stage = self.stage
        who = new_identity(dice=random.Random(stage._placed + 1))
        if tried is not None:
            self.process.tries.keep(who.call_sid, tried, 0, 60)
        known = (Claims(who.call_sid, who.account_sid, "client:console"),) if softphone else ()
        line = tone(900, at_ms=5000)
        return await stage.place(
            line, serve=lambda socket: self.process.take(socket, *known), quiet_ms=20_000, hang_up_at_ms=11_000
        )

    @property
    def greeting(self) -> str:
        return self.calls[-1].record().entries[0].text

    @property
    def waited_ms(self) -> float:
        """From the caller's last sound to the agent's answer."""
        said, answer = self.calls[-1].record().entries[1:3]
        return answer.start_ms - said.end_ms


async def test_it_holds_for_that_call_alone(autojump_clock) -> None:
    house = House()

    await house.place(None)
    await house.place(OTHER)
    tried = house.waited_ms
    assert house.greeting == "Ahoy! This is Priya. What shall it be?"
    await house.place(None)

    assert house.greeting == GREETING
    assert 1200 < tried - house.waited_ms < 1600
    assert [prompt.startswith("You are Priya, who sells boats") for prompt in house.prompts] == [False, True, False]
    assert "Premier Realty Group" in house.prompts[1]
    assert [call._parts.settings.BARGE_IN_MS for call in house.calls] == [96, 128, 96]
    assert house.stage.parts.settings.END_SILENCE_MS == 448


async def test_a_telephone_tries_nothing(autojump_clock) -> None:
    house = House()

    await house.place(OTHER, softphone=False)

    assert house.greeting == GREETING


def test_what_waits_is_taken_once_and_not_kept_for_ever() -> None:
    tries = Tries()
    tries.keep("CA1", OTHER, 1000, 60)
    assert (tries.take("CA1"), tries.take("CA1"), tries.take("CA2")) == (OTHER, None, None)

    tries.keep("CA1", OTHER, 1000, 60)
    for n in range(2 * MOST):
        tries.keep(f"CA{n}", OTHER, 1061, 60)
    assert len(tries) == MOST
    assert tries.take("CA1") is None
    assert tries.take(f"CA{2 * MOST - 1}") == OTHER


def test_all_that_can_be_tried_is_told_with_its_bounds() -> None:
    stage = Stage()
    told = present(configured(), stage.parts.lines)

    assert [setting.name for setting in told.settings] == list(NAMES)
    barge_in = told.settings[0]
    assert (barge_in.kind, barge_in.value, barge_in.least, barge_in.most) == ("whole", 96, 32, 2000)
    assert {setting.kind for setting in told.settings} == {"whole", "any", "switch"}
    assert told.greeting == GREETING
    check(Tried(told.prompt, told.greeting, {setting.name: setting.value for setting in told.settings}))


@pytest.mark.parametrize("setting", present(configured(), Stage().parts.lines).settings, ids=lambda each: each.name)
def test_bounds_are_those_of_the_configuration(setting) -> None:
    good, bad = [setting.value], ["x", None]
    if setting.least is not None:
        good, bad = [*good, setting.least], [*bad, setting.least - 1]
    if setting.most is not None:
        good, bad = [*good, setting.most], [*bad, setting.most + 1]
    bad += [bound for bound in (setting.above, setting.below) if bound is not None]
    for value in good:
        check(Tried(settings={setting.name: value}))
        assert getattr(changed(configured(), Tried(settings={setting.name: value})), setting.name) == value
    for value in bad:
        with pytest.raises(AskedWrongly) as wrong:
            check(Tried(settings={setting.name: value}))
        assert [name for name, _ in wrong.value.wrong] == [f"tried.settings.{setting.name}"]


@pytest.mark.parametrize(
    ("tried", "where"),
    [
        (Tried(prompt="x" * 50_001), "tried.prompt"),
        (Tried(prompt="for {nobody}"), "tried.prompt"),
        (Tried(greeting="x" * 1001), "tried.greeting"),
        (Tried(greeting="Hello {name}"), "tried.greeting"),
        (Tried(settings={"API_TOKEN": 1}), "tried.settings.API_TOKEN"),
    ],
)
def test_what_cannot_be_tried_is_told_where_it_stands(tried: Tried, where: str) -> None:
    assert msgspec.json.decode(msgspec.json.encode(tried), type=Tried) == tried
    with pytest.raises(AskedWrongly) as wrong:
        check(tried)
    assert [name for name, _ in wrong.value.wrong] == [where]
