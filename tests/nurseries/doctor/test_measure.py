"""Measuring, in virtual time: scripted providers take exactly as long as they say."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from agent.doctor.budget import FINAL, MESSAGE, SENTENCE, SOUND, TOKEN
from agent.doctor.figures import FACTOR, Measured
from agent.errors import Fault
from agent.providers.scripted import Script, Trouble
from agent.speak.clips import WELCOME
from nurseries.doctor.measure import WHOLE, Doctor
from tests.calls.stage import Stage, configured

Clock = MockClock


def doctor(rounds: int = 3, settings: dict[str, object] | None = None, **script: object) -> Doctor:
    stage = Stage(Script(**script), configured(**(settings or {})))  # type: ignore[arg-type]
    return Doctor(stage.parts, rounds)


def medians(measured: Measured) -> dict[str, float]:
    return {figure.name: figure.median for figure in measured.figures}


async def test_hearing_is_from_the_end_of_the_sound_to_its_words(autojump_clock: Clock) -> None:
    made = await doctor(hear_s=0.4, settings={"STT_PROVIDER": "local"}, heard=(WELCOME.text,)).hearing()

    assert medians(made) == {FINAL: 400}
    assert made.notes == ("the words came back right",)
    assert made.troubles == ()


async def test_wrong_words_are_a_failure_that_was_measured_all_the_same(autojump_clock: Clock) -> None:
    made = await doctor(hear_s=0.4, settings={"STT_PROVIDER": "local"}, heard=("a flat",)).hearing()

    assert medians(made) == {FINAL: 400}
    assert made.notes == ()
    (trouble,) = made.troubles
    assert trouble.rounds == 3
    assert '"a flat"' in trouble.what
    assert WELCOME.text in trouble.what


async def test_thinking_is_told_by_token_sentence_and_reply(autojump_clock: Clock) -> None:
    made = await doctor(first_token_s=0.3, token_gap_s=0.1, replies=("Yes, gladly. And where?",)).thinking()

    assert medians(made) == {TOKEN: 300, SENTENCE: 500, WHOLE: 600}  # a sentence is known by what follows it


async def test_a_reply_of_one_sentence_is_one_when_it_ends(autojump_clock: Clock) -> None:
    made = await doctor(first_token_s=0.3, token_gap_s=0.1, replies=("Yes gladly",)).thinking()

    assert medians(made) == {TOKEN: 300, SENTENCE: 400, WHOLE: 400}


async def test_a_model_is_asked_with_the_lines_own_prompt(autojump_clock: Clock) -> None:
    examined = doctor(rounds=1)
    asked: list[str] = []

    class Listener:
        name = "listener"

        async def reply(self, prompt, emit):
            asked.append(prompt.system)
            asked.extend(message.text for message in prompt.messages)
            await emit("Yes.")

    object.__setattr__(examined.parts, "model", Listener())
    await examined.thinking()

    assert asked[0].startswith("You are Priya")
    assert "How may I help you?" in asked[1]
    assert "flat" in asked[2]


async def test_speaking_is_told_by_first_sound_first_message_and_pace(autojump_clock: Clock) -> None:
    # Chunks of 100 ms: the second completes a message of 160 ms.
    made = await doctor(first_chunk_s=0.2, realtime_factor=0.5).speaking()

    assert medians(made)[SOUND] == 200
    assert medians(made)[MESSAGE] == 250
    assert 0.5 < medians(made)[FACTOR] < 0.6
    assert made.troubles == ()


async def test_a_voice_slower_than_speech_is_a_failure(autojump_clock: Clock) -> None:
    made = await doctor(realtime_factor=1.2).speaking()

    assert "gaps" in made.troubles[0].what
    assert made.troubles[0].rounds == 3


@pytest.mark.parametrize(("fault", "asked"), [(Fault.REFUSED, 1), (Fault.UNREACHABLE, 1), (Fault.BUSY, 3)])
async def test_what_cannot_get_better_is_asked_once(autojump_clock: Clock, fault: Fault, asked: int) -> None:
    stage = Stage(Script(troubles=(Trouble("think", 0, fault=fault),)))
    made = await Doctor(stage.parts, 3).thinking()

    assert stage.mind.requests == asked
    assert made.figures == ()
    assert fault.value in made.troubles[0].what


async def test_a_round_that_fails_leaves_the_others_figures(autojump_clock: Clock) -> None:
    made = await doctor(hear_s=0.4, troubles=(Trouble("hear", at=2),)).hearing()

    assert made.figures[0].rounds == (400, 400)
    assert sum(trouble.rounds for trouble in made.troubles) == 1


@pytest.mark.parametrize("port", ["hear", "think", "speak"])
async def test_a_provider_that_stalls_is_given_what_a_call_gives_it(autojump_clock: Clock, port: str) -> None:
    stage = Stage(Script(troubles=(Trouble(port, 0, fault=None),)))  # type: ignore[arg-type]
    examined = Doctor(stage.parts, 1)
    began = trio.current_time()
    work = {"hear": examined.hearing, "think": examined.thinking, "speak": examined.speaking}[port]
    made = await work()

    limits = {"hear": stage.settings.STT_TIMEOUT_S + len(WELCOME.mulaw) / 8000 * 0.2, "think": 5, "speak": 3}
    assert trio.current_time() - began == pytest.approx(limits[port])
    assert "timeout" in made.troubles[0].what
    assert (stage.ears.active, stage.mind.active, stage.voice.active) == (0, 0, 0)
