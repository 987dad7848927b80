"""The rehearsal's own call nursery: media sockets and a plan in, what happened out. Twilio's and the caller's part.

Two children a stream, a listener and a talker, around one pure `Phone`; the talker is the only sender. Works on Trio's
clock and the `MediaSocket` seam: over a real socket in real time, or against a server's own call nursery on virtual
time. Cancelled, it closes the socket at once.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import trio

from agent.rehearsal.carrier import Identity, new_identity, next_stream
from agent.rehearsal.log import CALLER_HUNG_UP, SERVER_CLOSED, SERVER_DEAF, STREAM_CRASHED, CallLog, Leg
from agent.rehearsal.phone import Phone
from agent.rehearsal.plan import CallPlan, HangUp
from agent.wire.ports import MediaSocket
from nurseries.rehearsal.loopback import LoopbackSocket, loopback

SEND_S = 10.0
"""For one message to be taken: a server that has stopped reading ends the call."""
CLOSE_S = 2.0
"""For the closing handshake."""
ROUNDING_MS = 1e-6
"""That a clock may be short of the moment it was asked to wake at."""

Serve = Callable[[MediaSocket], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a call goes on after a stream: who takes the next one, and what its start message carries."""

    serve: Serve
    parameters: Mapping[str, str] = field(default_factory=dict)


After = Callable[[Leg], Awaitable[Onward | None]]
"""Asked when the server, or the network, has ended a stream; None: the call is over. The time it takes is the caller's
silence."""


class Conversation:
    """One call of one caller, whatever streams carry it."""

    def __init__(self, plan: CallPlan, log: CallLog, dice: random.Random) -> None:
        self._plan = plan
        self._log = log
        self._dice = dice
        self._phone: Phone | None = None
        self._began = 0.0
        self._cuts = sorted(plan.cuts_ms)
        self._call: _Call | None = None
        self._ended = trio.Event()
        """Of the present stream, or the first one to come."""

    @property
    def left(self) -> bool:
        """The caller has hung up."""
        return self._phone is not None and self._phone.left

    @property
    def live(self) -> bool:
        """A stream carries the call."""
        return self._call is not None

    @property
    def now_ms(self) -> float | None:
        """On the call's time line; None before the first stream."""
        return None if self._phone is None else (trio.current_time() - self._began) * 1000

    async def leg(self, socket: MediaSocket, identity: Identity, parameters: Mapping[str, str]) -> Leg:
        """Hold one media stream from `connected` to the closed socket. The first one begins the time line."""
        if self._phone is None:
            self._began = self._log.began_s = trio.current_time()
            self._phone = Phone(self._plan, identity, parameters, self._log, self._dice)
        else:
            self._phone.go_on(identity, parameters, (trio.current_time() - self._began) * 1000)
        cut_ms = next((at for at in self._cuts if at > self._phone.log.legs[-1].began_ms), float("inf"))
        if self._ended.is_set():
            self._ended = trio.Event()
        call = self._call = _Call(socket, self._plan, self._phone, self._began, cut_ms)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(call.listen, name="listener")
                await call.talk()
                await call.hang_up()
                nursery.cancel_scope.cancel("the stream is over")
        finally:
            with trio.move_on_after(CLOSE_S, shield=True):
                await socket.abort()
            self._call = None
            self._ended.set()
        return self._log.legs[-1]

    def stop(self, why: str) -> None:
        """The carrier ends the present stream, with a stop message; `leg` then returns."""
        if self._call is not None:
            self._call.stop(why)

    async def wait(self) -> None:
        """Let the caller's time go on between streams, until the caller hangs up or has done so. To be cancelled."""
        while True:
            await self._ended.wait()
            if self.live or self._phone is None:
                continue
            now = (trio.current_time() - self._began) * 1000
            self._phone.advance(now)
            if self.left:
                return
            await trio.sleep(max(0.001, (self._phone.next_ms - now) / 1000))

    def finish(self, ended: str = "") -> None:
        """The call is over."""
        if self._phone is not None:
            if self.left and not ended:
                ended = self._log.ended if self._log.ended == SERVER_DEAF else CALLER_HUNG_UP
            self._phone.finish((trio.current_time() - self._began) * 1000, ended)


async def converse(
    socket: MediaSocket,
    plan: CallPlan,
    *,
    identity: Identity | None = None,
    parameters: Mapping[str, str] | None = None,
    log: CallLog | None = None,
    dice: random.Random | None = None,
) -> CallLog:
    """A call of one media stream, from `connected` to the hang-up and the closed socket.

    `parameters` go into the start message (the server's one-time token); seeded dice make a call repeatable.
    Faults of the server are in the log, never raised.
    """
    log = CallLog() if log is None else log
    dice = dice or random.SystemRandom()
    conversation = Conversation(plan, log, dice)
    await conversation.leg(socket, identity or new_identity(dice=dice), parameters or {})
    conversation.finish()
    return log


async def rehearse(
    serve: Serve,
    plan: CallPlan,
    *,
    identity: Identity | None = None,
    parameters: Mapping[str, str] | None = None,
    dice: random.Random | None = None,
    after: After | None = None,
) -> CallLog:
    """Place the call in memory to `serve`, which gets the server's end of the socket; returns once all are done.

    `after` says where the call goes on when a stream has ended and the caller is still there; without it a call is one
    stream. What a server raises passes on, in a group. Give it seeded dice in tests. Bound it: a server that does not
    notice the end of its stream is waited for without end.
    """
    log, dice = CallLog(), dice or random.SystemRandom()
    conversation, identity = Conversation(plan, log, dice), identity or new_identity(dice=dice)
    onward: Onward | None = Onward(serve, parameters or {})

    async def served(who: Serve, socket: LoopbackSocket) -> None:
        try:
            await who(socket)
        finally:
            socket.drop()

    async with trio.open_nursery() as nursery:
        while onward is not None:
            ours, theirs = loopback()
            nursery.start_soon(served, onward.serve, theirs, name="server")
            leg = await conversation.leg(ours, identity, onward.parameters)
            identity, onward = next_stream(identity, dice), None
            if after is not None and not conversation.left:
                onward = await _unless_left(conversation, after, leg)
        conversation.finish()
    return log


async def _unless_left(conversation: Conversation, after: After, leg: Leg) -> Onward | None:
    """What `after` says, or None where the caller hangs up before it has said it."""
    onward: Onward | None = None
    async with trio.open_nursery() as nursery:

        async def ask() -> None:
            nonlocal onward
            onward = await after(leg)
            nursery.cancel_scope.cancel("it goes on")

        nursery.start_soon(ask, name="after")
        await conversation.wait()
        nursery.cancel_scope.cancel("the caller has hung up")
    return None if conversation.left else onward


class _Call:
    """One stream's two tasks and what they share."""

    def __init__(self, socket: MediaSocket, plan: CallPlan, phone: Phone, began: float, cut_ms: float) -> None:
        self._socket = socket
        self._plan = plan
        self._phone = phone
        self._began = began
        self._cut_ms = cut_ms
        self._stirred = trio.Event()
        self._closed = trio.Event()
        self._stopped = ""

    def stop(self, why: str) -> None:
        self._stopped = why
        self._stirred.set()

    async def listen(self) -> None:
        """Take all that the server sends, until it closes."""
        while (message := await self._socket.receive()) is not None:
            self._phone.received(message, self._now())
            if self._phone.next_ms <= self._now():
                self._stirred.set()
        self._phone.closed(self._now(), self._how())
        self._closed.set()
        self._stirred.set()

    async def talk(self) -> None:
        """Send frames and marks when they are due, by deadlines that do not drift, until the stream is over."""
        await self._send(self._phone.begin())
        while not (self._phone.over or self._stopped or self._now() >= self._cut_ms - ROUNDING_MS):
            self._stirred = trio.Event()
            await self._send(self._phone.advance(self._now()))
            with trio.move_on_at(self._began + min(self._phone.next_ms, self._cut_ms) / 1000):
                await self._stirred.wait()

    async def hang_up(self) -> None:
        """End the stream the way the plan says; where the server was first, just answer its goodbye."""
        phone = self._phone
        if phone.log.legs[-1].ended:
            await self._close()
        elif phone.left:
            await self._leave(phone.hang_up(self._now()))
        elif self._stopped:
            await self._send(phone.hang_up(self._now(), self._stopped))
            await self._close()
        else:
            phone.closed(self._now(), STREAM_CRASHED)
            await self._socket.abort()

    async def _leave(self, stop: list[str]) -> None:
        match self._plan.hang_up:
            case HangUp.RESET:
                await self._socket.abort()
            case HangUp.CLOSE_ONLY:
                await self._close()
            case HangUp.POLITE:
                await self._send(stop)
                await self._close()
            case HangUp.STOP_ONLY:
                await self._send(stop)
                with trio.move_on_after(self._plan.linger_ms / 1000) as patience:
                    await self._closed.wait()
                if patience.cancelled_caught:
                    waited = f"{self._plan.linger_ms / 1000:g} s"
                    self._phone.log.failures.append(f"the server had not closed {waited} after the stop")
                await self._close()

    async def _send(self, messages: list[str]) -> None:
        if not messages:
            return
        try:
            with trio.move_on_after(SEND_S) as patience:
                for text in messages:
                    patience.deadline = trio.current_time() + SEND_S
                    await self._socket.send(text)
        except ConnectionError:
            self._phone.closed(self._now(), self._how())
            return
        if patience.cancelled_caught:
            self._phone.log.failures.append(f"the server read nothing for {SEND_S:g} s")
            self._phone.hang_up(self._now(), SERVER_DEAF)

    def _how(self) -> str:
        """How the server closed: with a goodbye, as far as this socket can tell, or by dying."""
        goodbye = getattr(self._socket, "goodbye", None)
        return STREAM_CRASHED if goodbye is not None and goodbye[0] == 1006 else SERVER_CLOSED

    async def _close(self) -> None:
        with trio.move_on_after(CLOSE_S):
            await self._socket.close()

    def _now(self) -> float:
        return (trio.current_time() - self._began) * 1000
