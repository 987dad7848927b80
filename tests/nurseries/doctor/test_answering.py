"""Measuring a model that hears, thinks and speaks: the call's own, over a Realtime server in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from agent.doctor.budget import ANSWER, MESSAGE, budget
from agent.doctor.figures import Measured
from agent.errors import Fault
from agent.providers import realtime_requests as requests
from agent.providers.scripted import Script
from nurseries.doctor.measure import Doctor
from tests.calls.live_stage import LiveStage
from tests.calls.stage import Stage, configured
from tests.fakes.realtime_memory import InMemory
from tests.fakes.realtime_plan import Wrong


async def measured(stage: LiveStage) -> Measured:
    async with trio.open_nursery() as servers:
        address = requests.model_address(stage.settings, stage.settings.OPENAI_REALTIME_MODEL)
        stage.house = InMemory(stage.server, servers, address=address)
        made = await Doctor(replace(stage.parts, go_live=stage.go_live), 3).answering()
        servers.cancel_scope.cancel("measured")
    assert made is not None
    assert stage.server.open == 0
    return made


def staged(**more: object) -> LiveStage:
    script = Script(replies=("A two bedroom flat in Whitefield, lovely.",), first_token_s=0.5, first_chunk_s=0.2)
    return LiveStage(script, configured(PIPELINE="realtime", OPENAI_API_KEY="sk-x"), more=dict(more))


async def test_the_time_is_from_the_words_to_the_first_sound(autojump_clock: MockClock) -> None:
    stage = staged()
    made = await measured(stage)

    assert made.name == "openai gpt-realtime-2.1-mini"
    figure = made.figure(ANSWER)
    assert figure is not None
    assert figure.rounds == (700, 700, 700)
    assert made.figure(MESSAGE) is not None
    assert made.troubles == ()
    (conversation,) = stage.server.conversations
    assert sum(item["role"] == "user" for item in conversation) == 3


async def test_its_budget_is_that_of_the_three_parts(autojump_clock: MockClock) -> None:
    stage = staged()
    table = budget(stage.settings, [await measured(stage)])

    rows = {row.stage: row for row in table.rows}
    assert (rows[ANSWER].median, rows[ANSWER].budget, rows[ANSWER].verdict) == (700, 515, "within limit")
    assert "first token" not in rows


@pytest.mark.parametrize("code", [401, 404])
async def test_a_refused_session_is_told_once(code: int, autojump_clock: MockClock) -> None:
    stage = staged(wrong=[Wrong("refuse", code=code, connection=None)])
    made = await measured(stage)

    (trouble,) = made.troubles
    assert trouble.rounds == 1
    assert Fault.REFUSED.value in trouble.what


async def test_calls_without_such_a_model_have_none_measured() -> None:
    assert await Doctor(Stage().parts, 1).answering() is None
