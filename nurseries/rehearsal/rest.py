"""Twilio's REST API for the calls of a simulation: fetch and update, over real HTTP, for a server to bring a call back
or end it. One trio server, in the nursery it is started in; an exchange in, the port out.

Basic auth as Twilio has it, its error codes for calls that have ended or never were; anything else of the API is 404.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping
from functools import partial
from urllib.parse import parse_qsl, urlsplit

import h11
import trio

from nurseries.rehearsal.exchange import BadUpdateError, CallOverError, Exchange, NoSuchCallError

READ = 65_536

NO_SUCH_KEY = 20003

Answer = tuple[int, bytes]


def needed(port: int) -> str:
    """What a server has to be started with."""
    return (
        f"TWILIO_API_URL=http://127.0.0.1:{port} and PUBLIC_URL, and the TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN "
        "that this command has"
    )


class Rest:
    """One account's API."""

    def __init__(self, exchange: Exchange, account_sid: str, auth_token: str) -> None:
        self.port = 0
        self.updates: Counter[str] = Counter()
        """By CallSid: those that were carried out."""
        self.refused: Counter[int] = Counter()
        """By Twilio's error code."""
        self._exchange = exchange
        self._account = account_sid
        self._key = "Basic " + base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()

    @property
    def url(self) -> str:
        """For TWILIO_API_URL."""
        return f"http://127.0.0.1:{self.port}"

    def unasked(self) -> str:
        """Why no call was changed, as far as that can be seen from here; empty where one was, or it cannot."""
        if self.updates or (self.refused and not self.refused[NO_SUCH_KEY]):
            return ""
        what = "showed other credentials" if self.refused else "asked for nothing"
        return f"the server {what} at {self.url}: it needs {needed(self.port)}"

    async def serve(self, port: int = 0, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Answer until cancelled. Started once `port` is known."""
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(partial(trio.serve_tcp, self._connection, port, host="127.0.0.1"))
            self.port = listener.socket.getsockname()[1]
            task_status.started()

    def answer(self, method: str, target: str, key: str, form: Mapping[str, str]) -> Answer:
        """What Twilio would answer to this request: status and JSON."""
        if key != self._key:
            return self._error(401, NO_SUCH_KEY, "Authenticate")
        path = urlsplit(target).path
        sid = path.removeprefix(f"/2010-04-01/Accounts/{self._account}/Calls/").removesuffix(".json")
        if method == "GET" and sid in {*self._exchange.calls, *self._exchange.ended}:
            return 200, self._told(sid)
        if method != "POST":
            return self._error(404, 20404, f"The requested resource {path} was not found")
        refused = self._update(sid, form)
        return refused or (200, self._told(sid))

    def _update(self, sid: str, form: Mapping[str, str]) -> Answer | None:
        """None where it is done."""
        try:
            self._exchange.update(sid, form)
        except NoSuchCallError:
            return self._error(404, 20404, f"The requested resource {sid} was not found")
        except CallOverError:
            return self._error(400, 21220, "Call is not in-progress. Cannot redirect.")
        except BadUpdateError as error:
            return self._error(400, 21205, str(error))
        self.updates[sid] += 1
        return None

    def _told(self, sid: str) -> bytes:
        status = "in-progress" if sid in self._exchange.calls else "completed"
        uri = f"/2010-04-01/Accounts/{self._account}/Calls/{sid}.json"
        told = {"sid": sid, "account_sid": self._account, "status": status, "api_version": "2010-04-01", "uri": uri}
        return json.dumps(told).encode()

    def _error(self, status: int, code: int, message: str) -> Answer:
        self.refused[code] += 1
        more = f"https://www.twilio.com/docs/errors/{code}"
        return status, json.dumps({"code": code, "message": message, "more_info": more, "status": status}).encode()

    async def _connection(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while (asked := await _request(stream, connection)) is not None:
                request, body = asked
                headers = {name.decode(): value.decode() for name, value in request.headers}
                form = dict(parse_qsl(body.decode(), keep_blank_values=True))
                key = headers.get("authorization", "")
                status, told = self.answer(request.method.decode(), request.target.decode(), key, form)
                sent = [("Content-Type", "application/json"), ("Content-Length", str(len(told)))]
                head = connection.send(h11.Response(status_code=status, headers=sent)) or b""
                tail = (connection.send(h11.Data(told)) or b"") + (connection.send(h11.EndOfMessage()) or b"")
                await stream.send_all(head + tail)
                if connection.our_state is not h11.DONE:
                    return
                connection.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.ProtocolError):
            return
        finally:
            await trio.aclose_forcefully(stream)


async def _request(stream: trio.SocketStream, connection: h11.Connection) -> tuple[h11.Request, bytes] | None:
    """The next one; None where there is none."""
    request, body = None, b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await stream.receive_some(READ))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            return request, body
        else:
            return None
