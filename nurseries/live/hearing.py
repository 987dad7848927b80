"""Hears the caller while they speak: the detector's windows in, over one socket that lasts the call, words out.

The call's recogniser, and a tenant of its session: what was not answered when a socket ended is sent again on the next.
What does not come in time is sent as a file, so that a caller waits `final_s` for a socket, and no longer.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
import trio

from agent.errors import Fault
from agent.hear.feed import Feed
from agent.hear.ports import Recogniser
from agent.hear.segments import Append, Segments
from agent.hear.transcript import clean, worth_hearing
from agent.hear.turns import WINDOW_BYTES, Decision
from agent.keep.stand_ins import stood_in
from agent.model import Utterance
from agent.providers import realtime_events as events
from agent.providers import realtime_requests as requests
from agent.providers.heard_bills import HeardBills
from nurseries.live.session import Session

log = structlog.get_logger(__name__)

BATCH_BYTES = 3 * WINDOW_BYTES
"""96 ms of sound a message: a third of the messages, and none the later, for a commit sends the rest."""


class Hearing:
    """The Recogniser port for one call, fed by the detector."""

    def __init__(
        self,
        session: Session,
        files: Recogniser,
        *,
        model: str,
        final_s: float,
        so_far: Callable[[], Utterance | None],
    ) -> None:
        """`so_far` is what the caller has said since the onset. `files` hears what does not come over the socket."""
        self.session = session
        self.files = files
        """May be another one before the call begins."""
        self._model = model
        self._final_s = final_s
        self._segments = Segments()
        self._feed = Feed(self._segments, so_far)
        self._bills = HeardBills(model)
        self.by_file = 0
        """Times that the words did not come over the socket."""
        session.admit(self)

    @property
    def name(self) -> str:
        return f"openai {self._model}"

    @property
    def quiet(self) -> bool:
        return self._feed.quiet and self._segments.idle

    def heard(self, window: bytes, at_ms: float, decision: Decision | None) -> None:
        """The detector's window, and what came of it; before anybody acts on that. Not a checkpoint."""
        self._feed.hear(window, at_ms, decision)
        self._send()

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
            self.session.drop("no words in time")
        self._segments.give_up(*stretch)
        self.by_file += 1
        ended = self.session.ended
        late = Fault.TIMEOUT if patience.cancelled_caught or ended is None else ended.fault
        stood_in("stt", self.files.name, late.value)
        return await self.files.transcribe(utterance, language)

    def holds(self, start_ms: float, end_ms: float) -> bool:
        """Whether all the sound between two moments is in the server's conversation. Not a checkpoint."""
        return self._segments.holds(start_ms, end_ms)

    def take_out(self, start_ms: float, end_ms: float) -> None:
        """Take the sound between two moments out of the server's conversation: at once, or as soon as it is there. Not
        a checkpoint."""
        for item in self._segments.take_out(start_ms, end_ms):
            self.session.send(requests.forget(item))

    async def _words(self, start_ms: float, end_ms: float) -> str | None:
        await trio.lowlevel.checkpoint()
        while (text := self._segments.text(start_ms, end_ms)) is None:
            if self.session.away or self._segments.hopeless(start_ms, end_ms):
                return None
            await self.session.news.park()
        return text

    def _send(self) -> None:
        if not self.session.up:
            return
        for step in self._segments.to_send(BATCH_BYTES):
            self._bills.sent(step)
            self.session.send(requests.append(step.sound) if isinstance(step, Append) else requests.commit(step.number))

    # As the session's tenant.

    def opened(self) -> None:
        self._bills = HeardBills(self._model)
        self._segments.begin_again()
        self._send()

    def lost(self) -> None:
        """Nothing is: it is all sent again."""

    def received(self, event: events.RealtimeEvent) -> None:
        self._bills.received(event)
        match event:
            case events.Committed(item):
                if self._segments.committed(item):
                    self.session.send(requests.forget(item))
            case events.HeardPart(item, text):
                self._segments.told(item, text)
            case events.HeardAll(item, text) if self.session.ready:
                self.session.of_use()
                self._segments.final(item, text)
            case events.NotHeard(item, fault, detail):
                log.warning("not heard", fault=fault.value, detail=detail)
                self._segments.failed(item)
            case events.Trouble(of=of) if (number := requests.committed_by(of)) is not None:
                self._segments.refused(number)
