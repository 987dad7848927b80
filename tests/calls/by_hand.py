"""Twilio by hand: one call, leg by leg, each at the process that the test says, as a load balancer would lead it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import httpx2
import trio

from agent.rehearsal import carrier as forms
from agent.rehearsal import instructions as twiml
from agent.rehearsal.carrier import Identity
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan, HangUp, Line
from agent.wire.signature import sign
from nurseries.rehearsal.caller import converse
from nurseries.rehearsal.dial import DialledSocket, dial


@dataclass
class ByHand:
    """One call. `ask` and `stream` go to the process at the given address."""

    http: httpx2.AsyncClient
    token: str = ""
    public: str = ""
    identity: Identity = field(default_factory=forms.new_identity)
    steps: tuple[twiml.Step, ...] = ()
    """Of the last answer."""
    status: int = 0

    async def ask(self, at: str, address: str, status: str = "in-progress", **more: str) -> list[str]:
        """Post the webhook; returns the verbs of its answer."""
        address = address.partition("#")[0]
        form = forms.voice_form(self.identity, status) | more
        path = address.removeprefix(f"{urlsplit(address).scheme}://{urlsplit(address).netloc}")
        known = (self.public or at) + path
        headers = forms.webhook_headers(sign(known, form.items(), self.token) if self.token else "")
        answer = await self.http.post(at + path, data=form, headers=headers | {"Host": urlsplit(known).netloc})
        self.status = answer.status_code
        if answer.status_code != 200 or not answer.content:
            self.steps = ()
            return []
        document = twiml.read(answer.content, answer.headers["Content-Type"], known, allow_ws=True)
        assert document.violations == ()
        self.steps = document.steps
        return [type(step).__name__ for step in self.steps]

    def step(self, kind: type[twiml.Step]) -> twiml.Step:
        return next(step for step in self.steps if isinstance(step, kind))

    @property
    def action(self) -> str:
        """What follows the stream of the last answer, or the last answer itself."""
        stream = next((step for step in self.steps if isinstance(step, twiml.Stream)), None)
        return stream.action if stream else self.step(twiml.Redirect).url  # type: ignore[union-attr]

    @asynccontextmanager
    async def socket(self, at: str) -> AsyncIterator[DialledSocket]:
        """The media socket that the last answer asks for, at this process; a stream of its own."""
        stream = self.step(twiml.Stream)
        assert isinstance(stream, twiml.Stream)
        dice = random.SystemRandom()
        self.identity = replace(self.identity, stream_sid="MZ" + dice.randbytes(16).hex())
        url = "ws" + at.removeprefix("http") + urlsplit(stream.url).path
        known = stream.url
        async with trio.open_nursery() as nursery:
            headers = forms.media_headers(sign(known, (), self.token) if self.token else "")
            yield await dial(nursery, url, urlsplit(known).netloc, headers)
            nursery.cancel_scope.cancel("the leg is over")

    async def leg(self, at: str, *lines: Line, **plan: object) -> tuple[CallLog, tuple[int, str] | None]:
        """That stream, until it ends; and how the server has closed it."""
        stream = self.step(twiml.Stream)
        async with self.socket(at) as socket:
            log = await converse(
                socket,
                CallPlan(lines=lines, **plan),  # type: ignore[arg-type]
                identity=self.identity,
                parameters=stream.parameters,  # type: ignore[union-attr]
            )
            goodbye = socket.goodbye
        return log, goodbye


@asynccontextmanager
async def by_hand(**fields: str) -> AsyncIterator[ByHand]:
    async with httpx2.AsyncClient(timeout=30, trust_env=False) as http:
        yield ByHand(http, **fields)  # type: ignore[arg-type]


RESET = HangUp.RESET
