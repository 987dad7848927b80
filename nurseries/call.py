"""Lifetime 2: one call. Wires its parts, starts its children, orders its ending.

Two nested nurseries. Services outside (reader, writer), the conversation inside (detector, runner, silence watchdog,
duration limiter): when the inner one is gone nobody can begin to speak any more, then the writer says the rest and
leaves, all within one deadline. The children do not know each other; what one decides reaches another through
synchronous methods, so nothing can slip in between.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import structlog
import trio

from agent.hear.turns import Guards, TurnDetector
from agent.keep.record import CallRecord, Entry
from agent.model import CallInfo, Ending, Frame
from agent.speak.ledger import Ledger
from agent.think.facts import values
from agent.wire.media_stream import Encoder
from agent.wire.ports import MediaSocket
from nurseries import detector, duration, reader, silence, writer
from nurseries.boundary import contain
from nurseries.dialogue import Dialogue, Parts
from nurseries.mailbox import Mailbox
from nurseries.outbox import Outbox

log = structlog.get_logger(__name__)

EARS_FRAMES = 25
"""Half a second of sound may wait for the detector; older sound is worth nothing to a conversation."""

ROOM_MS = 5000
"""Speech made ahead of its sending, at most: enough for the next sentence, little to throw away."""

HANG_UPS = frozenset({Ending.CALLER_HUNG_UP, Ending.CONNECTION_LOST})
"""Nobody is left to hear a last word."""

CLOSE_S = 0.5
"""For the closing handshake, shielded: a hang-up must not wait for a silent peer."""


class Call:
    """One call, from the stream's start to its record."""

    def __init__(self, info: CallInfo, socket: MediaSocket, parts: Parts) -> None:
        settings = parts.settings
        self.info = info
        self.ending: Ending | None = None
        self.started_at = datetime.now(UTC)
        self._socket = socket
        self._parts = parts
        self._began = trio.current_time()
        self._ended: float | None = None
        self._dropped = 0
        self._ears: Mailbox[Frame] = Mailbox(EARS_FRAMES)
        self._outbox = Outbox(
            Ledger(), lead_ms=settings.LEAD_MS, message_ms=settings.MESSAGE_MS, room_ms=ROOM_MS, began=self._began
        )
        self._dialogue = Dialogue(parts, self._outbox, self.end)
        self._conversing = trio.CancelScope()
        self._leaving = trio.CancelScope()
        self._written = trio.Event()

    def end(self, ending: Ending, reason: str) -> None:
        """The call is over: nobody speaks any more but for last words. The first ending stands. Not a checkpoint."""
        if self.ending is None:
            self.ending = ending
            self._dropped = self._ears.dropped  # from here on nobody listens, on purpose
            log.info("ending", ending=ending.value, reason=reason)
        self._conversing.cancel(reason)
        if ending in HANG_UPS:
            self._leaving.cancel(reason)

    async def run(self) -> None:
        """Hold the call; returns once the socket is closed and every child gone. Cancelled, it hangs up at once."""
        try:
            async with trio.open_nursery() as services:
                services.start_soon(self._read, name="reader")
                services.start_soon(self._write, name="writer")
                crashed = await contain(self._converse, "conversation")
                if crashed:
                    self.end(Ending.FAILED, "crash")
                await self._leave(crashed)
                services.cancel_scope.cancel("the call is over")
        finally:
            self._ended = trio.current_time()
            self._outbox.clear()
            self._dialogue.commit()
            with trio.move_on_after(CLOSE_S, shield=True) as polite:
                await self._socket.close()
            if polite.cancelled_caught:
                log.info("closed without the peer's goodbye")

    def record(self) -> CallRecord:
        """What this call leaves behind; complete once `run` has returned or raised."""
        dialogue = self._dialogue
        ended = self._ended if self._ended is not None else trio.current_time()
        return CallRecord(
            call_sid=self.info.call_sid,
            account_sid=self.info.account_sid,
            caller=self.info.caller,
            called=self.info.called,
            direction=self.info.direction,
            started_at=self.started_at.isoformat(timespec="milliseconds"),
            duration_ms=round((ended - self._began) * 1000),
            ending=(self.ending or Ending.SHUTDOWN).value,
            entries=tuple(
                Entry(line.role, line.text, round(line.start_ms), round(line.end_ms), line.interrupted)
                for line in dialogue.conversation.lines
            ),
            turns=dialogue.times(self._began),
            facts=values(dialogue.facts),
            providers={
                "stt": self._parts.recogniser.name,
                "llm": self._parts.model.name,
                "tts": self._parts.voice.name,
            },
            barge_ins=dialogue.barge_ins,
            frames_dropped=self._dropped,
        )

    async def _read(self) -> None:
        await reader.read(
            self._socket,
            self._ears,
            limit_s=self._parts.settings.MEDIA_TIMEOUT_S,
            mark=self._mark,
            digit=self._digit,
            ended=self.end,
        )

    async def _write(self) -> None:
        try:
            await writer.write(
                self._socket,
                self._outbox,
                Encoder(self.info.stream_sid),
                limit_s=self._parts.settings.SEND_TIMEOUT_S,
                lost=lambda reason: self.end(Ending.CONNECTION_LOST, reason),
            )
        finally:
            self._written.set()

    async def _converse(self) -> None:
        settings = self._parts.settings
        guards = Guards(
            threshold=settings.VAD_THRESHOLD,
            onset_ms=settings.BARGE_IN_MS,
            hold_ms=settings.END_SILENCE_MS,
            longest_ms=settings.MAX_UTTERANCE_S * 1000,
        )
        dialogue = self._dialogue
        with self._conversing:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    detector.detect,
                    self._ears,
                    self._parts.vad(),
                    TurnDetector(guards),
                    dialogue.decided,
                    name="detector",
                )
                nursery.start_soon(dialogue.runner.run, name="runner")
                nursery.start_soon(
                    silence.watch, dialogue.quiet_since, settings.SILENCE_S, dialogue.too_quiet, name="silence"
                )
                nursery.start_soon(duration.limit, settings.CALL_MAX_MINUTES * 60, self._out_of_time, name="duration")
                dialogue.greet()

    async def _leave(self, crashed: bool) -> None:
        """Last words where the ending has any, then the rest of the queue, as far as the caller hears it in time."""
        settings = self._parts.settings
        with self._leaving:
            self._leaving.deadline = trio.current_time() + settings.GOODBYE_TIMEOUT_S
            if self.ending in (Ending.TIME_LIMIT, Ending.CALLER_SILENT, Ending.SHUTDOWN):
                crashed = await contain(partial(self._dialogue.farewell, settings.GOODBYE), "farewell")
            if crashed:
                await self._dialogue.apologise()
            self._outbox.finish()
            await self._written.wait()
            await self._outbox.heard()
        if self._leaving.cancelled_caught and self.ending not in HANG_UPS:
            log.warning("left before the last word was heard")

    def _mark(self, name: str) -> None:
        self._outbox.returned(name)
        self._dialogue.commit()

    def _digit(self, _digit: str) -> None:
        log.info("digit")

    def _out_of_time(self) -> None:
        self.end(Ending.TIME_LIMIT, f"{self._parts.settings.CALL_MAX_MINUTES:g} minutes")
