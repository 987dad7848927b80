"""Whole calls on the mock clock: a rehearsed caller on one end, the call nursery on the other, scripted providers.

The caller's lines are tones, which the voice-activity stand-in takes for speech; every call ends with the invariants.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import trio
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from agent.config import Settings
from agent.guard.tokens import Claims, Tokens
from agent.hear.endpointing import LexicalEndOfTurn
from agent.hear.keys import parse_bindings
from agent.keep.record import CallRecord, Entry
from agent.lines import load_lines
from agent.model import CallInfo, Ending
from agent.providers.own_tools import load_tools
from agent.providers.scripted import Script, ScriptedLanguageModel, ScriptedRecogniser, ScriptedVoice
from agent.rehearsal.carrier import new_identity
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan, Line
from agent.speak.cache import AudioCache
from agent.speak.repertoire import Repertoire
from agent.think.errand import Errand
from agent.wire import mulaw
from agent.wire.ports import MediaSocket
from nurseries.call import GOES_ON, Call
from nurseries.legs.pick_up import pick_up
from nurseries.line.tape import Tape
from nurseries.parts import Live, Parts
from nurseries.rehearsal.caller import After, rehearse

GREETING = "Hello, this is Priya. How may I help you?"


def loud(window: np.ndarray) -> float:
    """Stands in for the voice-activity model: a tone is speech, silence is not."""
    return 1.0 if float(np.abs(window).sum()) > 0.02 * len(window) else 0.0


@dataclass(frozen=True)
class Ear:
    """A `VoiceActivity` that does not wait for others."""

    probability: Callable[[np.ndarray], float]

    def ahead(self, window: bytes, known: Callable[[], None]) -> None:
        """Computed when it is asked for."""

    def __call__(self, window: bytes) -> float:
        return self.probability(mulaw.decode_float(window))

    def leave(self) -> None:
        """Nobody waits."""


def tone(ms: float, text: str = "", at_ms: float | None = None) -> Line:
    """The caller speaks for so long."""
    t = np.arange(int(ms * 8))
    return Line(mulaw.encode((8000 * np.sin(t * 0.6)).astype(np.int16)), text, at_ms)


def in_words(entry: Entry) -> str:
    """ "agent: Hello, -", "caller (aside): mm-hm", "caller (keys): two four", "repeat: ..."."""
    if entry.role == "tool":
        return f"{entry.tool}: {entry.text}"
    how = " (aside)" if entry.aside else " (keys)" if entry.keys else ""
    return f"{entry.role}{how}: {entry.text}{' -' if entry.interrupted else ''}"


def longest_silence(log: CallLog, since_ms: float) -> float:
    """The longest time without a sound of the agent's, from then until it has spoken for the last time."""
    longest, at = 0.0, since_ms
    for piece in log.played:
        if piece.end_ms > since_ms:
            longest = max(longest, piece.at_ms - at)
            at = piece.end_ms
    assert at > since_ms, "the agent has not spoken"
    return longest


class Given(Settings):
    """Of what is given alone: to look through the environment takes four times as long as all the rest."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **_: object
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def configured(**changes: object) -> Settings:
    fields: dict[str, object] = {"GREETING": GREETING, "APP_ENV": "test", "PROVIDER": "scripted"}
    fields |= {"OUTBOUND_GREETING": GREETING, "DISCLOSE": "never"}
    return Given(**(fields | changes))


@dataclass
class Store:
    """Has one call's record, some time after it is told of it."""

    call: Callable[[], Call]
    takes_s: float
    record: CallRecord | None = None
    writes: list[float] = field(default_factory=list)
    """When each began."""

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[bool]:
        await self.deliver()
        yield True

    async def deliver(self) -> None:
        record = self.call().so_far()
        if record != self.record:
            self.writes.append(trio.current_time())
            await trio.sleep(self.takes_s)
            self.record = record
        await trio.lowlevel.checkpoint()

    async def before_close(self) -> None:
        if self.call().ending in GOES_ON:
            await self.deliver()


@dataclass
class Stage:
    """One server's worth of parts, and what its calls left behind."""

    script: Script = field(default_factory=Script)
    settings: Settings = field(default_factory=configured)
    vad: Callable[[], Callable[[np.ndarray], float]] = lambda: loud
    calls: list[Call] = field(default_factory=list)
    errand: Errand | None = None
    """What its calls are about, where they are placed for something."""
    tape: Callable[[], Tape] | None = None
    """Makes what is told of a call's sound, where it is recorded."""
    kind: Callable[..., Call] = Call
    store_s: float = 0.0
    """So long the store takes to have a record."""

    def __post_init__(self) -> None:
        self._before: dict[str, CallRecord] = {}
        self.stores: list[Store] = []
        """Of each of its calls."""
        self.ears = ScriptedRecogniser(self.script)
        self.mind = ScriptedLanguageModel(self.script)
        self.voice = ScriptedVoice(self.script)
        self.tokens = Tokens(b"key", ttl_s=1e9, random=random.Random(0).randbytes)
        self._placed = 0
        self._epoch = datetime.now(UTC)
        toolbox = load_tools(self.settings.TOOLS_FILE)
        bindings, faults = parse_bindings(self.settings.DTMF_BINDINGS, toolbox.names)
        assert not faults
        self.handed_over: list[tuple[str, str]] = []
        self.parts = Parts(
            settings=self.settings,
            recogniser=self.ears,
            go_live=lambda _profile, _so_far: Live(()),
            model=self.mind,
            voice=self.voice,
            cache=AudioCache(1 << 20),
            repertoire=Repertoire(),
            vad=lambda: Ear(self.vad()),
            end_of_turn=LexicalEndOfTurn(self.settings.END_SILENCE_MS, self.settings.END_SILENCE_LONG_MS),
            lines=load_lines(self.settings),
            bindings=bindings,
            toolbox=toolbox,
            summariser=None,
            hand_over=self.hand_over,
        )

    async def hand_over(self, call_sid: str, to: str) -> bool:
        await trio.lowlevel.checkpoint()
        self.handed_over.append((call_sid, to))
        return True

    @property
    def record(self) -> CallRecord:
        return self.calls[-1].record()

    @property
    def words(self) -> list[tuple[str, str]]:
        return [(entry.role, entry.text) for entry in self.record.entries]

    @property
    def told(self) -> list[str]:
        """The record as one reads it: who said what, in order."""
        return [in_words(entry) for entry in self.record.entries]

    @property
    def answers(self) -> int:
        """Replies that were asked for."""
        return self.mind.requests

    @property
    def ending(self) -> Ending | None:
        return self.calls[-1].ending

    async def serve(self, socket: MediaSocket) -> None:
        info = await pick_up(socket, self.tokens, self.settings.START_TIMEOUT_S)
        if info is not None:
            self.calls.append(self.call(info, socket))
            await self.calls[-1].run()

    def call(self, info: CallInfo, socket: MediaSocket, **more: Any) -> Call:
        """Of this stage's process; its time of day goes with the mock clock."""
        tape = self.tape() if self.tape else None
        now = self._epoch + timedelta(seconds=trio.current_time())
        before = self._before.get(info.call_sid)
        store = Store(lambda: call, self.store_s)
        more = {"ready": store.ready, "before_close": store.before_close} | more
        more = {"before": before} | more
        call: Call = self.kind(*(info, socket, self.parts, tape, self.errand), process="here", now=now, **more)
        self.stores.append(store)
        return call

    async def place(
        self,
        *lines: Line,
        plan: CallPlan | None = None,
        serve: Callable[[MediaSocket], Awaitable[object]] | None = None,
        direction: str = "inbound",
        order: str = "",
        before: CallRecord | None = None,
        leg: int = 1,
        after: After | None = None,
        **more: Any,
    ) -> CallLog:
        """A whole call, from the stream's start until both sides are gone; then the invariants. Or one leg of a call,
        going on with the record of those `before`. `after` says where it goes on when a stream has ended."""
        self._placed += 1
        dice = random.Random(self._placed)
        identity = new_identity(dice=dice)
        if before is not None:
            identity = replace(identity, call_sid=before.call_sid, account_sid=before.account_sid)
            self._before[before.call_sid], leg = before, len(before.legs) + 1
        token = self.tokens.mint(
            Claims(
                *(identity.call_sid, identity.account_sid, "+919876543210", "+918012345678", direction),
                order=order,
                leg=leg,
            ),
            time.time(),
        )
        plan = plan or CallPlan(lines=lines, **more)
        with trio.fail_after(3600):
            start = {"token": token}
            log = await rehearse(serve or self.serve, plan, identity=identity, parameters=start, dice=dice, after=after)
        self.check(log)
        return log

    async def resume(self, before: CallRecord, *lines: Line, **more: Any) -> CallLog:
        """The next leg of a call: another process goes on with what it has of it."""
        return await self.place(*lines, before=before, **more)

    def check(self, log: CallLog) -> None:
        """What holds at the end of every call, whatever happened in it."""
        assert log.violations == []
        assert (self.ears.active, self.mind.active, self.voice.active) == (0, 0, 0)
        self.check_records()

    def check_records(self) -> None:
        """Every call has ended, and its record is in order."""
        for call in self.calls:
            assert call.ending is not None
            record = call.record()
            assert record.duration_ms >= 0
            assert all(entry.start_ms <= entry.end_ms for entry in record.entries)
            assert all(one.start_ms <= next_.start_ms for one, next_ in pairwise(record.entries))
