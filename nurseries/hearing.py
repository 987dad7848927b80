"""Hears the caller while they speak: the detector's windows in, over one socket that lasts the call, words out.

One of the call's children, and the call's recogniser. Owns the socket: connects again when it ends, and sends again
what was not answered; changes it between two turns before the session's time is up. What does not come in time is sent
as a file, so that a caller waits `final_s` for a socket, and no longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
import trio
from trio.lowlevel import ParkingLot

from agent.errors import Fault
from agent.hear.feed import Feed
from agent.hear.ports import Recogniser
from agent.hear.segments import Append, Segments
from agent.hear.transcript import clean, worth_hearing
from agent.hear.turns import WINDOW_BYTES, Decision
from agent.language import two_letters
from agent.model import Utterance
from agent.providers import realtime_events as events
from agent.providers import realtime_requests as requests
from nurseries.link import Ended, Link

log = structlog.get_logger(__name__)

MakeLink = Callable[[Callable[[], None], Callable[[events.RealtimeEvent], None]], Link]
"""`opened` and `received` in, a link to a transcription session out."""

BATCH_BYTES = 3 * WINDOW_BYTES
"""96 ms of sound a message: a third of the messages, and none the later, for a commit sends the rest."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0
"""Before connecting again, doubled each time, where the last connection brought no words. Else at once."""

AHEAD_S = 90.0
"""Before the session's end it is changed as soon as nobody speaks."""

SESSION_S = 25 * 60.0
"""Of a session whose end the server does not tell: the shortest limit that OpenAI has ever documented is 30 minutes."""


class Hearing:
    """The Recogniser port for one call, fed by the detector."""

    def __init__(
        self,
        make_link: MakeLink,
        files: Recogniser,
        *,
        model: str,
        language: str,
        final_s: float,
        so_far: Callable[[], Utterance | None],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`so_far` is what the caller has said since the onset. `files` hears what does not come over the socket."""
        self._make_link = make_link
        self._files = files
        self._model = model
        self._language = two_letters(language)
        self._final_s = final_s
        self._wall_clock = wall_clock
        self._segments = Segments()
        self._feed = Feed(self._segments, so_far)
        self._link: Link | None = None
        self._socket = trio.CancelScope()
        self._up = False
        self._ready = False
        """The session has our settings: what it hears can be used."""
        self._refused = False
        """There will be no socket in this call."""
        self._failures = 0
        """Connections lost since words last came."""
        self._renew_at = trio.current_time() + SESSION_S
        self._news = ParkingLot()
        self.connections = 0
        self.by_file = 0
        """Times that the words did not come over the socket."""
        self.ended: Ended | None = None
        """How the last connection ended, where that was not our doing."""

    @property
    def name(self) -> str:
        return f"openai {self._model}"

    def heard(self, window: bytes, at_ms: float, decision: Decision | None) -> None:
        """The detector's window, and what came of it; before anybody acts on that. Not a checkpoint."""
        self._feed.hear(window, at_ms, decision)
        self._send()
        if self._up and trio.current_time() >= self._renew_at and self._feed.quiet and self._segments.idle:
            self._socket.cancel("the session's time is almost up")

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        """See the port. In the middle of speech, what is known so far."""
        if not worth_hearing(utterance):
            return ""
        stretch = utterance.start_ms, utterance.end_ms
        if self._feed.speaking and self._segments.tells_early:
            return clean(self._segments.part(*stretch), utterance)
        self._segments.close()
        self._send()
        text = None
        with trio.move_on_after(self._final_s) as patience:
            text = await self._words(*stretch)
        if text is not None:
            return clean(text, utterance)
        if patience.cancelled_caught:
            self._drop("no words in time")
        self._segments.give_up(*stretch)
        self.by_file += 1
        return await self._files.transcribe(utterance, language)

    async def run(self) -> None:
        """Hold a socket until cancelled, or until the server wants none of it."""
        while not self._refused:
            self._link = self._make_link(self._opened, self._received)
            with trio.CancelScope() as self._socket:
                self._lost(await self._link.run())
            self._link, self._up, self._ready = None, False, False
            self._news.unpark_all()
            if self._failures > 1 and not self._refused:
                await trio.sleep(min(FIRST_PAUSE_S * 2.0 ** (self._failures - 2), LONGEST_PAUSE_S))

    async def _words(self, start_ms: float, end_ms: float) -> str | None:
        await trio.lowlevel.checkpoint()
        while (text := self._segments.text(start_ms, end_ms)) is None:
            away = not self._up and (self._refused or self._failures > 1)
            if away or self._segments.hopeless(start_ms, end_ms):
                return None
            await self._news.park()
        return text

    def _send(self) -> None:
        if self._link is None or not self._up:
            return
        for step in self._segments.to_send(BATCH_BYTES):
            self._link.send(requests.append(step.sound) if isinstance(step, Append) else requests.commit(step.number))

    def _drop(self, reason: str) -> None:
        """Try another socket."""
        self._failures += 1
        self._socket.cancel(reason)

    def _lost(self, ended: Ended) -> None:
        self._failures += 1
        self.ended = ended
        self._refused = ended.fault is Fault.REFUSED
        if self._refused:
            log.warning("live recogniser refused; this call is heard by file", detail=ended.detail)
        else:
            log.warning("live recogniser away", fault=ended.fault.value, detail=ended.detail, in_a_row=self._failures)

    def _opened(self) -> None:
        self.connections += 1
        self._up = True
        self._renew_at = trio.current_time() + SESSION_S - AHEAD_S
        self._segments.begin_again()
        if self._link is not None:
            self._link.send(requests.hear(self._model, self._language))
        self._send()

    def _received(self, event: events.RealtimeEvent) -> None:
        match event:
            case events.SessionCreated(float(expires_at)):
                self._renew_at = trio.current_time() + expires_at - self._wall_clock() - AHEAD_S
            case events.SessionUpdated():
                self._ready = True
            case events.Committed(item):
                self._segments.committed(item)
            case events.HeardPart(item, text):
                self._segments.told(item, text)
            case events.HeardAll(item, text) if self._ready:
                self._failures = 0
                self._segments.final(item, text)
            case events.NotHeard(item, fault, detail):
                log.warning("not heard", fault=fault.value, detail=detail)
                self._segments.failed(item)
            case events.Trouble():
                self._trouble(event)
        self._news.unpark_all()

    def _trouble(self, trouble: events.Trouble) -> None:
        if (number := requests.committed_by(trouble.of)) is not None:
            self._segments.refused(number)
        elif self._ready:
            log.info("live recogniser objects", fault=trouble.fault.value, detail=trouble.detail)
        elif trouble.fault is not Fault.REFUSED:
            self._drop(trouble.detail)
        elif self._language:  # perhaps one that this model does not want to be told
            self._language = ""
            self._socket.cancel("once more without a language")
        else:
            self._lost(Ended(trouble.fault, trouble.detail))
            self._socket.cancel("refused")
