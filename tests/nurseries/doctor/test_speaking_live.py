"""Measuring a voice over a realtime model: the call's own, over a socket to the fake server, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
import trio
from trio.testing import MockClock

from agent.config import Settings
from agent.doctor.budget import MESSAGE, SOUND
from agent.doctor.figures import FACTOR, Measured
from agent.model import Utterance
from agent.profile import Profile
from agent.providers import realtime_requests as requests
from agent.providers.scripted import Script, ScriptedVoice
from nurseries.doctor.measure import SENTENCE, Doctor
from nurseries.live.session import Session
from nurseries.live.voice import LiveVoice
from nurseries.parts import Live
from tests.calls.stage import Stage, configured
from tests.fakes.realtime_memory import InMemory
from tests.fakes.realtime_plan import Plan, Says, Wrong
from tests.fakes.realtime_server import Realtime

MODEL = "gpt-realtime-2.1-mini"
SPEAKS = {"TTS_PROVIDER": "openai", "OPENAI_API_KEY": "sk-x", "TTS_FIRST_S": 1.5}


@dataclass
class House:
    """A server, and who says what it does not."""

    plan: Plan
    alone: bool = False
    away: bool = False
    server: Realtime = field(init=False)

    def __post_init__(self) -> None:
        self.server = Realtime(self.plan)

    async def measured(self, rounds: int = 3) -> Measured:
        stage = Stage(Script(first_chunk_s=0.2), configured(**SPEAKS))
        address = requests.model_address(Settings(_env_file=None, OPENAI_API_KEY="sk-right"), MODEL)  # type: ignore[call-arg,arg-type]
        async with trio.open_nursery() as servers:
            place = InMemory(self.server, servers, address=address, away=self.away)
            other = None if self.alone else ScriptedVoice(Script(first_chunk_s=0.2))

            def go_live(_profile: Profile, _so_far: Callable[[], Utterance | None]) -> Live:
                session = Session("voice", place.link, [requests.speak("marin")], wall_clock=lambda: 0.0)
                voice = LiveVoice(session, other, model=MODEL, voice="marin", first_s=stage.settings.TTS_FIRST_S)
                return Live((session,), voice=voice)

            made = await Doctor(replace(stage.parts, go_live=go_live), rounds).speaking()
            servers.cancel_scope.cancel("the test is over")
        assert stage.voice.requests == 0  # /audio/speech
        assert self.server.open == 0  # no socket is left
        return made


def rounds(made: Measured, name: str) -> tuple[float, ...]:
    figure = made.figure(name)
    assert figure is not None
    return figure.rounds


async def test_a_sentence_is_measured_over_one_socket(autojump_clock: MockClock) -> None:
    house = House(Plan(first_s=0.3))
    made = await house.measured()

    assert made.name == f"openai {MODEL} marin"
    assert rounds(made, SOUND) == (300, 300, 300)
    assert rounds(made, MESSAGE) == (300, 300, 300)
    assert max(rounds(made, FACTOR)) < 0.5
    assert made.troubles == ()
    assert house.server.connections == 1
    assert house.server.spoken == [SENTENCE] * 3


async def test_what_another_voice_had_to_say_is_told_with_the_wait_for_it(autojump_clock: MockClock) -> None:
    made = await House(Plan(first_s=9)).measured(1)

    assert rounds(made, SOUND) == (1700,)
    (trouble,) = made.troubles
    assert "another voice: timeout (nothing for 1.5 s)" in trouble.what
    assert trouble.rounds == 1


@pytest.mark.parametrize("alone", [False, True])
async def test_a_refused_socket_is_told_with_its_reason(autojump_clock: MockClock, alone: bool) -> None:
    made = await House(Plan(wrong=[Wrong("refuse", code=401, connection=None)]), alone).measured()

    assert bool(made.figures) is not alone
    (trouble,) = made.troubles
    assert "refused (401 refused)" in trouble.what
    assert "OPENAI_API_KEY" in trouble.do


@pytest.mark.parametrize("alone", [False, True])
async def test_a_model_that_was_shut_down_names_its_setting(autojump_clock: MockClock, alone: bool) -> None:
    made = await House(Plan(shut_down=frozenset({MODEL})), alone).measured()

    (trouble,) = made.troubles
    assert "model_not_found" in trouble.what
    assert "Set OPENAI_REALTIME_MODEL to a model that this server has" in trouble.do


async def test_nobody_there_is_told(autojump_clock: MockClock) -> None:
    made = await House(Plan(), away=True).measured()

    assert rounds(made, SOUND) == (200, 200, 200)
    (trouble,) = made.troubles
    assert "unreachable" in trouble.what
    assert trouble.rounds == 3


@pytest.mark.parametrize("alone", [False, True])
async def test_other_words_are_a_failure(autojump_clock: MockClock, alone: bool) -> None:
    says = Says("Sure, let me tell you all about the flats that we have in Whitefield.")
    made = await House(Plan(says=lambda _create, _items: says), alone).measured()

    assert len(rounds(made, SOUND)) == 3
    (trouble,) = made.troubles
    assert "in other words" in trouble.what
    assert trouble.rounds == 3
    assert "OPENAI_REALTIME_MODEL" in trouble.do


async def test_calls_without_a_realtime_model_are_measured_by_their_voice(autojump_clock: MockClock) -> None:
    stage = Stage(Script(first_chunk_s=0.2))
    made = await Doctor(stage.parts, 1).speaking()

    assert rounds(made, SOUND) == (200,)
    assert stage.voice.requests == 1
