"""Twilio's side of a whole call: a target and a plan in, a log out. Webhooks, instructions, streams, updates.

Posts the signed voice webhook, obeys the TwiML it gets, holds the streams, asks the action when the server ends one,
and reports the call's end. Faults of the server are in the log, never raised. Cancelled, it hangs up at once.
"""

from __future__ import annotations

import random
from collections import deque
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2
import trio

from agent.rehearsal import carrier as forms
from agent.rehearsal import instructions as twiml
from agent.rehearsal.carriage import FailedAction
from agent.rehearsal.carrier import Identity
from agent.rehearsal.log import COMPLETED, REDIRECTED, CallLog, Transferred, Update
from agent.rehearsal.plan import CallPlan, DialEnd
from agent.rehearsal.reach import public, status_url, voice_url
from nurseries.rehearsal.caller import Conversation
from nurseries.rehearsal.exchange import Exchange
from nurseries.rehearsal.streams import OVER, Streams
from nurseries.rehearsal.webhooks import WEBHOOK_S, NoUseError, Target, Webhooks, client

DOCUMENTS = 10
"""Answers obeyed in a call without a stream: redirects in a circle end here."""
RING_S = 1.0
"""What a transfer takes, however it ends: nobody waits for a rehearsed telephone."""

Steps = deque[twiml.Step]


async def place_call(
    target: Target,
    plan: CallPlan,
    identity: Identity | None = None,
    dice: random.Random | None = None,
    *,
    exchange: Exchange | None = None,
    http: httpx2.AsyncClient | None = None,
    log: CallLog | None = None,
) -> CallLog:
    """Place the call and see it through. Raises ValueError where the target's URL is none.

    Over the `exchange` it can be updated as Twilio's REST API does it. `http` is for many calls that share a client,
    `log` for those who want to look while the call goes on.
    """
    voice = public(voice_url(target.url), target.url, target.public_url)
    dice = dice or random.SystemRandom()
    identity = identity or forms.new_identity(dice=dice)
    own = client() if http is None else http
    call = _Carrier(target, plan, identity, Webhooks(target, own, plan.carriage.retry_s), dice, log)
    if exchange is not None:
        exchange.connect(identity.call_sid, call)
    try:
        with trio.move_on_after(plan.max_ms / 1000 + 4 * WEBHOOK_S) as patience:
            await call.run(voice)
        if patience.cancelled_caught:
            call.log.failures.append("the call did not come to an end")
    finally:
        if exchange is not None:
            exchange.disconnect(identity.call_sid)
        if http is None:
            with trio.CancelScope(shield=True):
                await own.aclose()
    return call.log


class _Carrier:
    """One call; a `Connected` of the exchange."""

    def __init__(
        self,
        target: Target,
        plan: CallPlan,
        identity: Identity,
        webhooks: Webhooks,
        dice: random.Random,
        log: CallLog | None = None,
    ) -> None:
        self.log = CallLog() if log is None else log
        self.log.call_sid = identity.call_sid
        self.over = False
        self._target = target
        self._plan = plan
        self._identity = identity
        self._webhooks = webhooks
        self._dice = dice
        self._conversation = Conversation(plan, self.log, dice)
        self._streams = Streams(target, plan, identity, webhooks, self._conversation, self.log, dice)
        self._news: dict[str, str] = {}
        """What the next request tells beside the call's own fields."""
        self._running = trio.CancelScope()
        self._instead: Steps | None = None
        """What an update put in the place of the present document."""

    async def run(self, voice: str) -> None:
        """The call, from the voice webhook to the last callback."""
        began = self.log.began_s = trio.current_time()
        try:
            document = await self._ask(voice, "ringing" if self._identity.direction == "inbound" else "in-progress")
        except NoUseError as error:
            self.log.unreachable = str(error)
            return
        async with trio.open_nursery() as callbacks:
            self._streams.callbacks = callbacks
            async with trio.open_nursery() as nursery:

                async def until_left() -> None:
                    await self._conversation.wait()
                    if not self._streams.busy:
                        nursery.cancel_scope.cancel("the caller has hung up")

                nursery.start_soon(until_left, name="caller")
                try:
                    await self._follow(document)
                except NoUseError as error:
                    self.log.failures.append(str(error))
                nursery.cancel_scope.cancel("the call is over")
            self.over = True
            self._conversation.finish(self._streams.ended)
            self._streams.finish()
        if not (self.log.stream_sid or self.log.failures or self.log.unreachable):
            self.log.failures.append("the agent never spoke: the server's instructions open no media stream")
        await self._tell(
            status_url(voice), forms.ended_form(self._identity, trio.current_time() - began, datetime.now(UTC))
        )

    def update(self, *, url: str = "", document: bytes = b"", completed: bool = False) -> None:
        """The call is changed over REST: another document takes the place of the present one, or the call ends. A
        stream that carries it is stopped."""
        what = COMPLETED if completed else REDIRECTED
        self.log.updates.append(Update(url or what, self._conversation.now_ms, cut=self._conversation.live))
        self.log.steps.append("updated over REST: " + (url or ("Status=completed" if completed else "Twiml")))
        if completed:
            self._instead = deque([twiml.Hangup()])
        else:
            self._instead = deque([twiml.Redirect(url)]) if url else self._read(document, "text/xml", self._target.url)
        if self._conversation.live:
            self._conversation.stop(what)
        else:
            self._running.cancel("updated")
        self._streams.ended = what if completed else ""

    async def _follow(self, steps: Steps) -> None:
        documents, streams = 1, len(self.log.legs)
        while steps:
            now: Steps | None = None
            with trio.CancelScope() as self._running:
                now = await self._next(steps)
            if self._instead is not None:
                now, self._instead = self._instead, None
            if now is None:
                return
            if now is not steps:
                documents, streams = (1 if len(self.log.legs) > streams else documents + 1), len(self.log.legs)
            if documents > DOCUMENTS:
                self.log.failures.append(f"more than {DOCUMENTS} documents in one call")
                return
            steps = now

    async def _next(self, steps: Steps) -> Steps | None:
        """Carry out the first of them; what follows, None where the call is over."""
        step = steps.popleft()
        address = await self._carry_out(step)
        if address is None:
            return steps
        if address == OVER:
            return None
        try:
            return await self._ask(address, "in-progress")
        except NoUseError as error:
            if self._plan.carriage.failed_action is FailedAction.ENDS or not isinstance(step, twiml.Stream):
                raise
            self._streams.suspects.append(str(error))
            return steps

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
                return await self._streams.stream(step)
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

    async def _tell(self, url: str, form: dict[str, str]) -> None:
        problem = await self._webhooks.tell(url, form)
        if problem:
            self.log.steps.append(problem)

    async def _ask(self, url: str, status: str) -> Steps:
        """The document at this address, or at the fallback's. Raises NoUseError."""
        news, self._news = self._news, {}
        form = forms.voice_form(self._identity, status) | news
        fallback = self._plan.carriage.fallback_url
        try:
            answer = await self._webhooks.ask(url, form)
        except NoUseError as error:
            if not fallback:
                raise
            self.log.steps.append(f"fallback, because {error}")
            told = {"ErrorCode": str(error.code), "ErrorUrl": url.partition("#")[0]}
            url, answer = fallback, await self._webhooks.ask(fallback, form | told)
        bare = url.partition("#")[0]
        self.log.steps.append(f"POST {bare}" + (f" (answered at try {answer.tries})" if answer.tries > 1 else ""))
        return self._read(answer.body, answer.kind, bare)

    def _read(self, body: bytes, kind: str, url: str) -> Steps:
        document = twiml.read(body, kind, url, allow_ws=urlsplit(self._target.url).scheme == "http")
        self.log.violations += document.violations
        return deque(document.steps)


def _saying(text: str) -> float:
    """Seconds that Twilio's own voice takes to say this, about."""
    return 0.3 + 0.065 * len(text)
