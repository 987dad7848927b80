"""What a played call has in place of a Realtime server: the same sessions, over links that call back as they did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from agent.config import Settings
from agent.guard.breaker import Breaker, Rules, Visit
from agent.hear.ports import Recogniser
from agent.model import Utterance
from agent.profile import Profile
from agent.providers.realtime_events import RealtimeEvent
from agent.replay import events
from agent.replay.live import to_event
from agent.speak.ports import Voice
from nurseries.live.link import Ended
from nurseries.live.session import Session
from nurseries.live.sides import live_of
from nurseries.parts import GoLive, Live
from nurseries.replay.played import Player


def played_live(
    sessions: list[events.Session], files: Recogniser, other: Voice | None, settings: Settings, player: Player
) -> GoLive:
    """One call's."""

    def session(had: events.Session) -> Session:
        return Session(
            had.name,
            partial(PlayedLink, had.name, player),
            had.setups,
            wall_clock=lambda: float(player.value("time of day")),
            breaker=PlayedBreaker(player) if had.breaker else None,
        )

    def go_live(profile: Profile, so_far: Callable[[], Utterance | None]) -> Live:
        voice = profile.voice or settings.OPENAI_TTS_VOICE
        return live_of([session(had) for had in sessions], files, other, settings, so_far, voice)

    return go_live


@dataclass(frozen=True)
class PlayedLink:
    """A session's socket."""

    name: str
    player: Player
    opened: Callable[[], None]
    received: Callable[[RealtimeEvent], None]

    def send(self, message: str) -> None:
        self.player.sent(message)

    async def run(self) -> Ended:
        return msgspec.convert(await self.player.ask("live", self.name, self._call_back), Ended)

    async def _call_back(self, piece: Any) -> None:
        if piece is None:
            self.opened()
        else:
            self.received(to_event(piece, self.player.blobs))


class PlayedBreaker(Breaker):
    """Lets pass whom it let pass."""

    def __init__(self, player: Player) -> None:
        super().__init__("", "", Rules())
        self._player = player

    def enter(self, now: float) -> Visit | None:  # noqa: ARG002  its answer is known
        return Visit(Breaker("", "", Rules()), 0, probe=False) if self._player.value("breaker") else None

    def opens_in(self, now: float) -> float:  # noqa: ARG002  its answer is known
        return float(self._player.value("breaker opens in"))
