"""Whom a drawn call deals with: scripted providers that crash and linger, a carrier that loses marks and takes no
messages, a store that is slow or fails."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache

import msgspec
import numpy as np
import trio

from agent.errors import StoreError
from agent.model import BYTES_PER_MS, Emit, Utterance
from agent.providers.scripted import CHUNK_MS, Script, ScriptedLanguageModel, ScriptedRecogniser, ScriptedVoice
from agent.rehearsal import spelling
from agent.think.ports import Prompt, Reply
from agent.wire import mulaw
from agent.wire.ports import MediaSocket
from nurseries.rehearsal.loopback import LoopbackSocket, loopback
from tests.calls.stage import loud
from tests.schedules.scenario import Crash, Marks, Scenario, Send, Store

RATE = 8000
"""The voice's: what it makes is what goes to the wire."""


DRAWN = "as drawn"
"""In all that is raised here."""


class CrashedError(RuntimeError):
    """No provider is to raise this."""


class Health:
    """What goes wrong with the providers of one scenario, beside what their script tells."""

    def __init__(self, scenario: Scenario) -> None:
        self._crash = scenario.crash
        self._lingers = dict(scenario.lingers)

    def check(self, where: str, nth: int) -> None:
        """Raises where it is time to crash."""
        if self._crash == Crash(where, nth):  # type: ignore[arg-type]
            raise CrashedError(f"{where} crashes, {DRAWN}")

    async def linger(self, port: str) -> None:
        """A cleanup that cannot be cancelled."""
        if port in self._lingers:
            with trio.CancelScope(shield=True):
                await trio.sleep(self._lingers[port])

    def vad(self) -> Callable[[np.ndarray], float]:
        """A detector's model."""
        windows = 0

        def probability(window: np.ndarray) -> float:
            nonlocal windows
            windows += 1
            self.check("vad", windows)
            return loud(window)

        return probability


@contextmanager
def _counted(who: object) -> Iterator[None]:
    who.active += 1  # type: ignore[attr-defined]
    try:
        yield
    finally:
        who.active -= 1  # type: ignore[attr-defined]


class Recogniser(ScriptedRecogniser):
    health: Health

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.told: list[tuple[float, float, str]] = []
        """What it has answered: when the utterance began and ended, on the call's clock, and the words."""

    async def transcribe(self, utterance: Utterance, language: str = "") -> str:
        with _counted(self):
            try:
                self.health.check("hear", self.requests + 1)
                text = await super().transcribe(utterance, language)
                self.told.append((utterance.start_ms, utterance.end_ms, text))
                return text
            finally:
                await self.health.linger("hear")  # noqa: ASYNC102  it shields itself


class Model(ScriptedLanguageModel):
    health: Health

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.said: list[str] = []
        """So far, to each request."""

    async def reply(self, prompt: Prompt, emit: Emit[str]) -> Reply:
        n = len(self.said)
        self.said.append("")

        async def say(piece: str) -> None:
            self.said[n] += piece
            await emit(piece)

        with _counted(self):
            try:
                self.health.check("think", self.requests + 1)
                return await super().reply(prompt, say)
            finally:
                await self.health.linger("think")  # noqa: ASYNC102  it shields itself


class Voice(ScriptedVoice):
    health: Health

    @property
    def rate(self) -> int:
        return RATE

    async def synthesise(self, text: str, emit: Emit[bytes], *, voice: str = "", language: str = "") -> None:
        with _counted(self):
            try:
                self.health.check("speak", self.requests + 1)
                await self._synthesise(text, emit)
            finally:
                await self.health.linger("speak")  # noqa: ASYNC102  it shields itself

    async def _synthesise(self, text: str, emit: Emit[bytes]) -> None:
        self.requests += 1
        request, made, size = self.requests, sound(text), RATE * CHUNK_MS // 1000 * 2
        for index, start in enumerate(range(0, len(made), size)):
            await self._trouble(request, index)
            pace = CHUNK_MS / 1000 * self._script.realtime_factor
            await self._wait(pace if index else self._script.first_chunk_s)
            await emit(made[start : start + size])
        await self._trouble(request, -(-len(made) // size))


@lru_cache(maxsize=256)
def sound(text: str) -> bytes:
    """The voice's."""
    return spelling.spelled(text, RATE)


@lru_cache(maxsize=256)
def spelled(text: str, bytes_per_ms: int) -> bytes:
    """For a fake Realtime server: mu-law, or PCM at 24 kHz."""
    if bytes_per_ms == BYTES_PER_MS:
        return mulaw.encode(np.frombuffer(sound(text), "<i2"))
    return spelling.spelled(text, bytes_per_ms * 500)


class Wire(MediaSocket):
    """The server's end of one stream, with what the network and the carrier do to it."""

    def __init__(
        self,
        socket: MediaSocket,
        marks: Marks,
        send: Send | None,
        dice: random.Random,
        *,
        sent: Callable[[str], None],
        came: Callable[[str | bytes | None], None],
    ) -> None:
        """`sent` is told of each message as it is begun to be sent, `came` of each as it is read."""
        self._socket = socket
        self._marks = marks
        self._send = send
        self._dice = dice
        self._sent = sent
        self._came = came
        self._messages = 0
        self._late: deque[tuple[float, str]] = deque()
        self.closed = False
        self.blocked = False
        self.unblocked_at = float("-inf")
        self.keeps = ""
        """The message that it never takes."""

    async def receive(self) -> str | bytes | None:
        while not (self._late and self._late[0][0] <= trio.current_time()):
            raw = await self._socket.receive()
            if isinstance(raw, str) and '"event":"mark"' in raw and not self._arrives(raw):
                continue
            self._came(raw)
            return raw
        await trio.lowlevel.checkpoint()
        return self._late.popleft()[1]

    def _arrives(self, mark: str) -> bool:
        """Whether it does so now."""
        lost, twice, late = (self._dice.random() for _ in range(3))
        if lost < self._marks.lost:
            return False
        if twice < self._marks.twice:
            self._late.append((0.0, mark))
        if late < self._marks.late:
            self._late.append((trio.current_time() + self._marks.late_ms / 1000, mark))
        return late >= self._marks.late

    async def send(self, text: str) -> None:
        self._sent(text)
        nth, trouble = self._messages, self._send
        self._messages += 1
        if trouble is not None and nth == trouble.nth:
            match trouble.how:
                case "fails":
                    await self._socket.abort()
                    raise ConnectionError(f"reset by peer, {DRAWN}")
                case "slow":
                    await self._blocked(trouble.for_s)
                case "stuck":
                    self.keeps = text
                    await self._blocked(float("inf"))
        await self._socket.send(text)

    async def _blocked(self, seconds: float) -> None:
        self.blocked = True
        try:
            await trio.sleep(seconds)
        finally:
            self.blocked = False
            self.unblocked_at = trio.current_time()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = True
        await self._socket.close(code, reason)

    async def abort(self) -> None:
        self.closed = True
        await self._socket.abort()


def prompt() -> tuple[LoopbackSocket, LoopbackSocket]:
    """A carrier's end and a server's. What finds room is sent by the carrier without a checkpoint: they would be a
    sixth of all steps, and the order of the server's tasks is drawn without them."""
    ours, theirs = loopback()
    send = ours.send

    async def at_once(text: str | bytes) -> None:
        try:
            ours._out.send_nowait(text)
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            await send(text)

    ours.send = at_once  # type: ignore[method-assign]
    return ours, theirs


class Shelf:
    """What a store is told of one leg, and how it takes it."""

    def __init__(self, store: Store, write: Callable[[], None], goes_on: Callable[[], bool]) -> None:
        self._store = store
        self._write = write
        self._goes_on = goes_on

    @asynccontextmanager
    async def ready(self) -> AsyncIterator[bool]:
        self._write()
        await trio.sleep(self._store.ready_s)
        yield self._store.knows

    async def before_close(self) -> None:
        if self._goes_on():
            self._write()
        await self._trouble()

    async def at_close(self) -> None:
        await self._trouble()

    async def _trouble(self) -> None:
        await trio.sleep(self._store.close_s)
        if self._store.raises:
            raise StoreError(f"the store is away, {DRAWN}")


def stop_message(stream_sid: str) -> str:
    """The carrier's."""
    return _text({"event": "stop", "sequenceNumber": "9", "streamSid": stream_sid, "stop": {}})


def key_message(stream_sid: str, digit: str) -> str:
    """The carrier's."""
    dtmf = {"track": "inbound_track", "digit": digit}
    return _text({"event": "dtmf", "sequenceNumber": "9", "streamSid": stream_sid, "dtmf": dtmf})


def _text(message: dict[str, object]) -> str:
    return msgspec.json.encode(message).decode()
