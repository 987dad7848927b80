"""Twilio's REST API over real HTTP, with faults by plan; a call that it has created is played to the end.

Create, update, fetch and list of calls, and the numbers; Basic auth; both forms of errors. A played call is answered,
or not, as planned: signed voice webhook, media sockets, status callbacks in any order and twice, the verdict on who has
answered. It goes on as an update says (Url, Twiml, Status=completed), as does any other call of the `exchange`. One
trio server, in the test's own nursery.
"""

from __future__ import annotations

import base64
import json
import random
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from urllib.parse import parse_qs, parse_qsl, urlsplit

import h11
import httpx2
import trio

from agent.rehearsal.carrier import Identity, voice_form
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan
from nurseries.rehearsal.carrier import place_call
from nurseries.rehearsal.exchange import BadUpdateError, CallOverError, Exchange, NoSuchCallError
from nurseries.rehearsal.webhooks import Target, Webhooks

ACCOUNT = "AC" + "d" * 32
TOKEN = "f" * 32
KEY, SECRET = "SK" + "e" * 32, "s" * 32

Answer = tuple[int, dict[str, str], bytes]

_HTML = {
    "408": (408, b"<h1>Request Time-out</h1>"),
    "html": (502, b"<h1>Bad Gateway</h1>"),
    "garbage": (201, b"<p>fine"),
}
"""Faults that are pages."""

OVER = {"completed", "busy", "no-answer", "failed", "canceled"}

NEW_FORM = "application/problem+json"


@dataclass
class Dialled:
    """One call that was created."""

    sid: str
    form: dict[str, list[str]]
    created_at: datetime
    status: str = "queued"
    answered_by: str | None = None
    log: CallLog | None = None
    up: bool = False
    """It is being played."""
    redirected: list[tuple[str, str]] = field(default_factory=list)
    """Where it was sent by request, and how to ask there; followed while it is being played."""

    def __getitem__(self, name: str) -> str:
        return self.form.get(name, [""])[0]

    def told(self) -> dict[str, object]:
        return {
            "sid": self.sid,
            "account_sid": ACCOUNT,
            "to": self["To"],
            "from": self["From"],
            "status": self.status,
            "direction": "outbound-api",
            "date_created": format_datetime(self.created_at),
            "date_updated": format_datetime(self.created_at),
            "answered_by": self.answered_by,
            "api_version": "2010-04-01",
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{self.sid}.json",
            "subresource_uris": {},
        }


@dataclass
class FakeTwilio:
    """`faults`, one a request to create a call: "", 429, 429:2 (Retry-After), 400, 401, 408-before, 408-after (from
    somebody in between), 500-before, 500-after, reset-before, reset-after, slow-before, slow-after, garbage (it was
    created), html-502 (it was not), moved (ask elsewhere)."""

    target: Target | None = None
    """The server whose webhooks are asked; None: calls are created and not played."""
    plan: Callable[[Dialled], CallPlan | str] = lambda _: "no-answer"
    """What becomes of a call: a plan where it is answered, else its last status."""
    answered_by: Callable[[Dialled], str] = lambda _: "human"
    faults: deque[str] = field(default_factory=deque)
    calls: dict[str, Dialled] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    slow_s: float = 3.0
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    exchange: Exchange = field(default_factory=Exchange)
    """Of the calls that are up, those that were placed to the server included, where they were given it."""
    url: str = ""
    _nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[FakeTwilio] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as self._nursery:
            listeners = await self._nursery.start(partial(trio.serve_tcp, self._serve, 0, host="127.0.0.1"))
            self.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
            task_status.started(self)

    @property
    def creates(self) -> int:
        return sum(method == "POST" and path.endswith("/Calls.json") for method, path in self.requests)

    async def _serve(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while True:
                request, body = await self._receive(stream, connection)
                if request is None:
                    return
                answer = await self._answer(request, body)
                if answer is None:
                    linger = struct.pack("ii", 1, 0)
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    return
                status, headers, content = answer
                sent = [*headers.items(), ("Content-Length", str(len(content)))]
                await stream.send_all(connection.send(h11.Response(status_code=status, headers=sent)) or b"")
                await stream.send_all(connection.send(h11.Data(content)) or b"")
                await stream.send_all(connection.send(h11.EndOfMessage()) or b"")
                if connection.our_state is not h11.DONE:
                    return
                connection.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
            return
        finally:
            await trio.aclose_forcefully(stream)

    async def _receive(self, stream: trio.SocketStream, connection: h11.Connection) -> tuple[h11.Request | None, bytes]:
        request, body = None, b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some())
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return request, body
            else:
                return None, b""

    async def _answer(self, request: h11.Request, body: bytes) -> Answer | None:  # noqa: PLR0911  one a route
        """None: the connection is reset."""
        method, target = request.method.decode(), urlsplit(request.target.decode())
        self.requests.append((method, target.path))
        headers = {name.decode(): value.decode() for name, value in request.headers}
        known = {
            f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"
            for user, secret in ((ACCOUNT, TOKEN), (KEY, SECRET))
        }
        if headers.get("authorization") not in known:
            return _error(401, 20003, "Authenticate")
        prefix = f"/2010-04-01/Accounts/{ACCOUNT}/"
        if not target.path.startswith(prefix):
            return _error(404, 20404, f"The requested resource {target.path} was not found")
        what = target.path.removeprefix(prefix)
        form, query = parse_qs(body.decode(), keep_blank_values=True), dict(parse_qsl(target.query))
        if (method, what) == ("POST", "Calls.json"):
            return await self._create(form)
        if (method, what) == ("GET", "Calls.json"):
            found = [c.told() for c in reversed(self.calls.values()) if query.get("To", c["To"]) == c["To"]]
            return _json({"calls": found, "next_page_uri": None, "page": 0, "page_size": 50})
        if (method, what) == ("GET", "IncomingPhoneNumbers.json"):
            return _json({"incoming_phone_numbers": [_number(query.get("PhoneNumber", "+918012345678"))]})
        sid = what.removeprefix("Calls/").removesuffix(".json")
        call = self.calls.get(sid)
        if call is None and sid not in {*self.exchange.calls, *self.exchange.ended}:
            return _error(404, 20404, f"The requested resource {target.path} was not found")
        if method == "POST" and (refused := self._update(sid, call, form)):
            return refused
        return _json(call.told() if call else {"sid": sid, "status": "in-progress", "account_sid": ACCOUNT})

    def _update(self, sid: str, call: Dialled | None, form: dict[str, list[str]]) -> Answer | None:
        """None: it is done."""
        if call is not None and call.status not in OVER and "Url" in form:
            call.redirected.append((form["Url"][0], form["Method"][0]))
        if call is not None and not call.up and call.status not in OVER:  # nobody plays it
            call.status = form.get("Status", [call.status])[0]
            return None
        try:
            self.exchange.update(sid, {name: values[0] for name, values in form.items()})
        except (CallOverError, NoSuchCallError):
            return _error(400, 21220, "Call is not in-progress. Cannot redirect.")
        except BadUpdateError as error:
            return _error(400, 21205, str(error))
        if call is not None and form.get("Status"):
            call.status = form["Status"][0]
        return None

    async def _create(self, form: dict[str, list[str]]) -> Answer | None:
        for name in ("To", "From", "Url"):
            if not form.get(name):
                return _error(400, 21201, f"No '{name}' number is specified")
        fault = self.faults.popleft() if self.faults else ""
        if fault:
            return await self._fault(fault, lambda: self._ring(form))
        return _json(self._ring(form).told(), 201)

    async def _fault(self, fault: str, ring: Callable[[], object]) -> Answer | None:  # noqa: PLR0911  one a fault
        kind, _, when = fault.partition("-")
        if when == "after" or kind == "garbage":
            ring()
        if kind.startswith("429"):
            after = kind.partition(":")[2]
            return _error(429, 20429, "Too Many Requests", {"Retry-After": after} if after else {})
        if kind in _HTML:
            status, text = _HTML[kind]
            return status, {"Content-Type": "text/html"}, text
        match kind:
            case "400":
                told = {"type": "about:blank", "title": "Bad number", "status": 400, "code": 21211, "detail": "no such"}
                return 400, {"Content-Type": NEW_FORM}, json.dumps(told).encode()
            case "401":
                return _error(401, 20003, "Authenticate")
            case "moved":
                return 307, {"Location": f"{self.url}/elsewhere"}, b""
            case "500":
                return _error(500, 20500, "Internal Server Error")
            case "slow":
                await trio.sleep(self.slow_s)
        return None

    def _ring(self, form: dict[str, list[str]]) -> Dialled:
        call = Dialled(f"CA{self.dice.getrandbits(128):032x}", form, datetime.now(UTC))
        self.calls[call.sid] = call
        if self.target is not None and self._nursery is not None:
            self._nursery.start_soon(self._play, call, self.target)
        return call

    async def _play(self, call: Dialled, target: Target) -> None:
        identity = Identity(ACCOUNT, call.sid, "MZ" + call.sid[2:], call["From"], call["To"], direction="outbound-api")
        async with httpx2.AsyncClient(timeout=None, trust_env=False) as http:
            webhooks = Webhooks(target, http)

            async def tell(*states: tuple[str, int]) -> None:
                """In any order, and the last of them twice."""
                told = [*states, states[-1]]
                self.dice.shuffle(told)
                for status, sequence in told:
                    form = voice_form(identity, status) | {"SequenceNumber": str(sequence)}
                    await webhooks.tell(call["StatusCallback"], form)

            plan = self.plan(call)
            await tell(("initiated", 0), ("ringing", 1))
            if isinstance(plan, str):
                call.status = plan
                await tell((plan, 2))
                return
            call.status = "in-progress"
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tell, ("in-progress", 2))
                if call["AsyncAmdStatusCallback"]:
                    verdict = voice_form(identity, "in-progress") | {"AnsweredBy": self.answered_by(call)}
                    nursery.start_soon(webhooks.tell, call["AsyncAmdStatusCallback"], verdict)
                voice = urlsplit(call["Url"])
                here = Target(
                    url=f"{target.url}{voice.path}?{voice.query}",
                    public_url=target.public_url,
                    auth_token=target.auth_token,
                )
                call.up = True
                call.log = await place_call(here, plan, identity, exchange=self.exchange)
                call.up = False
            call.status = "completed"
            await tell(("completed", 3))


def _json(told: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(told).encode()


def _error(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> Answer:
    told = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return status, {"Content-Type": "application/json"} | (headers or {}), json.dumps(told).encode()


def _number(number: str) -> dict[str, object]:
    return {
        "sid": "PN" + "0" * 32,
        "phone_number": number,
        "voice_url": "https://voice.example.in/twilio/voice",
        "voice_method": "POST",
        "voice_fallback_url": "",
        "status_callback": "https://voice.example.in/twilio/call-status",
        "capabilities": {},
    }
