"""What stands between a recorded call and a Realtime server. The link is outside, with its tasks; its calls back are
fed to the task of the session, which waits for its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.errors import Fault
from agent.guard.breaker import Breaker, Rules, Visit
from agent.model import Utterance
from agent.profile import Profile
from agent.providers.realtime_events import RealtimeEvent
from agent.replay import events, plain
from agent.replay.live import of_event
from nurseries.live.link import Ended
from nurseries.live.session import MakeLink, Socket
from nurseries.parts import GoLive, Live
from nurseries.replay.recorded_providers import RecordedRecogniser, RecordedVoice
from nurseries.replay.take import Take


def recorded_live(own: GoLive, take: Take) -> GoLive:
    """One call's."""

    def go_live(profile: Profile, so_far: Callable[[], Utterance | None]) -> Live:
        live = own(profile, so_far)
        for session in live.sessions:
            session.make_link = _make_link(session.make_link, session.name, take)
            session.wall_clock = _clock(session.wall_clock, take)
            session.breaker = RecordedBreaker(session.breaker, take) if session.breaker is not None else None
        if live.hearing is not None:
            live.hearing.files = RecordedRecogniser(live.hearing.files, take)
        if live.voice is not None and live.voice.other is not None:
            live.voice.other = RecordedVoice(live.voice.other, take)
        return live

    return go_live


def sessions_of(live: Live) -> list[events.Session]:
    """As a recording tells of them."""
    return [events.Session(one.name, list(one.setups), one.breaker is not None) for one in live.sessions]


@dataclass(frozen=True)
class RecordedLink:
    """A session's socket."""

    own: Socket
    name: str
    take: Take

    def send(self, message: str) -> None:
        self.take.sent(message)
        with self.take.beyond():
            self.own.send(message)

    async def run(self) -> Ended:
        return await self.take.ask("live", self.name, lambda _: self.own.run(), plain=plain.of)


def _make_link(own: MakeLink, name: str, take: Take) -> MakeLink:
    def make(opened: Callable[[], None], received: Callable[[RealtimeEvent], None]) -> Socket:
        def has_opened() -> None:
            with take.handing(None):
                opened()

        def has_received(event: RealtimeEvent) -> None:
            with take.handing(of_event(event, take.blob)):
                received(event)

        return RecordedLink(own(has_opened, has_received), name, take)

    return make


def _clock(own: Callable[[], float], take: Take) -> Callable[[], float]:
    return lambda: take.value("time of day", own())


class RecordedBreaker(Breaker):
    """All calls'."""

    def __init__(self, own: Breaker, take: Take) -> None:
        super().__init__(own.part, own.name, Rules())
        self._own = own
        self._take = take

    def enter(self, now: float) -> Visit | None:
        visit = self._take.value("breaker", self._own.enter(now), lambda visit: visit is not None)
        return None if visit is None else _RecordedVisit(self._own, visit, self._take)

    def opens_in(self, now: float) -> float:
        return self._take.value("breaker opens in", self._own.opens_in(now))


class _RecordedVisit(Visit):
    """What it changes is told to all."""

    __slots__ = ("_own", "_take")

    def __init__(self, breaker: Breaker, own: Visit, take: Take) -> None:
        super().__init__(breaker, breaker.era, probe=own.probe)
        self._own = own
        self._take = take

    def worked(self, now: float) -> None:
        with self._take.beyond():
            self._own.worked(now)

    def failed(self, now: float, fault: Fault, retry_after_s: float | None = None) -> None:
        with self._take.beyond():
            self._own.failed(now, fault, retry_after_s)

    def left(self) -> None:
        with self._take.beyond():
            self._own.left()
