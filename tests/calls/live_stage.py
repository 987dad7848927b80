"""Whole calls on the mock clock that hear, think and speak through a Realtime server in memory; the scripted providers
stand in for it where it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import trio

from agent.guard.breaker import Breaker
from agent.hear.ports import Recogniser
from agent.model import Utterance
from agent.profile import Profile
from agent.providers import realtime_requests as requests
from agent.rehearsal.log import CallLog
from agent.wire.ports import MediaSocket
from nurseries.live.session import Session
from nurseries.live.sides import REALTIME, live_of
from nurseries.parts import Live
from tests.calls.stage import Stage
from tests.fakes.realtime_memory import InMemory
from tests.fakes.realtime_plan import Plan
from tests.fakes.realtime_script import plan_of
from tests.fakes.realtime_server import Realtime

VOICE = "marin"


@dataclass
class LiveStage(Stage):
    """PIPELINE=realtime."""

    more: dict[str, Any] = field(default_factory=dict)
    """Of the server's plan."""
    files: Recogniser | None = None
    """Who hears what does not come over the socket, if not the scripted recogniser."""
    lag_s: float = 0.0
    """To the server and back, one way."""
    breaker: Breaker | None = None
    """All calls', of the session."""
    lives: list[Live] = field(default_factory=list)
    house: InMemory = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parts = replace(self.parts, go_live=self.go_live)
        self.server = Realtime(self.plan())

    def plan(self) -> Plan:
        return plan_of(self.script, **self.more)

    def go_live(self, profile: Profile, so_far: Callable[[], Utterance | None]) -> Live:
        setups = [requests.converse(self.settings.OPENAI_STT_LIVE_MODEL, "en", VOICE)]
        session = Session(REALTIME, self.house.link, setups, wall_clock=lambda: 0.0, breaker=self.breaker)
        self.lives.append(live_of((session,), self.files or self.ears, self.voice, self.settings, so_far, VOICE))
        return self.lives[-1]

    async def serve(self, socket: MediaSocket) -> None:
        async with trio.open_nursery() as servers:
            address = requests.model_address(self.settings, self.settings.OPENAI_REALTIME_MODEL)
            self.house = InMemory(self.server, servers, address=address, lag_s=self.lag_s)
            await super().serve(socket)
            servers.cancel_scope.cancel("the call is over")

    def check(self, log: CallLog) -> None:
        super().check(log)
        assert self.server.open == 0
        assert self.server.unanswered == []
        assert not any(live.voice is None or live.mind is None for live in self.lives)
        assert all(live.voice.quiet and live.mind.quiet for live in self.lives if live.voice and live.mind)

    @property
    def answers(self) -> int:
        created = [m for told in self.server.received for m in told if m["type"] == "response.create"]
        return self.mind.requests + sum(m["response"].get("conversation") != "none" for m in created)

    @property
    def objections(self) -> list[str]:
        """Errors of the server's, but that a response was over before it could be cancelled."""
        errors = [event["error"] for sent in self.server.sent for event in sent if event["type"] == "error"]
        return [error["message"] for error in errors if error["code"] != "response_cancel_not_active"]
