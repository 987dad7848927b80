"""A model that hears and speaks itself: what a reply that is given up leaves at the server. On the mock clock."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from agent.config import Settings
from agent.providers import realtime_requests as requests
from agent.think.ports import Prompt
from nurseries.live.mind import LiveMind
from nurseries.live.session import Session
from nurseries.live.voiced import Voiced
from tests.fakes.realtime_memory import InMemory
from tests.fakes.realtime_plan import Plan, Says
from tests.fakes.realtime_server import Realtime

PROMPT = Prompt("You are Priya.", ())
MODEL = "gpt-realtime-2.1-mini"
ADDRESS = requests.model_address(Settings(_env_file=None, OPENAI_API_KEY="sk-right"), MODEL)  # type: ignore[call-arg,arg-type]


class Nothing:
    """No sound of the caller's."""

    def holds(self, _start_ms: float, _end_ms: float) -> bool:
        return False

    def take_out(self, start_ms: float, end_ms: float) -> None: ...


def done(server: Realtime) -> list[str]:
    return [event["response"]["status"] for event in server.sent[0] if event["type"] == "response.done"]


def errors(server: Realtime) -> list[Any]:
    return [event["error"]["message"] for event in server.sent[0] if event["type"] == "error"]


@pytest.mark.parametrize("after_ms", [10, 150, 350, 600, 1100])
async def test_a_reply_that_is_given_up_makes_room_for_the_next(after_ms: int, autojump_clock: MockClock) -> None:
    """Before the server has begun it, before its first word, within it: it is stopped, and the next one waits for
    that."""
    answers = [Says("One two three four five six seven eight."), Says("Nine.")]
    server = Realtime(Plan(says=lambda _create, _items: answers.pop(0), pace=1.2))
    async with trio.open_nursery() as nursery:
        house = InMemory(server, nursery, ADDRESS, lag_s=0.1)
        session = Session("realtime", house.link, [requests.converse("gpt-live-transcribe", "en", "marin")])
        mind = LiveMind(session, model=MODEL, first_s=3.0, sound=Nothing())
        nursery.start_soon(session.run)
        lines: list[Voiced] = []

        async def emit(line: Voiced) -> None:
            await trio.lowlevel.checkpoint()
            lines.append(line)

        while not session.ready:
            await session.news.park()
        with trio.move_on_after(after_ms / 1000):
            await mind.reply(PROMPT, emit)
        for line in lines:
            line.settle()
        lines.clear()
        await mind.reply(PROMPT, emit)
        assert lines[-1].text == "Nine."
        assert done(server) == ["cancelled", "completed"]
        assert errors(server) == []
        assert [item["content"][0]["transcript"] for item in server.conversations[0]] == ["Nine."]
        assert mind.quiet
        nursery.cancel_scope.cancel("said")
