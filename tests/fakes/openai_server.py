"""An OpenAI-compatible server for tests, as a process and a port of its own: requests in, answers or faults out.

Run it from the repository (`python -m tests.fakes.openai_server --port 0`), or from a test with `openai_launch.launch`;
it prints its base URL. Steer it at `/_fake`: POST a plan, GET the state, DELETE to forget both. A plan is JSON:

    {"chat": {"replies": ["Hello."], "first_ms": 50, "gap_ms": 5}, "speech": {"container": "wav"},
     "transcriptions": {"transcripts": ["a flat"]}, "key": "sk-right",
     "models": {"gpt-5.4-mini": null, "tts-1": "2027-01-06"}, "shut_down": ["whisper-1", "gpt-4o*"],
     "faults": [{"route": "chat", "kind": "stall", "after": 3, "times": 1}]}

`models` is the list with last days; a model that `shut_down` names is refused by every route, as after its last day.

A WebSocket at /v1/realtime is a Realtime session, planned by "realtime": the fields of realtime_plan.Plan, with "wrong"
as a list of the fields of Wrong; texts are spoken as asked, or as "says" lists them, one after the other, and the
conversation is answered by what "answers" lists, after "answer_s".

Routes: chat, responses, transcriptions, speech, models. Kinds of fault: status (with `status`, `headers`, `body`,
`content_type`), stall, reset, cut (closed in mid-body), end (a proper end, too early), error (an error event), garbage
(bytes that make no sense), noise (not HTTP). `after` counts the pieces sent before; -1 is before the headers. `times`
0 is for ever. The state counts open connections, requests in flight, answered, and abandoned by the client, and keeps
every request's body, so that a test can say that nothing is left.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import socket
import struct
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import h11
import trio

from tests.fakes import openai_answers as api
from tests.fakes.openai_bill import Bill, Item
from tests.fakes.realtime_plan import Plan, Says, Wrong, verbatim
from tests.fakes.realtime_server import Realtime

ROUTES = {
    ("POST", "/v1/chat/completions"): "chat",
    ("POST", "/v1/responses"): "responses",
    ("POST", "/v1/audio/transcriptions"): "transcriptions",
    ("POST", "/v1/audio/speech"): "speech",
    ("GET", "/v1/models"): "models",
}


@dataclass
class Ledger:
    """The plan, and what happened."""

    plan: dict[str, Any] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    open: int = 0
    connections: int = 0
    in_flight: int = 0
    answered: int = 0
    abandoned: int = 0
    bill: Bill = field(default_factory=Bill)
    realtime: Realtime = field(default_factory=lambda: Realtime(Plan(wall_clock=time.time)))

    def state(self) -> dict[str, Any]:
        counts = ("open", "connections", "in_flight", "answered", "abandoned")
        sessions = self.realtime
        live = {
            "open": sessions.open,
            "connections": sessions.connections,
            "committed": len(sessions.committed),
            "spoken": sessions.spoken,
            "received": [[message["type"] for message in received] for received in sessions.received],
        }
        return {name: getattr(self, name) for name in counts} | {
            "requests": self.requests,
            "realtime": live,
            "bill": self.bill.models,
        }

    def forget(self) -> None:
        self.plan, self.turns, self.requests = {}, {}, []
        self.connections = self.answered = self.abandoned = 0
        self.bill = Bill()
        self.realtime = Realtime(Plan(wall_clock=time.time))

    def planned(self, plan: dict[str, Any]) -> None:
        """Take a plan, or a part of one."""
        self.plan |= plan
        self.turns = {}
        told = dict(self.plan.get("realtime", {}))
        texts, answers = iter(told.pop("says", ())), iter(told.pop("answers", ()))
        answer_s = told.pop("answer_s", None)
        wrong = [Wrong(**each) for each in told.pop("wrong", ())]
        shut_down = frozenset(self.plan.get("shut_down", ()))
        self.realtime.plan = Plan(
            **told, wrong=wrong, wall_clock=time.time, key=self.plan.get("key", ""), shut_down=shut_down
        )

        def says(create: dict[str, Any], items: Sequence[dict[str, Any]]) -> Says:
            if "input" in create:
                return Says(next(texts, "") or verbatim(create, items).text)
            return Says(next(answers, "Yes."), first_s=answer_s)

        self.realtime.plan.says = says

    def script(self, route: str) -> dict[str, Any]:
        """The route's script, with the number of this request as `turn`."""
        turn = self.turns.get(route, 0)
        self.turns[route] = turn + 1
        return {**self.plan.get(route, {}), "turn": turn}

    def fault(self, route: str) -> dict[str, Any] | None:
        """The fault that this request meets. Counted faults are used up."""
        faults: list[dict[str, Any]] = self.plan.get("faults", [])
        for fault in faults:
            if fault["route"] in {route, "*"} and fault.get("times", 1) >= 0:
                if fault.get("times", 1) > 0:
                    fault["times"] = fault.get("times", 1) - 1 or -1
                return fault
        return None


class Gone(Exception):  # noqa: N818  an ending, not an error
    """This connection is over, by our own doing."""


class Connection:
    """One client. Reads on while it answers, so that a client that leaves is noticed at once."""

    def __init__(self, stream: trio.SocketStream, ledger: Ledger) -> None:
        self._stream = stream
        self._ledger = ledger
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        self._steers = False
        self._raw = bytearray()
        """The request that is being read."""

    async def serve(self) -> None:
        self._ledger.open += 1
        self._ledger.connections += 1
        try:
            while (request := await self._request()) is not None:
                if any(name == b"upgrade" for name, _ in request[0].headers):
                    await self._ledger.realtime.serve(Replayed(self._stream, bytes(self._raw)))
                    break
                await self._answer(*request)
                if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                    break
                self._raw.clear()
                self._http.start_next_cycle()
        except (Gone, trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
            pass
        except Exception:  # noqa: BLE001  one bad plan must not take the other tests' server away
            traceback.print_exc()
        finally:
            if not self._steers:
                self._ledger.open -= 1
            await self._stream.aclose()

    async def _request(self) -> tuple[h11.Request, bytes] | None:
        request: h11.Request | None = None
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                data = await self._stream.receive_some(65536)
                self._raw += data
                self._http.receive_data(data)
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return request, bytes(body)
            else:
                return None

    async def _answer(self, request: h11.Request, body: bytes) -> None:
        method, path = request.method.decode(), request.target.decode().partition("?")[0]
        if path == "/_fake":
            await self._steer(method, body)
            return
        ledger = self._ledger
        ledger.in_flight += 1
        done = False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch, nursery.cancel_scope)
                await self._reply(method, path, request, body)
                done = True
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, Gone):
            done = done or self._http.our_state is h11.ERROR
        finally:
            ledger.in_flight -= 1
            ledger.answered += done
            ledger.abandoned += not done
        if not done:
            raise Gone

    async def _watch(self, scope: trio.CancelScope) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await self._stream.receive_some(65536):
                self._http.receive_data(data)
        scope.cancel()

    async def _reply(self, method: str, path: str, request: h11.Request, body: bytes) -> None:
        name = path.removeprefix("/v1/models/") if path.startswith("/v1/models/") else None
        route = ROUTES.get((method, "/v1/models" if name else path), "")
        headers = {key.decode(): value.decode() for key, value in request.headers}
        script = self._ledger.script(route)
        fault = self._ledger.fault(route) or {}
        try:
            answer = self._say(route, name, headers, body, script)
        except api.Refused as refused:
            answer = refused.answer
        if fault.get("kind") == "status":
            text = fault.get("body") or {"error": {"message": "Injected.", "type": None, "param": None, "code": None}}
            payload = text.encode() if isinstance(text, str) else json.dumps(text).encode()
            kind = fault.get("content_type", "application/json")
            answer = api.Answer(fault["status"], kind, (payload,), headers=fault.get("headers", {}))
        item = None
        gone = fault.get("after", 0) < 0 and fault.get("kind") != "stall"
        if answer.status == 200 and route not in {"", "models"} and not gone:
            item = self._ledger.bill.taken(route, self._ledger.requests[-1]["body"])
        await self._send(route, answer, script, fault, item)

    def _say(
        self, route: str, name: str | None, headers: dict[str, str], body: bytes, script: dict[str, Any]
    ) -> api.Answer:
        entry: dict[str, Any] = {"route": route, "authorization": headers.get("authorization", "")}
        self._ledger.requests.append(entry)
        key = self._ledger.plan.get("key")
        if key and entry["authorization"] != f"Bearer {key}":
            raise api.Refused(401, f"Incorrect API key provided: {entry['authorization'][7:]}.", "invalid_api_key")
        if route == "models":
            return api.models(name, self._ledger.plan.get("models", api.MODELS))
        shut_down = self._ledger.plan.get("shut_down", ())
        if route == "transcriptions":
            fields = api.multipart(headers.get("content-type", ""), body)
            entry["body"] = {key: value for key, value in fields.items() if key != "file"}
            api.check_served(fields.get("model", ""), shut_down)
            answer, facts = api.transcription(fields, script)
            entry["body"] |= facts | {"billed_seconds": math.ceil(facts["seconds"])}
            return answer
        if not route:
            raise api.Refused(404, "Invalid URL", None)
        try:
            entry["body"] = json.loads(body)
        except ValueError:
            raise api.Refused(400, "We could not parse the JSON body of your request.") from None
        api.check_served(entry["body"].get("model", ""), shut_down)
        return {"chat": api.chat, "responses": api.responses, "speech": api.speech}[route](entry["body"], script)

    async def _send(
        self, route: str, answer: api.Answer, script: dict[str, Any], fault: dict[str, Any], item: Item | None
    ) -> None:
        kind, after = fault.get("kind"), fault.get("after", 0)
        if after < 0 or kind == "noise":
            await self._break(kind)
        if not answer.streamed:
            await trio.sleep(script.get("first_ms", 0) / 1000)
        headers = [("content-type", answer.content_type), ("x-request-id", "req_fake"), *answer.headers.items()]
        if not answer.streamed:
            headers.append(("content-length", str(sum(map(len, answer.pieces)))))
        await self._emit(h11.Response(status_code=answer.status, headers=headers))
        for index, piece in enumerate(_pieces(route, answer, fault)):
            if index == after:
                await self._break(kind)
            if answer.streamed:
                await trio.sleep(script.get("gap_ms" if index else "first_ms", 0) / 1000)
            if item is not None and answer.streamed:
                item.made(piece)
            await self._emit(h11.Data(piece))
        await self._emit(h11.EndOfMessage())

    async def _break(self, kind: str | None) -> None:
        if kind == "stall":
            await trio.sleep_forever()
        if kind == "noise":
            await self._stream.send_all(b"\x16\x03\x01\x00\x02\x02\x50\r\n\r\n")
        if kind == "reset":
            self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if kind in {"reset", "cut", "noise"}:
            self._http.send_failed()
            await self._stream.aclose()
            raise Gone

    async def _emit(self, event: Any) -> None:
        await self._stream.send_all(self._http.send(event) or b"")

    async def _steer(self, method: str, body: bytes) -> None:
        if not self._steers:  # steering is no part of what is counted
            self._steers = True
            self._ledger.open -= 1
            self._ledger.connections -= 1
        if method == "POST":
            self._ledger.planned(json.loads(body))
        elif method == "DELETE":
            self._ledger.forget()
        payload = json.dumps(self._ledger.state()).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(payload)))]
        await self._emit(h11.Response(status_code=200, headers=headers))
        await self._emit(h11.Data(payload))
        await self._emit(h11.EndOfMessage())


def _pieces(route: str, answer: api.Answer, fault: dict[str, Any]) -> list[bytes]:
    kind, after = fault.get("kind"), fault.get("after", 0)
    pieces = list(answer.pieces)
    if kind == "end":
        del pieces[after:]
    elif kind == "error":
        pieces[after:] = [api.error_event(route, "Injected.", fault.get("code", "server_error"))]
    elif kind == "garbage" and after < len(pieces):
        pieces[after] = b"data: \xff{half\n\n" if answer.streamed else b"?" * len(pieces[after])
    return pieces


class Replayed(trio.abc.Stream):
    """A stream whose first bytes have been read already."""

    def __init__(self, stream: trio.SocketStream, read: bytes) -> None:
        self._stream = stream
        self._read = read

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._read:
            await trio.lowlevel.checkpoint()
            data, self._read = self._read, b""
            return data
        return bytes(await self._stream.receive_some(max_bytes))

    async def send_all(self, data: Any) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def serve(host: str, port: int) -> None:
    """Serve until cancelled; print the base URL once connections are taken."""
    ledger = Ledger()
    listeners = await trio.open_tcp_listeners(port, host=host)
    print(f"http://{host}:{listeners[0].socket.getsockname()[1]}/v1", flush=True)  # noqa: T201

    async def handle(stream: trio.SocketStream) -> None:
        await Connection(stream, ledger).serve()

    await trio.serve_listeners(handle, listeners)


def main() -> None:
    parser = argparse.ArgumentParser(description="A fake of the OpenAI API for tests.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        trio.run(serve, arguments.host, arguments.port)


if __name__ == "__main__":
    main()
