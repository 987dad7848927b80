"""Twilio's side of a whole call: a target and a plan in, a log out. Webhooks, instructions, the stream, callbacks.

Posts the signed voice webhook, obeys the TwiML it gets, holds the stream, asks the action when the server ends it,
and reports the call's end. Faults of the server are in the log, never raised. Cancelled, it hangs up at once.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2
import trio
from trio_websocket import HandshakeError

from agent.rehearsal import carrier as forms
from agent.rehearsal import instructions as twiml
from agent.rehearsal.carrier import Identity
from agent.rehearsal.log import CALLER_HUNG_UP, CallLog, Transferred
from agent.rehearsal.plan import CallPlan, DialEnd
from agent.rehearsal.reach import public, reached, status_url, voice_url
from nurseries.rehearsal.caller import converse
from nurseries.rehearsal.dial import DialledSocket, NoAnswerError, dial, in_words
from nurseries.rehearsal.webhooks import WEBHOOK_S, NoUseError, Target, Webhooks

DOCUMENTS = 10
"""Answers obeyed in one call: redirects in a circle end here."""
GOOD_CLOSES = {1000, 1001, 1005}
"""Close codes that say nothing is wrong: normal, going away, none given."""
RING_S = 1.0
"""What a transfer takes, however it ends: nobody waits for a rehearsed telephone."""
OVER = ""
"""Instead of an address to ask: the call has ended."""


async def place_call(
    target: Target, plan: CallPlan, identity: Identity | None = None, dice: random.Random | None = None
) -> CallLog:
    """Place the call and see it through. Raises ValueError where the target's URL is none."""
    voice = public(voice_url(target.url), target.public_url)
    dice = dice or random.SystemRandom()
    async with httpx2.AsyncClient(timeout=None, trust_env=False) as http:
        call = _Carrier(target, plan, identity or forms.new_identity(dice=dice), Webhooks(target, http), dice)
        with trio.move_on_after(plan.max_ms / 1000 + 4 * WEBHOOK_S) as patience:
            await call.run(voice)
    if patience.cancelled_caught:
        call.log.failures.append("the call did not come to an end")
    return call.log


class _Carrier:
    """One call."""

    def __init__(
        self, target: Target, plan: CallPlan, identity: Identity, webhooks: Webhooks, dice: random.Random
    ) -> None:
        self.log = CallLog(call_sid=identity.call_sid)
        self._target = target
        self._plan = plan
        self._identity = identity
        self._webhooks = webhooks
        self._dice = dice
        self._news: dict[str, str] = {}
        """What the next request tells beside the call's own fields."""

    async def run(self, voice: str) -> None:
        """The call, from the voice webhook to the last callback."""
        began = trio.current_time()
        try:
            document = await self._ask(voice, "ringing" if self._identity.direction == "inbound" else "in-progress")
        except NoUseError as error:
            self.log.unreachable = str(error)
            return
        try:
            await self._follow(document)
        except NoUseError as error:
            self.log.failures.append(str(error))
        if not (self.log.stream_sid or self.log.failures or self.log.unreachable):
            self.log.failures.append("the agent never spoke: the server's instructions open no media stream")
        await self._tell(
            status_url(voice), forms.ended_form(self._identity, trio.current_time() - began, datetime.now(UTC))
        )

    async def _follow(self, document: twiml.Document) -> None:
        for _ in range(DOCUMENTS):
            address: str | None = None
            for step in document.steps:
                address = await self._carry_out(step)
                if address is not None:
                    break
            if not address:
                return
            document = await self._ask(address, "in-progress")
        self.log.failures.append(f"more than {DOCUMENTS} documents in one call")

    async def _carry_out(self, step: twiml.Step) -> str | None:
        """Do it; then None to go on with the next step, an address to ask instead, or OVER."""
        match step:
            case twiml.Say(text):
                self.log.steps.append(f"Say {text!r}")
                await trio.sleep(_saying(text))
                return None
            case twiml.Pause(seconds):
                self.log.steps.append(f"Pause for {seconds:g} s")
                await trio.sleep(seconds)
                return None
            case twiml.Stream():
                return await self._stream(step)
            case twiml.Dial():
                return await self._transfer(step)
            case twiml.Redirect(url):
                return url
            case _:
                return self._note(step)

    def _note(self, step: twiml.Step) -> str | None:
        match step:
            case twiml.Reject(reason):
                self.log.failures.append(f"the server rejected the call ({reason}): the agent never spoke")
            case twiml.Unplayed(verb):
                self.log.steps.append(f"{verb} (passed over)")
                return None
            case _:
                self.log.steps.append(type(step).__name__)
        return OVER

    async def _transfer(self, step: twiml.Dial) -> str | None:
        """A colleague's telephone rings, and is answered or not as planned; then as from `_carry_out`."""
        end = self._plan.transfer or DialEnd.ANSWERED
        shown = step.caller_id or self._identity.caller
        self.log.steps.append(f"Dial {step.to} for {step.ring_s:g} s, showing {shown}: {end.value}")
        self.log.transfers.append(Transferred(step.to, end.value))
        await trio.sleep(RING_S)
        self._news = forms.dialled_fields(end.value, RING_S, self._dice)
        return step.action or None

    async def _stream(self, step: twiml.Stream) -> str | None:
        """A media stream from its handshake to its last callback; then what follows, as from `_carry_out`."""
        if self.log.stream_sid:
            self.log.failures.append("the server opens a second stream in one call, which a rehearsal cannot play")
            return OVER
        self.log.steps.append(f"Connect to {step.url}")
        try:
            async with trio.open_nursery() as nursery:
                goodbye = await self._talk(step, nursery)
        except* (NoAnswerError, HandshakeError) as errors:
            self.log.unreachable = in_words(errors.exceptions[0], step.url)
        if self.log.unreachable:
            await self._report(step, "stream-error", self.log.unreachable)
            return None
        await self._report(step, "stream-stopped")
        if self.log.ended == CALLER_HUNG_UP:
            return OVER
        self._judge(goodbye)
        return step.action or None

    async def _talk(self, step: twiml.Stream, nursery: trio.Nursery) -> tuple[int, str] | None:
        headers = forms.media_headers(self._target.sign(step.url))
        there = reached(step.url, self._target.url)
        socket: DialledSocket = await dial(nursery, there, urlsplit(step.url).netloc, headers)
        nursery.start_soon(self._report, step, "stream-started", name="stream-started")
        await converse(
            socket,
            self._plan,
            identity=self._identity,
            parameters=step.parameters,
            log=self.log,
            dice=self._dice,
        )
        return socket.goodbye

    def _judge(self, goodbye: tuple[int, str] | None) -> None:
        code, reason = goodbye or (1006, "")
        if code == 1006:
            self.log.failures.append("the connection died without a closing handshake (31903)")
        elif code not in GOOD_CLOSES:
            self.log.failures.append(f"the server closed the stream with code {code}" + (reason and f" ({reason})"))

    async def _report(self, step: twiml.Stream, event: str, error: str = "") -> None:
        if step.status_callback:
            now = datetime.now(UTC)
            await self._tell(step.status_callback, forms.stream_form(self._identity, step.name, event, now, error))

    async def _tell(self, url: str, form: dict[str, str]) -> None:
        problem = await self._webhooks.tell(url, form)
        if problem:
            self.log.steps.append(problem)

    async def _ask(self, url: str, status: str) -> twiml.Document:
        news, self._news = self._news, {}
        body, kind = await self._webhooks.ask(url, forms.voice_form(self._identity, status) | news)
        self.log.steps.append(f"POST {url}")
        document = twiml.read(body, kind, url, allow_ws=urlsplit(self._target.url).scheme == "http")
        self.log.violations += document.violations
        return document


def _saying(text: str) -> float:
    """Seconds that Twilio's own voice takes to say this, about."""
    return 0.3 + 0.065 * len(text)
