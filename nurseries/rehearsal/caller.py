"""The rehearsal's own call nursery: a media socket and a plan in, what happened out. Twilio's and the caller's part.

Two children, a listener and a talker, around one pure `Phone`; the talker is the only sender. Works on Trio's clock
and the `MediaSocket` seam: over a real socket in real time, or against a server's own call nursery on virtual time.
Cancelled, it closes the socket at once.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping

import trio

from agent.rehearsal.carrier import Identity, new_identity
from agent.rehearsal.log import SERVER_DEAF, CallLog
from agent.rehearsal.phone import Phone
from agent.rehearsal.plan import CallPlan, HangUp
from agent.wire.ports import MediaSocket
from nurseries.rehearsal.loopback import loopback

SEND_S = 10.0
"""For one message to be taken: a server that has stopped reading ends the call."""
CLOSE_S = 2.0
"""For the closing handshake."""


async def converse(
    socket: MediaSocket,
    plan: CallPlan,
    *,
    identity: Identity | None = None,
    parameters: Mapping[str, str] | None = None,
    log: CallLog | None = None,
    dice: random.Random | None = None,
) -> CallLog:
    """Hold one media stream from `connected` to the hang-up and the closed socket. The time line begins now.

    `parameters` go into the start message (the server's one-time token); seeded dice make a call repeatable.
    Faults of the server are in the log, never raised.
    """
    log = CallLog() if log is None else log
    dice = dice or random.SystemRandom()
    phone = Phone(plan, identity or new_identity(dice=dice), parameters or {}, log, dice)
    call = _Call(socket, plan, phone)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(call.listen, name="listener")
            await call.talk()
            await call.hang_up()
            nursery.cancel_scope.cancel("the call is over")
    finally:
        with trio.move_on_after(CLOSE_S, shield=True):
            await socket.abort()
    return log


async def rehearse(
    serve: Callable[[MediaSocket], Awaitable[object]],
    plan: CallPlan,
    *,
    identity: Identity | None = None,
    parameters: Mapping[str, str] | None = None,
    dice: random.Random | None = None,
) -> CallLog:
    """Place the call in memory to `serve`, which gets the server's end of the socket; returns once both are done.

    What `serve` raises passes on, in a group. Give it seeded dice in tests. Bound it: a server that does not notice
    the end of its call is waited for without end.
    """
    ours, theirs = loopback()
    log = CallLog()

    async def served() -> None:
        try:
            await serve(theirs)
        finally:
            theirs.drop()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(served, name="server")
        await converse(ours, plan, identity=identity, parameters=parameters, log=log, dice=dice)
    return log


class _Call:
    """One stream's two tasks and what they share."""

    def __init__(self, socket: MediaSocket, plan: CallPlan, phone: Phone) -> None:
        self._socket = socket
        self._plan = plan
        self._phone = phone
        self._began = trio.current_time()
        self._stirred = trio.Event()
        self._closed = trio.Event()

    async def listen(self) -> None:
        """Take all that the server sends, until it closes."""
        while (message := await self._socket.receive()) is not None:
            self._phone.received(message, self._now())
            if self._phone.next_ms <= self._now():
                self._stirred.set()
        self._phone.closed(self._now())
        self._closed.set()
        self._stirred.set()

    async def talk(self) -> None:
        """Send frames and marks when they are due, by deadlines that do not drift, until the call is over."""
        await self._send(self._phone.begin())
        while not self._phone.over:
            self._stirred = trio.Event()
            await self._send(self._phone.advance(self._now()))
            with trio.move_on_at(self._began + self._phone.next_ms / 1000):
                await self._stirred.wait()

    async def hang_up(self) -> None:
        """End the stream the way the plan says; where the server was first, just answer its goodbye."""
        if self._phone.log.ended:
            await self._close()
            return
        stop = self._phone.hang_up(self._now())
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
        for text in messages:
            try:
                with trio.move_on_after(SEND_S) as patience:
                    await self._socket.send(text)
            except ConnectionError:
                self._phone.closed(self._now())
                return
            if patience.cancelled_caught:
                self._phone.log.failures.append(f"the server read nothing for {SEND_S:g} s")
                self._phone.hang_up(self._now(), SERVER_DEAF)
                return

    async def _close(self) -> None:
        with trio.move_on_after(CLOSE_S):
            await self._socket.close()

    def _now(self) -> float:
        return (trio.current_time() - self._began) * 1000
