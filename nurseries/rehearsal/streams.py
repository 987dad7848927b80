"""The media streams of one call, as Twilio opens and ends them: one instruction after the other in, what follows out.

Each is a handshake, a conversation, callbacks; then the action, the next verb, or silence until somebody updates the
call, as the plan's carriage says for what the documentation leaves open.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from urllib.parse import urlsplit

import trio
from trio_websocket import HandshakeError

from agent.rehearsal import carrier as forms
from agent.rehearsal import instructions as twiml
from agent.rehearsal.carriage import HELD, AfterCrash, Meanwhile
from agent.rehearsal.carrier import Identity
from agent.rehearsal.log import COMPLETED, REDIRECTED, STREAM_CRASHED, CallLog
from agent.rehearsal.plan import CallPlan
from nurseries.rehearsal.caller import Conversation
from nurseries.rehearsal.dial import NoAnswerError, dial, in_words
from nurseries.rehearsal.webhooks import Target, Webhooks

GOOD_CLOSES = {1000, 1001, 1005}
"""Close codes that say nothing is wrong: normal, going away, none given."""
BROKEN_PIPE = "31903: the connection died without a closing handshake"
OVER = ""
"""Instead of an address to ask: the call has ended."""


class Streams:
    """One call's."""

    def __init__(
        self,
        target: Target,
        plan: CallPlan,
        identity: Identity,
        webhooks: Webhooks,
        conversation: Conversation,
        log: CallLog,
        dice: random.Random,
    ) -> None:
        self.callbacks: trio.Nursery | None = None
        """Where the streams' callbacks are posted, beside the call."""
        self.suspects: list[str] = []
        """What goes wrong with a stream is a failure, unless another stream takes the call on."""
        self.ended = ""
        """How the call ended, where that was over REST."""
        self.busy = False
        """A stream is open, or being tidied up."""
        self._target = target
        self._plan = plan
        self._identity = identity
        self._webhooks = webhooks
        self._conversation = conversation
        self._log = log
        self._dice = dice

    async def stream(self, step: twiml.Stream) -> str | None:
        """A media stream from its handshake to its last callback; then None to go on with the next verb, an address to
        ask instead, or OVER."""
        self._log.steps.append(f"Connect to {step.url}")
        identity = forms.next_stream(self._identity, self._dice) if self._log.legs else self._identity
        refused, ended, goodbye = "", "", (1006, "")
        try:
            async with trio.open_nursery() as nursery:
                socket = await dial(
                    nursery,
                    self._target.reached(step.url),
                    urlsplit(step.url).netloc,
                    forms.media_headers(self._target.sign(step.url)),
                )
                self.busy = True
                self._goes_on()
                self._report(step, identity, "stream-started")
                ended = (await self._conversation.leg(socket, identity, step.parameters)).ended
                goodbye = socket.goodbye or goodbye
        except* (NoAnswerError, HandshakeError) as errors:
            refused = in_words(errors.exceptions[0], step.url)
        self.busy = False
        if refused:
            self.suspects.append(refused)
            self._report(step, identity, "stream-error", refused)
            return None
        crashed = ended == STREAM_CRASHED
        event = self._plan.carriage.callbacks.crash if crashed else "stream-stopped"
        self._report(step, identity, event, BROKEN_PIPE if event == "stream-error" else "")
        if self._conversation.left or ended == COMPLETED:
            return OVER
        if ended == REDIRECTED:
            return None
        self._judge(goodbye, crashed=crashed)
        return await self._crashed(step) if crashed else step.action or None

    def finish(self) -> None:
        """The call is over, and nothing took on what went wrong last: a failure, unless the caller wanted it so."""
        if not self.suspects:
            return
        if self._conversation.left and self._plan.meanwhile is Meanwhile.LEAVES:
            self._log.notes += [f"{suspect}; the caller hung up" for suspect in self.suspects]
        elif self._log.legs:
            self._log.failures += self.suspects
        else:
            self._log.unreachable = self.suspects[0]

    async def _crashed(self, step: twiml.Stream) -> str | None:
        if self._plan.carriage.after_crash is AfterCrash.HOLD:
            self._log.steps.append(HELD)
            await trio.sleep_forever()
        return step.action or None if self._plan.carriage.after_crash is AfterCrash.ACTION else None

    def _goes_on(self) -> None:
        self._log.notes += [f"{suspect}; the call went on" for suspect in self.suspects]
        self.suspects.clear()

    def _judge(self, goodbye: tuple[int, str], *, crashed: bool) -> None:
        code, reason = goodbye
        if crashed:
            self.suspects.append("the connection died without a closing handshake (31903)")
        elif code not in GOOD_CLOSES:
            self.suspects.append(f"the server closed the stream with code {code}" + (reason and f" ({reason})"))

    def _report(self, step: twiml.Stream, identity: Identity, event: str, error: str = "") -> None:
        if not step.status_callback or self.callbacks is None:
            return
        form = forms.stream_form(identity, step.name, event, datetime.now(UTC), error)
        for _ in range(self._plan.carriage.callbacks.times):
            self.callbacks.start_soon(self._post, step.status_callback, form, name=event)

    async def _post(self, url: str, form: dict[str, str]) -> None:
        await trio.sleep(self._plan.carriage.callbacks.late_s)
        problem = await self._webhooks.tell(url, form)
        if problem:
            self._log.steps.append(problem)
