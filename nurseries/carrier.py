"""Twilio's side of a whole call: webhooks, instructions, the media stream, callbacks. A target and a plan in, a log out.

Posts the signed voice webhook, obeys the TwiML it gets, holds the stream, asks the action when the server ends it,
and reports the call's end. Faults of the server are in the log, never raised. Cancelled, it hangs up at once.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

import httpx2
import trio

from agent.rehearsal import carrier as forms
from agent.rehearsal import instructions as twiml
from agent.rehearsal.carrier import Identity
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan
from agent.rehearsal.reach import public, reached, status_url, voice_url
from agent.wire.signature import sign
from nurseries.caller import converse
from nurseries.dial import NoAnswerError, dial

WEBHOOK_S = 15.0
"""Twilio's own limit for a webhook, its retry included."""
DOCUMENTS = 10
"""Answers obeyed in one call: redirects in a circle end here."""
GOOD_CLOSES = {1000, 1001, 1005}
"""Close codes that say nothing is wrong: normal, going away, none given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server to call."""

    url: str
    """Where it is, such as http://127.0.0.1:3000; with a path, the voice webhook itself."""
    public_url: str = ""
    """The address it knows itself by, where that is another: what Twilio would call and sign."""
    auth_token: str = ""
    """Signs webhooks and the media socket. Empty: nothing is signed."""


class _Refused(Exception):
    """A webhook got no usable answer. Carries the reason."""


async def place_call(
    target: Target, plan: CallPlan, identity: Identity | None = None, dice: random.Random | None = None
) -> CallLog:
    """Place the call and see it through. Raises ValueError where the target's URL is none."""
    voice = voice_url(target.url)
    dice = dice or random.SystemRandom()
    async with httpx2.AsyncClient(timeout=None, trust_env=False) as http:  # noqa: S113  the nursery sets the limits
        call = _Carrier(target, plan, identity or forms.new_identity(dice=dice), http, dice)
        with trio.move_on_after(plan.max_ms / 1000 + 4 * WEBHOOK_S) as patience:
            await call.run(voice)
    if patience.cancelled_caught:
        call.log.failures.append("the call did not come to an end")
    return call.log


class _Carrier:
    """One call."""

    def __init__(
        self, target: Target, plan: CallPlan, identity: Identity, http: httpx2.AsyncClient, dice: random.Random
    ) -> None:
        self.log = CallLog(call_sid=identity.call_sid)
        self._target = target
        self._plan = plan
        self._identity = identity
        self._http = http
        self._dice = dice
        self._hung_up = False
        """The caller left: no more instructions are wanted."""

    async def run(self, voice: str) -> None:
        began = trio.current_time()
        voice = public(voice, self._target.public_url)
        try:
            document = await self._ask(voice, "ringing")
        except _Refused as refusal:
            self.log.unreachable = str(refusal)
            return
        try:
            for _ in range(DOCUMENTS):
                following = await self._obey(document)
                if following is None:
                    break
                document = await self._ask(following, "in-progress")
            else:
                self.log.failures.append(f"more than {DOCUMENTS} documents in one call")
        except _Refused as refusal:
            self.log.failures.append(str(refusal))
        ended = forms.ended_form(self._identity, trio.current_time() - began, datetime.now(UTC))
        await self._tell(status_url(voice), ended)

    async def _obey(self, document: twiml.Document) -> str | None:
        """Carry out a document; the address to ask for the next one, or None when the call is over."""
        self.log.violations += document.violations
        for step in document.steps:
            match step:
                case twiml.Say(text):
                    self.log.steps.append(f"Say {text!r}")
                    await trio.sleep(_saying(text))
                case twiml.Pause(seconds):
                    self.log.steps.append(f"Pause for {seconds:g} s")
                    await trio.sleep(seconds)
                case twiml.Stream():
                    await self._stream(step)
                    if self._hung_up:
                        return None
                    if step.action:
                        return step.action
                case twiml.Redirect(url):
                    return url
                case twiml.Hangup():
                    self.log.steps.append("Hangup")
                    return None
                case twiml.Reject(reason):
                    self.log.steps.append(f"Reject ({reason})")
                    self.log.failures.append(f"the server rejected the call ({reason})")
                    return None
                case twiml.Dial(to):
                    self.log.steps.append(f"Dial {to} (a transfer; the rehearsal ends here)")
                    return None
                case twiml.Unplayed(verb):
                    self.log.steps.append(f"{verb} (passed over)")
        if not self.log.stream_sid and not self.log.failures and not self.log.unreachable:
            self.log.failures.append("the server's instructions open no media stream: the agent never spoke")
        return None

    async def _stream(self, step: twiml.Stream) -> None:
        if self.log.stream_sid:
            self.log.failures.append("the server opens a second stream in one call, which a rehearsal cannot play")
            self._hung_up = True
            return
        self.log.steps.append(f"Connect to {step.url}")
        signature = self._sign(step.url)
        try:
            async with trio.open_nursery() as nursery:
                socket = await dial(
                    nursery,
                    reached(step.url, self._target.url),
                    urlsplit(step.url).netloc,
                    forms.media_headers(signature),
                )
                nursery.start_soon(self._report_stream, step, "stream-started", name="stream-started")
                await converse(
                    socket,
                    self._plan,
                    identity=self._identity,
                    parameters=step.parameters,
                    log=self.log,
                    dice=self._dice,
                )
        except* NoAnswerError as errors:
            self.log.unreachable = str(errors.exceptions[0])
        if self.log.unreachable:
            await self._report_stream(step, "stream-error", self.log.unreachable)
            return
        self._hung_up = "caller" in self.log.ended
        self._judge(socket.goodbye)
        await self._report_stream(step, "stream-stopped")

    def _judge(self, goodbye: tuple[int, str] | None) -> None:
        if self._hung_up or goodbye is None or goodbye[0] in GOOD_CLOSES:
            return
        code, reason = goodbye
        words = f"with code {code}" + (f" ({reason})" if reason else "")
        self.log.failures.append(
            "the connection died without a closing handshake"
            if code == 1006
            else f"the server closed the stream {words}"
        )

    async def _report_stream(self, step: twiml.Stream, event: str, error: str = "") -> None:
        if step.status_callback:
            form = forms.stream_form(self._identity, step.name, event, datetime.now(UTC), error)
            await self._tell(step.status_callback, form)

    async def _tell(self, url: str, form: dict[str, str]) -> None:
        """A callback: its answer does not matter to the call, but is worth knowing."""
        try:
            answer = await self._post(url, form)
        except _Refused as refusal:
            self.log.steps.append(str(refusal))
            return
        if not answer.is_success:
            self.log.steps.append(f"the callback {url} was answered {answer.status_code}")

    async def _ask(self, url: str, status: str) -> twiml.Document:
        answer = await self._post(url, forms.voice_form(self._identity, status))
        if not answer.is_success:
            raise _Refused(f"the webhook {url} was answered {answer.status_code} (11200)")
        self.log.steps.append(f"POST {url}")
        kind = answer.headers.get("Content-Type", "")
        return twiml.read(answer.content, kind, url, allow_ws=urlsplit(self._target.url).scheme == "http")

    async def _post(self, url: str, form: dict[str, str]) -> httpx2.Response:
        """Post as Twilio does; one more try where no connection could be made."""
        headers = forms.webhook_headers(self._sign(url, form)) | {"Host": urlsplit(url).netloc}
        there = reached(url, self._target.url)
        try:
            with trio.fail_after(WEBHOOK_S):
                try:
                    return await self._http.post(there, content=urlencode(form), headers=headers)
                except httpx2.ConnectError:
                    return await self._http.post(there, content=urlencode(form), headers=headers)
        except trio.TooSlowError:
            raise _Refused(f"the webhook {there} gave no answer within {WEBHOOK_S:g} s (11203)") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _Refused(f"the webhook {there} cannot be reached: {error} (11205)") from error

    def _sign(self, url: str, form: dict[str, str] | None = None) -> str:
        return sign(url, (form or {}).items(), self._target.auth_token) if self._target.auth_token else ""


def _saying(text: str) -> float:
    """Seconds that Twilio's own voice takes to say this, about."""
    return 0.3 + 0.065 * len(text)
