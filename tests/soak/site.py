"""A site in virtual time: two machines, a server process on each, a load balancer, and Twilio, over memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import trio

from agent.errors import CarrierError, CarrierFault
from agent.keep.record import CallRecord
from agent.wire.carrier import CarrierCall, CarrierNumber, Ring
from nurseries.rehearsal.dial import NoAnswerError
from nurseries.rehearsal.exchange import CallOverError, Exchange, NoSuchCallError
from nurseries.rehearsal.loopback import LoopbackSocket, loopback
from nurseries.rehearsal.webhooks import Target
from tests.calls.stage import configured
from tests.soak.pod import DeadError, Pod
from tests.soak.providers import Moods
from tests.soak.stores import Stores

ACCOUNT = "AC" + "5" * 32
TOKEN = "0123456789abcdef" * 2
PUBLIC = "https://voice.example.in"
GREETING = "Hello this is Priya. How may I help you?"
SETTINGS = {
    "GREETING": GREETING,
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "PUBLIC_URL": PUBLIC,
    "DRAIN_MODE": "hand-off",
    "TRANSFER_TO": "+918012345678",
    "SILENCE_S": 5,
    "MAX_CONCURRENT_CALLS": 50,
}
NETWORK_S = (0.01, 0.12)
"""To a process and back, for one request."""


class Rest:
    """The carrier's API, as far as a server needs it for calls that have come."""

    def __init__(self, exchange: Exchange, dice: random.Random) -> None:
        self._exchange, self._dice = exchange, dice
        self.redirected = 0

    async def redirect(self, call_sid: str, url: str) -> bool:
        await trio.sleep(self._dice.uniform(*NETWORK_S))
        try:
            self._exchange.update(call_sid, {"Url": url})
        except (CallOverError, NoSuchCallError):
            return False
        self.redirected += 1
        return True

    async def hang_up(self, call_sid: str) -> None:
        await trio.sleep(self._dice.uniform(*NETWORK_S))

    async def create(self, ring: Ring) -> CarrierCall:
        await trio.lowlevel.checkpoint()
        raise CarrierError(CarrierFault.REFUSED, f"nobody is called here: {ring.to}")

    async def fetch(self, _call_sid: str) -> CarrierCall | None:
        await trio.lowlevel.checkpoint()
        return None

    async def recent(self, _to: str) -> list[CarrierCall]:
        await trio.lowlevel.checkpoint()
        return []

    async def numbers(self, _number: str = "") -> list[CarrierNumber]:
        await trio.lowlevel.checkpoint()
        return []


class Site(httpx2.AsyncBaseTransport):
    """Two machines, each with one process or, during a release, two. As a transport it is the load balancer."""

    target = Target(url="http://site.internal", public_url=PUBLIC, auth_token=TOKEN)

    def __init__(self, folder: Path, seed: int, trouble: float, over: Callable[[CallRecord], None]) -> None:
        self._folder = folder
        self._dice = random.Random(f"site {seed}")
        self._over = over
        self.stores = Stores()
        self.exchange = Exchange()
        self.rest = Rest(self.exchange, self._dice)
        self.moods = Moods(random.Random(f"moods {seed}"), trouble)
        self.pods: dict[int, Pod] = {}
        """By machine: the newest process on it."""
        self.all: list[Pod] = []
        """Those that have not been looked at since they left."""
        self._started = 0

    async def start(self, machine: int, nursery: trio.Nursery) -> Pod:
        """A new process there, beside the one that there may be, once it takes calls."""
        self._started += 1
        folder = self._folder / f"machine-{machine}"
        pod = Pod(
            f"{self._started}-{machine}",
            folder,
            configured(**SETTINGS),
            self.stores,
            self.rest,
            self.moods,
            random.Random(self._dice.random()),
            self._over,
        )
        self.all.append(pod)
        await nursery.start(pod.run)
        self.pods[machine] = pod
        return pod

    async def dial(self, _nursery: trio.Nursery, url: str, *_: object) -> LoopbackSocket:
        """A media socket to some process. Raises NoAnswerError."""
        await trio.sleep(self._dice.uniform(*NETWORK_S))
        ours, theirs = loopback()
        try:
            self._choose().lend(theirs)
        except DeadError as error:
            raise NoAnswerError(f"{url}: {error}") from error
        return ours

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await trio.sleep(self._dice.uniform(*NETWORK_S))
        target = urlsplit(str(request.url))
        path = target.path + (f"?{target.query}" if target.query else "")
        try:
            status, headers, body = await self._choose().ask(
                request.method, path, dict(request.headers), await request.aread()
            )
        except DeadError as error:
            raise httpx2.ConnectError(str(error)) from error
        return httpx2.Response(status, headers=headers, content=body)

    def _choose(self) -> Pod:
        """One that is ready; else one that answers at all. Raises DeadError."""
        there = [pod for pod in self.all if not (pod.dead or pod.gone)]
        if not there:
            raise DeadError("no process is there")
        return self._dice.choice([pod for pod in there if pod.takes] or there)
