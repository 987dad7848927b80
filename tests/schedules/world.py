"""One drawn call from its first stream to its last task: the server's legs, the caller, what happens between them, and
what was seen of it. In one file, for every part of it looks at the same legs and the same clock.

On the mock clock, with Trio's scheduler shuffled from the same seed, so that a seed is one schedule.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import trio

from agent.config import Settings
from agent.guard.budget import DAY, Budget, Caps, Needs
from agent.guard.pot import Pot, reported
from agent.guard.tokens import Claims
from agent.keep import journal
from agent.keep.record import CallRecord
from agent.keep.wav import Label
from agent.model import CallInfo, Ending
from agent.rehearsal.carrier import Identity, new_identity, next_stream
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan, Line
from agent.speak import clips
from agent.wire.ports import MediaSocket
from nurseries import boundary
from nurseries.call import GOES_ON, Call
from nurseries.line.tape import Tape
from nurseries.purse import Purse
from nurseries.rehearsal.caller import Conversation
from nurseries.rehearsal.loopback import LoopbackSocket
from tests.calls.legs import stored
from tests.calls.live_stage import LiveStage
from tests.calls.stage import Stage, configured, tone
from tests.schedules import invariants
from tests.schedules.chained import Desk
from tests.schedules.clock import Jumping
from tests.schedules.ear import differs, stretches
from tests.schedules.leg import Leg
from tests.schedules.parties import (
    DRAWN,
    Health,
    Model,
    Recogniser,
    Shelf,
    Voice,
    Wire,
    key_message,
    prompt,
    spelled,
    stop_message,
)
from tests.schedules.scenario import TOOLS, Act, Scenario
from tests.schedules.watch import Watch

MOST_LEGS = 4
LOOK_S = 0.2
"""Between two looks at the record."""
EPOCH = datetime(2026, 1, 1, 12, tzinfo=UTC)
NEEDS = Needs(call=10, turn=10)
FULL = 1_000_000
"""Micro-dollars."""
PROMISED_S = 10.0
"""A call that was announced and does not come binds no money for longer."""
LONGEST_S = 120.0
"""Of virtual time: a call that lasts longer hangs."""


class _Told:
    """Part of a stage: its calls are seen from outside."""

    world: World

    def call(self, info: CallInfo, socket: MediaSocket, **more: Any) -> Call:
        return self.world.begin(info, socket, partial(super().call, info, **more))  # type: ignore[misc]


class _Chain(_Told, Stage):
    pass


class _Live(_Told, LiveStage):
    pass


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that was not kept."""

    promise: str
    what: str


def _transfer(call: Call) -> None:
    if not call.stays:
        call.transfer("to a colleague, by who watches")


COMMANDS: dict[str, Callable[[Call], None]] = {
    "move": lambda call: call.move("a release"),
    "drain": lambda call: call.end(Ending.SHUTDOWN, "drain"),
    "fence": lambda call: call.fence(),
    "end": lambda call: call.end(Ending.HUNG_UP, "by who watches"),
    "transfer": _transfer,
}
"""What is done to a call from outside."""


@dataclass
class World:
    """One scenario's run."""

    scenario: Scenario
    legs: list[Leg] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    """What happened, in order, with its time."""
    record: CallRecord | None = None
    """The newest."""
    seconds: float = 0.0
    """Of the call."""

    def __post_init__(self) -> None:
        s = self.scenario
        self.log = CallLog()
        self._dice = random.Random(f"world {s.seed}")
        self._written: list[tuple[bytes, CallRecord]] = []
        self._looked_at = 0.0
        self._leg = 0
        self._ours: LoopbackSocket | None = None
        self._identity = new_identity(dice=self._dice)
        self._health = Health(s)
        self._desk: Desk | None = None
        self.stage = self._make_stage()
        self._purse = self._make_purse() if s.budget else None
        self.stage.parts = replace(self.stage.parts, purse=self._purse)
        plan = CallPlan(
            lines=tuple(replace(_tone(each.ms), at_ms=each.at_ms) for each in s.lines),
            barge_in_at_ms=s.barge_in_at_ms,
            dtmf=s.keys,
            quiet_ms=s.quiet_ms,
            patience_ms=s.patience_ms,
            max_ms=15_000,
            hang_up=s.hang_up,
            hang_up_at_ms=s.hang_up_at_ms,
            linger_ms=30_000,
            rudeness=s.rudeness,
            echo=s.echo,
        )
        self._caller = Conversation(plan, self.log, self._dice)
        self.watch = Watch(self._stepped, [(act.step, partial(self._act, act)) for act in s.acts if act.step])

    # What is told.

    def note(self, what: str) -> None:
        """It happened now. Not a checkpoint."""
        self.events.append(f"{trio.current_time() * 1000:7.0f} leg {len(self.legs)}: {what}")

    def cancelled(self, reason: str | None, file: str) -> None:
        """Something was cancelled, by code of this file. Not a checkpoint."""
        if "/nurseries/" in file and "/nurseries/rehearsal/" not in file:
            self.note(f"cancel: {reason}")
            if not reason:
                self._break("every_cancel_has_a_reason", f"in {file.rpartition('/')[2]}")

    def crashed(self, what: str, error: BaseException) -> None:
        """Something did, and was contained. Not a checkpoint."""
        self.note(f"crash: {what}")
        if not all(DRAWN in str(leaf) for leaf in leaves(error)):
            self._break("nothing_crashes", f"{what}: {_told_of(error)}")

    # The call.

    def begin(self, info: CallInfo, socket: MediaSocket, make: Callable[..., Call]) -> Call:
        """A leg of the server's: its call, watched."""
        s = self.scenario
        leg = Leg(self, len(self.legs) + 1, self.stage._before.get(info.call_sid))
        leg.crashed = s.crash is not None
        wire = Wire(socket, s.marks, s.send if not self.legs else None, self._dice, sent=leg.sent, came=leg.came)
        shelf = Shelf(s.store, partial(self._store, leg), lambda: leg.call.ending in GOES_ON)
        call = make(wire, ready=shelf.ready, before_close=shelf.before_close, at_close=shelf.at_close)
        leg.watch(call, wire)
        self.legs.append(leg)
        self.watch.adopt(leg)
        run = call.run

        async def watched() -> None:
            try:
                await run()
            finally:
                self._over(leg)

        call.run = watched  # type: ignore[method-assign]
        self.note("begins")
        return call

    async def play(self) -> None:
        """From the first stream until all are gone."""
        with trio.move_on_after(LONGEST_S) as longest:
            async with trio.open_nursery() as nursery, trio.open_nursery() as timed:
                for act in self.scenario.acts:
                    if act.step is None:
                        timed.start_soon(self._at, act)
                await self._streams(nursery)
                timed.cancel_scope.cancel("the call is over")
        if longest.cancelled_caught:
            self._break("the_call_ends", f"not over after {LONGEST_S:g} s")
        self.seconds = trio.current_time()
        self._judge()

    async def _streams(self, nursery: trio.Nursery) -> None:
        identity = self._identity
        for _ in range(MOST_LEGS):
            self._ours, theirs = prompt()
            self._leg += 1
            nursery.start_soon(self._serve, theirs, name="server")
            parameters = {"token": self._token(identity)}
            if self._purse is not None and self._leg == 1:  # as the webhook does, whatever it says
                info = CallInfo(identity.call_sid, identity.account_sid, identity.stream_sid)
                await self._purse.admits(identity.call_sid, info, PROMISED_S)
            await self._caller.leg(self._ours, identity, parameters)
            if self._caller.left or not await self._goes_on():
                break
            self._identity = identity = next_stream(identity, self._dice)
        self._caller.finish()

    async def _serve(self, socket: LoopbackSocket) -> None:
        try:
            await self.stage.serve(socket)
        finally:
            socket.drop()

    def _token(self, identity: Identity) -> str:
        direction = "outbound-api" if self.scenario.outbound else "inbound"
        who = identity.call_sid, identity.account_sid, "+919876543210", "+918012345678", direction
        return self.stage.tokens.mint(Claims(*who, leg=self._leg), EPOCH.timestamp())

    async def _goes_on(self) -> bool:
        """The stream is over and the caller is there: whether the carrier opens another one."""
        with trio.move_on_after(self.scenario.gap_ms / 1000):
            await self._caller.wait()
        if len(self.legs) < self._leg:
            return False
        leg = self.legs[-1]
        while leg.call.ending is None and leg.over_at is None:  # noqa: ASYNC110  virtual time
            await trio.sleep(0.001)
        moved = leg.call.ending is Ending.MOVED and not leg.call.fenced
        if self._caller.left or not (moved or (leg.call.ending in GOES_ON and self.scenario.comes_back)):
            return False
        if leg.stored is None:
            leg.stored = self.record and stored(self.record)  # as of the last look, as after a crash
        if leg.stored is not None:
            self.stage._before[leg.stored.call_sid] = leg.stored
        return True

    # What happens to it.

    async def _at(self, act: Act) -> None:
        await trio.sleep(act.at_ms / 1000)
        while not self._act(act):  # noqa: ASYNC110  virtual time
            await trio.sleep(0.02)

    def _act(self, act: Act) -> bool:
        """Do it; False where there is no leg to do it to. Not a checkpoint."""
        if not self.legs or self.legs[-1].over_at is not None or self._ours is None:
            return False
        call = self.legs[-1].call
        self.note(f"act: {act.what}")
        if act.what in COMMANDS:
            COMMANDS[act.what](call)
            return True
        match act.what:
            case "vanish":
                self._ours.drop()
            case "stop":
                self._inject(stop_message(call.info.stream_sid))
            case "key":
                self._inject(key_message(call.info.stream_sid, "1"))
            case "speak":
                phone = self._caller._phone
                if phone is not None and self._caller.now_ms is not None:
                    phone._script._timed.append(replace(_tone(600), at_ms=self._caller.now_ms))
        return True

    def _inject(self, message: str) -> None:
        try:
            assert self._ours is not None
            self._ours._out.send_nowait(message)
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            self.note("the stream takes nothing")

    # What is seen of it.

    def _stepped(self, leg: Leg) -> None:
        leg.step()
        if leg.suspect:
            for promise in invariants.STEP:
                if what := promise(leg):
                    self._break(promise.__name__, what)
        if trio.current_time() >= self._looked_at + LOOK_S:
            self._look(leg)

    def _look(self, leg: Leg) -> None:
        """What of the record is new is written down."""
        self._looked_at = trio.current_time()
        if leg is self.legs[-1]:
            self._write(leg, leg.call.so_far())

    def _write(self, leg: Leg, now: CallRecord) -> None:
        """The first look at a leg finds what it went on from; a crash may have cost the end of the one before."""
        event = journal.change(self.record, now)
        if event is not None:
            self._check(invariants.nothing_is_forgotten, self.record if leg.looked else leg.before, now)
            self._check(invariants.heard_is_sent, leg, now, RECORDINGS)
            self._written.append((journal.line(event), now))
            self.record = now
        leg.looked = True

    def _store(self, leg: Leg) -> None:
        leg.stored = stored(leg.call.so_far())

    def _over(self, leg: Leg) -> None:
        leg.step()
        leg.over_at = trio.current_time()
        self.note("is over")
        if leg is self.legs[-1]:
            self._write(leg, leg.call.record())
        longest = (
            max((u.duration_ms / 1000 for u in leg.call.unheard()), default=0.0)
            + sum(each.ms for each in self.scenario.lines) / 1000
        )
        self._check(invariants.the_end_comes_in_time, leg, self.scenario.lingers_s, longest)
        self._check(invariants.nothing_is_left_of_a_leg, leg)
        self._check(invariants.there_is_an_ending, leg)
        self._check(invariants.who_watches_sees_what_is_written, leg)
        if not self.scenario.live:
            until_ms = self.legs[leg.n].call._leg_began_ms if leg.n < len(self.legs) else float("inf")
            told = self.stage.ears.told  # type: ignore[attr-defined]
            self._check(invariants.what_was_understood_is_written_down, leg, told, until_ms)
        self._pay(leg)

    def _pay(self, leg: Leg) -> None:
        account, sid = leg.call.account, leg.call.info.call_sid
        if account is not None and self._purse is not None:
            if self._purse._accounts.get(sid) is account:  # else a later leg has it by now
                self._check(invariants.no_turn_is_reserved, self._purse._budget._accounts[sid].reserved)
            account.close()

    def _judge(self) -> None:
        stage = self.stage
        providers = [stage.ears, stage.mind, stage.voice, *(self._desk.others if self._desk else ())]
        self._check(invariants.no_request_is_left, providers)
        if self._desk is not None:
            self._check(invariants.no_probe_is_under_way, self._desk.breakers)
            self._check(invariants.one_provider_is_heard, self._desk.mixed)
        self._check(invariants.the_carrier_has_no_complaint, self.log)
        if self._purse is not None:
            for view in self._purse.spend().budgets:
                self._check(invariants.nothing_is_reserved, view.reserved_usd)
        for leg in self.legs:
            self._check(invariants.the_record_is_in_order, leg.call.record())
        if self.record is not None:
            lines = [line for line, _ in self._written]
            self._check(invariants.the_journal_tells_the_same, b"".join(lines), self.record)
            self._check(
                invariants.a_torn_journal_tells_what_was_before,
                lines,
                [record for _, record in self._written],
                self._dice.random(),
            )
        for leg in self.legs:
            self._check(self._the_record_says_what_was_heard, leg)

    def _the_record_says_what_was_heard(self, leg: Leg) -> str:
        """The words that a record has of the agent are those that the caller heard of it in this leg, all of them."""
        if leg.n > len(self.log.legs) or self.scenario.wrong:
            return ""  # where a realtime voice breaks off in a line, how much of it was said is an estimate
        stream = self.log.legs[leg.n - 1]
        ended = stream.ended_ms if stream.ended_ms is not None else self.log.duration_ms
        unsaid = []
        silent_since = leg.cleared_at if '"clear"' in leg.wire.keeps else leg.silent_since
        if silent_since is not None:  # no clear could be sent, and the carrier played on
            ended = min(ended, silent_since * 1000)
            unsaid = [ended]
        if leg.hung_up_at is not None and leg.hung_up_at * 1000 < ended:  # nobody listens while the socket is closed
            ended = leg.hung_up_at * 1000
            unsaid = [ended]
        told = invariants.agent_words(leg.call.record())
        told = told[len(invariants.agent_words(leg.before)) if leg.before is not None else 0 :]
        over_ms = late_ms = 0.0
        if self.scenario.send is not None and leg.n == 1:
            over_ms = leg.call._parts.settings.MESSAGE_MS + leg.call._parts.settings.LEAD_MS
            late_ms = self.scenario.send.for_s * 1000
        returned = {mark.name: mark.at_ms for mark in self.log.marks if stream.began_ms <= mark.at_ms <= ended}
        over = [returned.get(each.mark, each.end_ms) for each in leg.broken if each.spans]
        broken_ms = [at_ms + late for at_ms in over for late in {0.0, late_ms}]
        return differs(stretches(self.log, stream.began_ms, ended, [*broken_ms, *unsaid]), told, RECORDINGS, over_ms)

    def _check(self, promise: Callable[..., str], *about: Any) -> None:
        if what := promise(*about):
            self._break(promise.__name__, what)

    def _break(self, promise: str, what: str) -> None:
        if not any(each.promise == promise for each in self.broken):
            self.broken.append(Broken(promise.strip("_"), what))
            self.note(f"BROKEN {promise}: {what}")

    # What it is made of.

    def _make_stage(self) -> Stage:
        s = self.scenario
        calls = {turn: (TOOLS[tool],) for turn, tool in s.tools}
        script = replace(s.script, troubles=s.troubles, calls=calls, after_calls=dict.fromkeys(calls, "Here you are."))
        tape = (lambda: Tape(Label("CA", EPOCH.isoformat()))) if s.recorded else None
        kind: Any = partial(_Live, more={"wrong": list(s.wrong), "speech": spelled}) if s.live else _Chain
        stage: Stage = kind(script, _settings(s.settings), vad=self._health.vad, tape=tape)
        stage.world = self  # type: ignore[attr-defined]
        stage._epoch = EPOCH
        for port, made in (("ears", Recogniser(script)), ("mind", Model(script)), ("voice", Voice(script))):
            made.health = self._health
            setattr(stage, port, made)
        ears, mind, voice = stage.ears, stage.mind, stage.voice
        if s.chains.who:
            desk = self._desk = Desk(s.chains, replace(script, troubles=()), stage.settings, self._health)
            ears, mind, voice = desk.recogniser(ears), desk.model(mind), desk.voice(voice)
        stage.parts = replace(stage.parts, recogniser=ears, model=mind, voice=voice)
        return stage

    def _make_purse(self) -> Purse:
        """With what one call needs in hand, or nothing."""
        budget = Budget(Caps(day=FULL if self.scenario.budget == "full" else 0), NEEDS, "here")
        report = budget.report(DAY, EPOCH.date().isoformat(), 0.0, leaving=False)
        _, grant = reported(Pot(), report)
        budget.took(DAY, grant, 0.0, 0.0)
        return Purse(budget, None, {}, ZoneInfo("UTC"), 0.1)  # type: ignore[arg-type]  # nobody reports


RECORDINGS = frozenset(clip.text for clip in vars(clips).values() if isinstance(clip, clips.Clip))


@lru_cache(maxsize=512)
def _settings(drawn: tuple[tuple[str, object], ...]) -> Settings:
    return configured(**dict(drawn))


@lru_cache(maxsize=64)
def _tone(ms: int) -> Line:
    return tone(ms)


@contextmanager
def _watched_cancels(world: World) -> Iterator[None]:
    """Every explicit cancel is told."""
    cancel = trio.CancelScope.cancel

    def told(scope: trio.CancelScope, reason: str | None = None) -> None:
        world.cancelled(reason, sys._getframe(1).f_code.co_filename)
        cancel(scope, reason)

    trio.CancelScope.cancel = told  # type: ignore[method-assign]
    try:
        yield
    finally:
        trio.CancelScope.cancel = cancel  # type: ignore[method-assign]


class _Boundary:
    """The log of who contains a crash."""

    def __init__(self, world: World) -> None:
        self._world = world

    def exception(self, _event: str, *, what: str, exc_info: BaseException) -> None:
        self._world.crashed(what, exc_info)


@contextmanager
def _watched_crashes(world: World) -> Iterator[None]:
    """Every contained one is told."""
    log, boundary.log = boundary.log, _Boundary(world)
    try:
        yield
    finally:
        boundary.log = log


def play(scenario: Scenario) -> World:
    """Run it, on its own schedule."""
    run: Any = trio._core._run
    run._ALLOW_DETERMINISTIC_SCHEDULING = True
    run._r.seed(scenario.seed)
    world = World(scenario)
    with _watched_cancels(world), _watched_crashes(world):
        try:
            trio.run(world.play, clock=Jumping(), instruments=[world.watch])
        except Exception as error:  # noqa: BLE001  whatever it is, it is a fault
            world.broken.append(Broken("nothing_escapes", _told_of(error)))
    return world


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Those of a group, and of groups in it."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error


def _told_of(error: BaseException) -> str:
    error = next(leaves(error))
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f" at {at.tb_frame.f_code.co_filename.rpartition('/')[2]}:{at.tb_lineno}" if at is not None else ""
    return f"{type(error).__name__}: {error}{where}"
