"""Lifetime 2: one call. Wires its parts, starts its children, orders its ending: in one file, as they end one another.

Two nested nurseries. Services outside (reader, writer), the conversation inside (detector, runner, silence watchdog,
duration limiter): when the inner one is gone nobody can begin to speak any more, then the writer says the rest and
leaves, all within one deadline. The children do not know each other; what one decides reaches another through
synchronous methods, so nothing can slip in between.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import msgspec
import structlog
import trio

from agent.hear.echo import EchoGuard
from agent.hear.keys import WORDS as KEYS
from agent.hear.keys import Keypad
from agent.hear.ports import HEARING_RATE
from agent.hear.turns import RELEASE, WINDOW_MS, Decision, Guards, TurnDetector
from agent.keep.record import CallRecord, TurnTimes
from agent.keep.stand_ins import KEEPER, StandIn, StandIns
from agent.keep.thread import Leg, Thread
from agent.keep.usage import METER, Meter
from agent.model import CallInfo, Ending, Utterance
from agent.seen.feed import FEED, Feed, State
from agent.seen.pace import Pace
from agent.speak.ledger import Ledger
from agent.think.conversation import Line
from agent.think.errand import Errand, held
from agent.think.facts import values
from agent.wire.media_stream import Encoder, MediaBody
from agent.wire.ports import MediaSocket
from nurseries.boundary import contain
from nurseries.line import detector, duration, machine, moving, reader, silence, writer
from nurseries.line.closing import Closing
from nurseries.line.keypad import Keys
from nurseries.line.outbox import Outbox
from nurseries.line.tape import Tape
from nurseries.line.windows import Windows
from nurseries.parts import Parts, Verdict
from nurseries.purse import Account
from nurseries.replay.pass_clock import decided
from nurseries.talk.dialogue import Dialogue
from nurseries.talk.ears import joined, understand
from nurseries.talk.floor import Floor
from nurseries.talk.phrases import make_phrases
from nurseries.talk.taken_over import GONE, HAND_OFF, LOST, TakenOver
from nurseries.talk.written import entry_of, told_of

log = structlog.get_logger(__name__)

EARS_MS = 5000
"""So much sound may wait for the detector. A process that was held up for less hears all that was said meanwhile, and
fast: a window takes a hundredth of its time."""

BEHIND_MS = 150.0
"""Of the caller's sound, what may not have been listened to yet: frames, windows, the way here. More than that, and the
caller may have said a word although nobody knows: a busy machine, or a network that stalls."""

ROOM_MS = 5000
"""Speech made ahead of its sending, at most: enough for the next sentence, little to throw away."""

EVERY_PAUSE = 1 << 30
"""Words that come while the caller speaks cost nothing more when the caller goes on."""

ENTERED_S, ENTERED_AT_ONCE = 2.0, 30.0
"""Keys and typed words of a browser's call, a second in the long run and at once: each may be a turn, and a program
types faster than anybody. A telephone's carrier bounds its keys."""

HANG_UPS = frozenset({Ending.CALLER_HUNG_UP, Ending.CONNECTION_LOST, Ending.HUNG_UP})
"""Nobody is left to hear a last word, or is to."""

ECHO_TAIL_MS = 600
"""After the last of our sound at the caller's ear, for its echo to come back."""

NOISE_MS = 4000
"""Speech without a pause, after which it is looked into: a noise must not hold the agent for ever."""

MESSAGE_S = 60.0
"""For a message to an answering machine: they listen to a minute or two."""

GOES_ON = {Ending.MOVED: HAND_OFF, Ending.CONNECTION_LOST: LOST}
"""Endings behind which another leg may follow, and how the record tells it."""


@asynccontextmanager
async def _at_once() -> AsyncIterator[bool]:
    yield True


class Call:
    """One call, from the stream's start to its record."""

    ending: Ending | None = None
    reason = ""
    fenced = False
    """Another process holds the call: nothing of this one counts any more."""
    _ended: float | None = None
    _dropped = 0
    _entered = float("-inf")
    """When all that was entered would have been, at ENTERED_S."""
    _hurried = False
    _listened_ms: float | None = None
    """The end of the sound that has been listened to, on the call's clock."""
    _why_move = ""
    _moves_at: float | None = None
    """Since when the call is about to be handed off, as its record tells already."""
    _understood = False
    """What the caller was saying at the end of the leg."""
    _thread: Thread | None = None
    """Where the call stood when this leg ended."""

    def __init__(
        self,
        info: CallInfo,
        socket: MediaSocket,
        parts: Parts,
        tape: Tape | None = None,
        errand: Errand | None = None,
        *,
        before: CallRecord | None = None,
        process: str = "",
        ready: Callable[[], AbstractAsyncContextManager[bool]] | None = None,
        before_close: Callable[[], Awaitable[None]] | None = None,
        at_close: Callable[[], Awaitable[None]] | None = None,
        now: datetime | None = None,
    ) -> None:
        """`tape`, where the call is to be recorded; `errand`, where we placed it for one.

        `before` is the record of a call that went on elsewhere until now, which goes on with it, and with its clock; a
        later leg without one knows nothing of what was said. `process` is this one's name. `now` is the time of day.

        `ready` is entered before the call is handed off, while it goes on, and left once it is or stays: whether the
        store has `so_far`, as it was when that was entered. `before_close` is awaited, for a second at most, once all
        is said and before the socket is closed, unless the call was fenced off; `at_close` beside the closing.
        """
        settings = parts.settings
        now = now or datetime.now(UTC)
        taken = self._taken = TakenOver(before) if before is not None else None
        self._closing = Closing(socket, before_close, at_close)
        self._ready = ready or _at_once
        self._process = process
        self.info = info
        self.meter = Meter(before.usage if before is not None else ())
        self._stand_ins = StandIns(before.stand_ins if before is not None else ())
        self.account: Account | None = None
        """What pays for it; to be closed once nothing more is used for it."""
        self.started_at = taken.started_at(now) if taken is not None else now
        self.errand = errand or (taken.errand if taken is not None else None)
        self.profile = held(
            parts.lines.profile(info), outbound=info.outbound, disclose=settings.DISCLOSE, errand=self.errand
        )
        self._socket = socket
        self._parts = parts
        self._answered = taken.thread.answered if taken is not None else info.leg > 1
        """It is known who has answered a call that we placed."""
        self._leg_began_ms = taken.now_ms(now) if taken is not None else 0.0
        self._began = trio.current_time() - self._leg_began_ms / 1000
        """Of the call, however many legs ago."""
        self._tape = tape
        self._vad = parts.vad()
        self._ears = Windows(EARS_MS, self._vad)
        self._echo = EchoGuard()
        self._pace = Pace(lambda: self._ears.dropped, greets=not info.outbound and info.leg == 1)
        self.feed = Feed(info.leg, lambda: self._outbox.now_ms, turn=self._next_turn, stages=self._stages)
        """Of what goes on in it, for whoever watches."""
        self._outbox = Outbox(
            Ledger(self.feed.says, self.feed.played),
            lead_ms=settings.LEAD_MS,
            message_ms=settings.MESSAGE_MS,
            room_ms=ROOM_MS,
            began=self._began,
            audience=(*([self._echo] if settings.ECHO_GUARD else []), *([tape] if tape is not None else [])),
            pace=self._pace,
        )
        self._turns = TurnDetector(
            Guards(
                threshold=settings.VAD_THRESHOLD,
                onset_ms=min(settings.BARGE_IN_MS, settings.BARGE_IN_THINKING_MS),
                lasting_ms=NOISE_MS,
                pause_ms=settings.PAUSE_MS,
                hold_ms=settings.END_SILENCE_LONG_MS,
                longest_ms=settings.MAX_UTTERANCE_S * 1000,
            )
        )
        self._live = parts.go_live(self.profile, self._turns.rest)
        self._hearing = self._live.hearing
        self._recogniser = self._hearing or parts.recogniser
        self._voice = self._live.voice or parts.voice
        self.dialogue = Dialogue(
            parts, info, self.profile, self._outbox, self._voice, self._live.mind, self.end, tape, self.errand, taken
        )
        self.dialogue.leaves = self._leaves
        self.dialogue.memory.feed = self.feed
        self.floor = Floor(
            self.dialogue,
            self._recogniser,
            parts.end_of_turn,
            settings,
            self._turns.hold,
            early=EVERY_PAUSE if self._hearing else settings.EARLY_TRANSCRIPTIONS,
        )
        if before is not None:
            self.floor.resume(before)
        self._keys = Keys(Keypad(settings.KEY_PAUSE_S, parts.bindings))
        self._message = False
        """There is one to be left with a machine."""
        self._to_move = trio.Event()
        self._moment = trio.CancelScope()
        self._conversing = trio.CancelScope()
        self._leaving = trio.CancelScope()
        self._written = trio.Event()

    def end(self, ending: Ending, reason: str) -> None:
        """The call is over: nobody speaks any more but for last words. The first ending stands. Not a checkpoint."""
        if self.ending is None:
            if ending in GOES_ON:
                self._thread = self._stands(self.dialogue.lay_down())
                if self._thread.unsaid or ending is not Ending.MOVED:
                    self._moves_at = None  # it was not so quiet
            self.ending, self.reason = ending, reason
            self._dropped = self._ears.dropped  # from here on nobody listens, on purpose
            self._pace.ends()
            log.info("ending", ending=ending.value, reason=reason)
            decided("ending", ending=ending.value, reason=reason)
            self.feed.tell("ending", ending=ending.value, reason=reason)
        self._conversing.cancel(reason)
        if ending in HANG_UPS:
            self._outbox.clear()  # a provider may take its time to be gone: nothing is sent, nor heard, meanwhile
            self._leaving.cancel(reason)

    def move(self, reason: str) -> None:
        """Hand the call off to another process as soon as the caller does not notice it, or will not mind: see
        `moving`. The ending is MOVED then, unless the call ends before. Not a checkpoint."""
        if not self._to_move.is_set():
            self._why_move = reason
            self._to_move.set()

    def stay(self) -> None:
        """Nobody could take it now: not to be handed off before `move` is called again, unless that has begun. Not a
        checkpoint."""
        self._to_move = trio.Event()
        self._moment.cancel("it stays")

    def transfer(self, why: str) -> None:
        """Pass the caller on as soon as what is not to be interrupted is over, and they have been told. The ending is
        TRANSFERRED then, unless the call ends before, or the caller wants none. Not a checkpoint."""
        if self.ending is None:
            self.dialogue.pass_on(why)

    @property
    def stays(self) -> str:
        """Why the caller cannot be passed on; empty: they can."""
        if self.ending is not None or self.dialogue.parting:
            return "The call is ending already."
        if self.info.softphone:
            return "A call from a browser cannot be passed on to a telephone."
        return "" if self.profile.transfer_to else "TRANSFER_TO is not set: there is nobody to pass the caller on to."

    @property
    def to_move(self) -> bool:
        """It is, or was, to be handed off."""
        return bool(self._why_move)

    def fence(self) -> None:
        """Another process holds the call by now: leave at once, without a word. Not a checkpoint."""
        self.fenced = True
        self.end(Ending.MOVED, "another process holds the call")
        self._outbox.clear()
        self._leaving.cancel("fenced off")
        self._closing.fence()

    def stood_in(self, part: str, name: str, why: str) -> None:
        """`name` has served in place of whom it should have been. Not a checkpoint."""
        at_ms = round(max(self._outbox.now_ms, 0.0))
        self._stand_ins.add(StandIn(at_ms, part, name, why), self.dialogue.turns)

    async def run(self) -> None:
        """Hold the call; returns once the socket is closed and every child gone. Cancelled, it hangs up at once. From
        here on the meter counts what is used in this task."""
        if self._tape is not None:
            self._tape.begins(self.info.leg, self.started_at, self._leg_began_ms)
        METER.set(self.meter)
        FEED.set(self.feed)
        self.dialogue.story.begin(*self._gap())
        KEEPER.set(self.stood_in)
        if self._parts.purse is not None:
            self.account = self.dialogue.account = self._parts.purse.open(self.info, self.meter)
        try:
            async with trio.open_nursery() as services:
                services.start_soon(self._read, name="reader")
                services.start_soon(self._write, name="writer")
                for session in self._live.sessions:  # last words are said over them
                    services.start_soon(contain, session.run, "session", name=f"session {session.name}")
                crashed = await contain(self._converse, "conversation")
                if crashed:
                    self.end(Ending.FAILED, "crash")
                await self._leave(crashed)
                services.cancel_scope.cancel("the call is over")
        finally:
            self._ended = trio.current_time()
            ending = self.ending or Ending.SHUTDOWN
            self.dialogue.story.over(ending.value, self._ended, failed=ending is Ending.FAILED)
            self._outbox.clear()
            self.dialogue.memory.commit()
            if self._tape is not None:
                self._tape.end(self._outbox.now_ms)
            if self.ending is Ending.CONNECTION_LOST:
                await self._closing.lose(self._understand)  # noqa: ASYNC102  both shield themselves, within bounds
            else:
                await self._closing.close()  # noqa: ASYNC102

    def record(self) -> CallRecord:
        """What this call leaves behind; complete once `run` has returned or raised, but for what comes after a call.
        After a hand-off it has no ending, as another process will write it."""
        ended = self._ended if self._ended is not None else trio.current_time()
        lines = self.dialogue.memory.conversation.lines
        ending = "" if self.ending is Ending.MOVED else (self.ending or Ending.SHUTDOWN).value
        return self._record(lines, round((ended - self._began) * 1000), ending)

    def so_far(self) -> CallRecord:
        """The same while the call goes on, with what the caller has heard of the sentence that is playing. It lasts to
        its last entry, so that it changes with what is said and not with the time. Behind a leg that is over it has all
        that another one needs."""
        lines = self.dialogue.memory.so_far()
        return self._record(lines, round(max((line.end_ms for line in lines), default=0.0)), "")

    def _record(self, lines: Sequence[Line], duration_ms: int, ending: str) -> CallRecord:
        dialogue, floor, before = self.dialogue, self.floor, self._taken
        times = dialogue.memory.times(self._began, self.meter)
        thread = None
        if self.ending is None or (self.ending in GOES_ON and self._thread is not None):
            thread = msgspec.structs.replace(
                self._thread or self._stands(dialogue.unsaid()),
                turns=tuple(line.turn for line in lines),
                facts=told_of(dialogue.memory.facts.values()),
            )
        return CallRecord(
            call_sid=self.info.call_sid,
            account_sid=self.info.account_sid,
            caller=self.info.caller,
            called=self.info.called,
            direction=self.info.direction,
            started_at=self.started_at.isoformat(timespec="milliseconds"),
            duration_ms=duration_ms,
            ending=ending,
            entries=tuple(entry_of(line) for line in lines),
            turns=times if before is None else (*before.record.turns, *times),
            facts=values(dialogue.memory.facts),
            providers=self._parts.names(self._live),
            barge_ins=floor.barge_ins,
            frames_dropped=(self._ears.dropped if self.ending is None else self._dropped)
            + (before.record.frames_dropped if before is not None else 0),
            language=self.profile.language,
            transferred_to=dialogue.transferred_to,
            false_interruptions=floor.false_interruptions,
            backchannels=floor.backchannels,
            early_transcriptions=floor.ears.early,
            early_discarded=floor.ears.discarded,
            reason="" if self.ending is Ending.MOVED else self.reason,
            usage=self.meter.used,
            order=self.info.order,
            campaign=self.info.campaign,
            stand_ins=self._stand_ins.all,
            purpose=self.errand.purpose if self.errand else "",
            variables=self.errand.variables if self.errand else {},
            legs=(*(before.legs if before is not None else ()), self._leg()),
            thread=thread,
            missing=before.record.missing if before is not None else self.info.leg - 1,
        )

    @property
    def state(self) -> State:
        """What goes on in it now."""
        dialogue = self.dialogue
        if dialogue.caller_speaks:
            return "hearing"
        if self._outbox.speaking:
            return "speaking"
        owes = dialogue.speech is not None and not dialogue.speech.said_all
        return "thinking" if owes or dialogue.unheard or dialogue.awaiting else "listening"

    def _next_turn(self) -> int:
        """The answer's that the caller's words would get now."""
        dialogue = self.dialogue
        return dialogue.turns + (not dialogue.awaiting or dialogue.speech is None)

    def _stages(self, turn: int) -> TurnTimes | None:
        """Of the answer that has just begun to be sent; None of what is none."""
        timing = next(reversed(self.dialogue.memory.timings), None)
        if timing is None or timing.speech.turn != turn:
            return None
        return self.dialogue.memory.times(self._began)[-1]

    def _gap(self) -> tuple[str, float | None]:
        if self._taken is not None:
            return self._taken.gap(self._leg_began_ms)
        return (GONE if self.info.leg > 1 else "", None)  # and its past with it

    def _leg(self) -> Leg:
        ending, at = self.ending, self._ended
        if self._moves_at is not None and ending in (None, Ending.MOVED):
            ending, at = Ending.MOVED, self._moves_at
        why = GOES_ON.get(ending, "") if ending is not None else ""
        ended_ms = None if at is None else round((at - self._began) * 1000)
        return Leg(self._process, round(self._leg_began_ms), ended_ms, why)

    def _stands(self, unsaid: Sequence[str]) -> Thread:
        """Where the call stands, but for what its lines and facts tell."""
        info, dialogue = self.info, self.dialogue
        return Thread(
            info.line,
            info.language,
            info.voice,
            tuple(unsaid),
            self._tape is not None and self._tape.allowed,
            dialogue.disclosures,
            turn=dialogue.turns,
            notices=dialogue.notices,
            parting=("transfer" if dialogue.transferring else "goodbye") if dialogue.parting else "",
            complete=dialogue.complete,
            answered=self._answered,
            speaking=dialogue.caller_speaks or dialogue.unheard,
        )

    def unheard(self) -> list[Utterance]:
        """Sound of the caller that nobody has understood by the end of the call, in order."""
        return [] if self._understood else self.floor.ears.left(self._turns.rest())

    async def _understand(self) -> None:
        unheard = self.unheard()
        if not unheard:
            return
        whole = joined(unheard)
        limit = self._parts.settings.STT_TIMEOUT_S + whole.duration_ms / 1000 * HEARING_RATE
        text = await understand(whole, self._parts.recogniser, self.profile.language, limit)
        if text is None:
            return
        self._understood = True
        if text:
            self.dialogue.memory.caller_said(text, whole.start_ms, whole.end_ms)
        if self._thread is not None:
            self._thread = msgspec.structs.replace(
                self._thread, speaking=False, unsaid=() if text else self._thread.unsaid
            )

    async def _read(self) -> None:
        await reader.read(
            self._socket,
            self._ears.put,
            limit_s=self._parts.settings.MEDIA_TIMEOUT_S,
            now_ms=lambda: self._outbox.now_ms,
            heard=self._sounded,
            mark=self._mark,
            digit=self._digit,
            ended=self.end,
            typed=self._typed if self.info.softphone else None,
            pace=self._pace,
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
        dialogue, floor = self.dialogue, self.floor
        with self._conversing:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._detect, name="detector")
                nursery.start_soon(floor.ears.run, name="ears")
                nursery.start_soon(dialogue.runner.run, name="runner")
                nursery.start_soon(self._keys.watch, floor.pressed, name="keypad")
                nursery.start_soon(
                    silence.watch, dialogue.quiet_since, settings.SILENCE_S, dialogue.too_quiet, name="silence"
                )
                nursery.start_soon(self._limit, name="duration")
                nursery.start_soon(self._find_moment, name="moving")
                verdict = self._parts.verdict if self.info.order and not self._answered else None
                if verdict is not None and settings.MACHINE_DETECTION != "off":
                    nursery.start_soon(self._look_for_machine, verdict, name="machine")
                nursery.start_soon(make_phrases, dialogue.phrases, dialogue.manner, name="phrases")
                if self._taken is None and self.info.leg == 1:
                    dialogue.greet()
                else:
                    dialogue.go_on()

    async def _detect(self) -> None:
        await detector.detect(
            self._ears,
            self._vad,
            self._turns,
            self._decided,
            guard_ms=self.floor.guard_ms,
            is_echo=self._is_echo,
            heard=self._listened,
            at_once=self._about_to_move,
        )

    def _decided(self, decision: Decision) -> None:
        self.feed.heard(decision)
        self.floor.decided(decision)

    def _about_to_move(self) -> bool:
        return self._to_move.is_set()

    def _listened(self, window: bytes, begins_ms: float, decision: Decision | None) -> None:
        self._listened_ms = begins_ms + WINDOW_MS
        if self._hearing:
            self._hearing.heard(window, begins_ms, decision)

    async def _limit(self) -> None:
        settings, dialogue = self._parts.settings, self.dialogue
        await duration.limit(
            settings.CALL_MAX_MINUTES * 60,
            settings.NOTICE_S,
            notice=dialogue.notice,
            insist=dialogue.insist,
            reached=self._out_of_time,
            passed_s=self._leg_began_ms / 1000,
            told=dialogue.noticed,
        )

    async def _find_moment(self) -> None:
        dialogue, outbox = self.dialogue, self._outbox
        scene = moving.Scene(
            quiet_since=self._quiet_since,
            asked=lambda: dialogue.memory.conversation.question.endswith("?"),
            free=self._free,
            audible=lambda: outbox.ledger.first if outbox.speaking else "",
        )
        wait_s = self._parts.settings.HAND_OFF_WAIT_S
        while self.ending is None:
            with trio.CancelScope() as self._moment:
                await moving.watch(self._to_move, wait_s, scene, move=self._hand_off, cut=self._cut_short)

    def _cut_short(self) -> None:
        self.end(Ending.MOVED, self._why_move)

    async def _hand_off(self, still: Callable[[], bool]) -> bool:
        """Listen until the store has the record, as it will be if nothing happens until then; if that is so, hand off,
        and close the socket in the same step where nothing is left to be said or written. Whether it is handed off.
        Cancelled before that, the call goes on here."""
        self._moves_at = trio.current_time()
        record = self.so_far()
        try:
            async with self._ready() as known:
                if known and still() and self.ending is None:
                    self.end(Ending.MOVED, self._why_move)
                    if self._moves_at is not None and self.so_far() == record:
                        await self._closing.close_at_once()
        finally:
            if self.ending is None:
                self._moves_at = None
        return self.ending is Ending.MOVED

    @property
    def _caller_busy(self) -> bool:
        """The caller speaks or presses keys, or has done so and it is not known yet what it was."""
        dialogue = self.dialogue
        return dialogue.caller_speaks or dialogue.unheard or self._turns.voiced or self._keys.pending

    def _free(self) -> bool:
        noise = self._turns.speaking and self.floor.noise and not (self.dialogue.unheard or self._keys.pending)
        return (noise or not self._caller_busy) and not self.dialogue.committed

    @property
    def _behind(self) -> bool:
        """What the caller has done lately is not known yet."""
        return self._listened_ms is not None and self._outbox.now_ms - self._listened_ms > BEHIND_MS

    def _quiet_since(self) -> float:
        dialogue, outbox = self.dialogue, self._outbox
        if (
            self._behind
            or self._caller_busy
            or self._turns.speaking
            or dialogue.runner.busy
            or outbox.speaking
            or not outbox.empty
        ):
            return trio.current_time()
        return max(outbox.playback_end, dialogue.last_spoken)

    async def _leaves(self) -> bool:
        """The words of the caller are there and the agent has not begun to think: whether the call is moved now, and
        another process answers them, so that its way is no longer than the thought. A checkpoint only where it may be
        moved."""

        def free() -> bool:
            busy = self._behind or self._caller_busy or self.dialogue.committed
            return self._to_move.is_set() and not busy

        return free() and await self._hand_off(free)

    async def _look_for_machine(self, verdict: Verdict) -> None:
        def hang_up(answered_by: str) -> None:
            if self.ending is None:
                self.end(Ending.MACHINE, answered_by)
                self._outbox.clear()  # nobody is there to hear the rest

        def leave_message(answered_by: str) -> None:
            self._message = self.ending is None
            hang_up(answered_by)

        await machine.watch(
            partial(verdict, self.info.order),
            self._parts.settings.MACHINE_DETECTION,
            hang_up=hang_up,
            leave_message=leave_message,
        )
        self._answered = True

    async def _leave(self, crashed: bool) -> None:
        """Last words where the ending has any, then the rest of the queue, as far as the caller hears it in time."""
        settings = self._parts.settings
        with self._leaving:
            self._leaving.deadline = trio.current_time() + (MESSAGE_S if self._message else settings.GOODBYE_TIMEOUT_S)
            if self._message:
                crashed = await contain(self.dialogue.leave_message, "message")
            if self.ending in (Ending.TIME_LIMIT, Ending.SHUTDOWN):
                crashed = await contain(self.dialogue.farewell, "farewell")
            if crashed and self.ending not in GOES_ON:  # else another process goes on where this one laid it down
                await self.dialogue.apologise()
            self._outbox.finish()
            await self._written.wait()
            await self._outbox.heard()
        if self._leaving.cancelled_caught and self.ending not in HANG_UPS and self.ending not in GOES_ON:
            log.warning("left before the last word was heard")

    def _sounded(self, media: MediaBody) -> None:
        if self._tape is not None:
            self._tape.heard(media.payload, media.timestamp, self._outbox.now_ms)

    def _mark(self, name: str) -> None:
        if self._tape is not None:
            self._tape.returned(name)
        self._outbox.returned(name)
        self.dialogue.memory.commit()

    def _digit(self, digit: str) -> None:
        log.info("key")  # not which: it may be part of a number that is nobody's business
        if self.ending is None and digit in KEYS and self._keeps_pace():
            self.floor.keyed()
            self._keys.press(digit)

    def _typed(self, text: str) -> None:
        words = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        if self.ending is None and words and self._keeps_pace():
            self.floor.typed(words)

    def _keeps_pace(self) -> bool:
        now = trio.current_time()
        until = max(self._entered, now) + 1 / ENTERED_S
        if not self.info.softphone or until - now <= ENTERED_AT_ONCE / ENTERED_S:
            self._entered = until
            return True
        if not self._hurried:
            self._hurried = True
            log.warning("more is entered than anybody types", call_sid=self.info.call_sid)
        return False

    def _is_echo(self, window: bytes, at_ms: float, probability: float) -> bool:
        settings = self._parts.settings
        if not settings.ECHO_GUARD or at_ms > self._outbox.ledger.end_ms + ECHO_TAIL_MS:
            return False
        self._echo.heard(window, at_ms)
        return probability >= settings.VAD_THRESHOLD - RELEASE and self._echo.is_echo(window, at_ms)

    def _out_of_time(self) -> None:
        self.end(Ending.TIME_LIMIT, f"{self._parts.settings.CALL_MAX_MINUTES:g} minutes")
