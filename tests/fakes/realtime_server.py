"""A Realtime server for tests: one connection's stream in, the API's events out, in the order and at the pace of the
plan. Long, as the API is: each event stands beside the message that brings it about.

Both kinds of session, transcription and speech. A client's message is held against the SDK's own models and refused
where it has a field too many. On any Trio stream: in memory, on the mock clock, or on a socket.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trio
from openai.types.realtime import RealtimeClientEvent
from pydantic import BaseModel, TypeAdapter, ValidationError
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, wrap_server_stream
from wsproto.utilities import LocalProtocolError

from tests.fakes.realtime_plan import Plan, Says, Wrong

CLIENT: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)
MS_PER_CHARACTER = 60
BYTES_PER_MS = {"audio/pcmu": 8, "audio/pcma": 8, "audio/pcm": 48}
TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Refused(Exception):  # noqa: N818  it becomes an event
    """A message of the client's is wrong."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.param = code, param


class Over(Exception):  # noqa: N818  an ending, not an error
    """This connection is at its end, by our own doing."""


@dataclass
class Realtime:
    """One server, with what came of it."""

    plan: Plan = field(default_factory=Plan)
    connections: int = 0
    open: int = 0
    sent: list[list[dict[str, Any]]] = field(default_factory=list)
    """Events, connection by connection."""
    received: list[list[dict[str, Any]]] = field(default_factory=list)
    sounds: dict[bytes, str] = field(default_factory=dict)
    """What was committed and heard, whole, by its sound."""
    committed: list[bytes] = field(default_factory=list)
    conversations: list[list[dict[str, Any]]] = field(default_factory=list)
    """Items, connection by connection, as they stand now."""
    spoken: list[str] = field(default_factory=list)
    """Texts of the responses that were begun."""
    unanswered: list[str] = field(default_factory=list)
    """Calls without a result at the time when the next response was asked for: a model takes that ill."""

    bill: Counter[str] = field(default_factory=Counter)
    """By its own count, whatever the client hears of it: responses, and their tokens as far as they were told; commits,
    and milliseconds of sound."""

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One connection, to its end. The stream is closed."""
        number = self.connections
        self.connections += 1
        self.open += 1
        self.sent.append([])
        self.received.append([])
        try:
            with suppress(Exception):  # whatever a broken client does to the library is the client's
                async with trio.open_nursery() as nursery:
                    request = await wrap_server_stream(nursery, stream)  # type: ignore[arg-type]
                    await self._let_in(request, number)
                    nursery.cancel_scope.cancel("the connection is over")
        finally:
            self.open -= 1
            await trio.aclose_forcefully(stream)

    async def _let_in(self, request: WebSocketRequest, number: int) -> None:
        query = parse_qs(urlsplit(request.path).query)
        headers = {name.lower(): value for name, value in request.headers}
        wrong = next((w for w in self.plan.wrong if w.kind == "refuse" and w.connection in {None, number}), None)
        told = headers.get(b"authorization", b"").decode()
        model = query.get("model", [""])[0]
        if wrong is not None:
            await _reject(request, int(wrong.code), "refused", "As planned.")
        elif self.plan.key and told != f"Bearer {self.plan.key}":
            await _reject(request, 401, "invalid_api_key", f"Incorrect API key provided: {told[-8:]}.")
        elif not urlsplit(request.path).path.endswith("/realtime") or not (model or query.get("intent")):
            await _reject(request, 404, "not_found", "No such session.")
        else:
            connection = await request.accept()
            session = Session(self, connection, number, model)
            with suppress(ConnectionClosed, LocalProtocolError, Over):
                await session.run()
            await trio.lowlevel.checkpoint()


async def _reject(request: WebSocketRequest, status: int, code: str, message: str) -> None:
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error", "code": code}}).encode()
    with suppress(ConnectionClosed):
        await request.reject(status, body=body)


@dataclass
class _Response:
    id: str
    metadata: dict[str, str] | None
    in_conversation: bool
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)


class Session:
    """One connection's."""

    def __init__(self, server: Realtime, connection: WebSocketConnection, number: int, model: str) -> None:
        self._server = server
        self._plan = server.plan
        self._connection = connection
        self._number = number
        self._model = model
        self._ids = itertools.count()
        self._settings: dict[str, Any] = {"type": "realtime" if model else "transcription"}
        self._buffer = bytearray()
        self._item = ""
        """Of the sound that is being appended."""
        self._told_ms = 0.0
        self._items: list[dict[str, Any]] = []
        server.conversations.append(self._items)
        self._lengths: dict[str, float] = {}
        """Of the model's spoken items, ms."""
        self._responses: dict[str, _Response] = {}
        self._turn = trio.Lock()
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        async with trio.open_nursery() as self._nursery:
            try:
                await self._open()
                while True:
                    await self._take(await self._connection.get_message())
            finally:
                self._nursery.cancel_scope.cancel("the session is over")

    async def _open(self) -> None:
        plan = self._plan
        if plan.session_s is not None:
            self._settings["expires_at"] = int(plan.wall_clock() + plan.session_s)
            self._start(self._expire, plan.session_s)
        await self._send("session.created", session=self._session())
        if self._model in plan.shut_down:
            await self._object("model_not_found", f"The model {self._model!r} does not exist.", "model")
            await self._connection.aclose(4000, "invalid_request_error.model_not_found")
            raise Over

    async def _expire(self, seconds: float) -> None:
        await trio.sleep(seconds)
        await self._object("session_expired", "Your session hit the maximum duration.")
        await self._connection.aclose(1001, "session_expired")

    def _session(self) -> dict[str, Any]:
        return {**self._settings, "id": f"sess_{self._number}", "object": "realtime.session"}

    # What the client says.

    async def _take(self, message: str | bytes) -> None:
        told: dict[str, Any] = {}
        try:
            told = self._checked(message)
            self._server.received[self._number].append(told)
            await getattr(self, "_" + told["type"].replace(".", "_"))(told)
        except Refused as refused:
            await self._object(refused.code, str(refused), refused.param, told.get("event_id"))

    def _checked(self, message: str | bytes) -> dict[str, Any]:
        try:
            told = json.loads(message)
            event = CLIENT.validate_python(told)
        except (ValueError, ValidationError) as error:
            raise Refused("invalid_event", f"Not an event: {str(error)[:200]}") from None
        if unknown := next(extras(event), ""):
            raise Refused("unknown_parameter", f"Unknown parameter: {unknown!r}.", unknown)
        return told  # type: ignore[no-any-return]

    async def _session_update(self, told: dict[str, Any]) -> None:
        session = told["session"]
        if session["type"] != self._settings["type"]:
            raise Refused("invalid_session_type", "The session is of another type.", "session.type")
        heard = session.get("audio", {}).get("input", {}).get("transcription") or {}
        if heard.get("model") in self._plan.shut_down:
            raise Refused("model_not_found", "The model does not exist.", "session.audio.input.transcription.model")
        self._settings = {**self._settings, **session}
        await self._send("session.updated", session=self._session())

    async def _input_audio_buffer_append(self, told: dict[str, Any]) -> None:
        self._buffer += base64.b64decode(told["audio"], validate=True)
        if self._plan.parts and self._buffer:
            self._item = self._item or self._new("item")
            seconds = len(self._buffer) // 8000
            if seconds > self._told_ms:
                self._told_ms = seconds
                await self._send(f"{TRANSCRIPTION}.delta", item_id=self._item, content_index=0, delta=f"{seconds} ")

    async def _input_audio_buffer_clear(self, _told: dict[str, Any]) -> None:
        self._buffer.clear()
        await self._send("input_audio_buffer.cleared")

    async def _input_audio_buffer_commit(self, _told: dict[str, Any]) -> None:
        audio = self._settings.get("audio", {}).get("input", {})
        if len(self._buffer) < 100 * BYTES_PER_MS[audio.get("format", {"type": "audio/pcm"})["type"]]:
            raise Refused("input_audio_buffer_commit_empty", "Expected at least 100ms of audio.")
        sound, item = bytes(self._buffer), self._item or self._new("item")
        if audio.get("transcription"):
            self._server.bill.update(commits=1, ms=len(sound) // BYTES_PER_MS[audio["format"]["type"]])
        self._buffer.clear()
        self._item, self._told_ms = "", 0.0
        before = self._items[-1]["id"] if self._items else None
        await self._send("input_audio_buffer.committed", item_id=item, previous_item_id=before)
        content = [{"type": "input_audio", "transcript": None}]
        await self._add({"id": item, "type": "message", "role": "user", "status": "completed", "content": content})
        if audio.get("transcription"):
            self._start(self._transcribe, item, sound)

    async def _transcribe(self, item: str, sound: bytes) -> None:
        text = self._heard(sound)
        if not self._plan.parts:
            for word in text.split():
                await self._send(f"{TRANSCRIPTION}.delta", item_id=item, content_index=0, delta=f"{word} ")
        await trio.sleep(self._plan.final_s)
        for known in self._items:
            if known["id"] == item:
                known["content"][0]["transcript"] = text
        usage = {"type": "duration", "seconds": len(sound) / 8000}
        await self._send(f"{TRANSCRIPTION}.completed", item_id=item, content_index=0, transcript=text, usage=usage)
        self._server.sounds[sound] = text

    def _heard(self, sound: bytes) -> str:
        server, heard = self._server, self._plan.heard
        server.committed.append(sound)
        if callable(heard):
            return heard(sound)
        known = list(dict.fromkeys(server.committed))
        return heard[min(known.index(sound), len(heard) - 1)] if heard else ""

    async def _conversation_item_create(self, told: dict[str, Any]) -> None:
        item = {"id": self._new("item"), "status": "completed", **told["item"]}
        if any(known["id"] == item["id"] for known in self._items):
            raise Refused("item_create_duplicate_item_id", "There is such an item.", "item.id")
        await self._add(item, after=told.get("previous_item_id"))

    async def _conversation_item_delete(self, told: dict[str, Any]) -> None:
        self._items.remove(self._known(told["item_id"], "item_delete_invalid_item_id"))
        await self._send("conversation.item.deleted", item_id=told["item_id"])

    async def _conversation_item_truncate(self, told: dict[str, Any]) -> None:
        item = self._known(told["item_id"], "item_truncate_invalid_item_id")
        if told["audio_end_ms"] > self._lengths.get(item["id"], 0.0):
            raise Refused("invalid_value", "Audio content is shorter than that.", "audio_end_ms")
        item["content"][0].pop("transcript", None)
        item["truncated_ms"] = self._lengths[item["id"]] = told["audio_end_ms"]
        answer = {"item_id": item["id"], "content_index": 0, "audio_end_ms": told["audio_end_ms"]}
        await self._send("conversation.item.truncated", **answer)

    async def _response_create(self, told: dict[str, Any]) -> None:
        create = told.get("response") or {}
        alone = create.get("conversation", "auto") == "none"
        if not alone and any(response.in_conversation for response in self._responses.values()):
            raise Refused("conversation_already_has_active_response", "There is an active response.")
        if not alone:
            results = {item["call_id"] for item in self._items if item["type"] == "function_call_output"}
            calls = [item["call_id"] for item in self._items if item["type"] == "function_call"]
            self._server.unanswered += [call for call in calls if call not in results]
        response = _Response(self._new("resp"), create.get("metadata"), not alone)
        self._responses[response.id] = response
        self._start(self._respond, response, create)

    async def _response_cancel(self, told: dict[str, Any]) -> None:
        wanted = told.get("response_id")
        for response in self._responses.values():
            if response.id == wanted or (wanted is None and response.in_conversation):
                response.scope.cancel("the client's wish")
                return
        raise Refused("response_cancel_not_active", "Cancellation failed: no active response found.")

    # What a response is.

    async def _respond(self, response: _Response, create: dict[str, Any]) -> None:
        says = self._plan.says(create, self._items)
        self._server.bill["responses"] += 1
        output: list[dict[str, Any]] = []
        with response.scope:
            await self._send("response.created", response=self._state(response, "in_progress", []))
            await trio.sleep(self._plan.first_s if says.first_s is None else says.first_s)
            if says.text:
                await self._speak(response, says, output)
            await trio.sleep(says.call_after_s)
            for n, (name, arguments) in enumerate(says.calls, 1):
                await self._call(response, name, arguments, output, whole=not says.cut_call or n < len(says.calls))
        status = "cancelled" if response.scope.cancelled_caught else says.status
        del self._responses[response.id]
        await self._send("response.done", response=self._state(response, status, output))
        limits = [{"name": "requests", "limit": 1000, "remaining": 999, "reset_seconds": 60.0}]
        await self._send("rate_limits.updated", rate_limits=limits)

    async def _speak(self, response: _Response, says: Says, output: list[dict[str, Any]]) -> None:
        text, index = says.text, len(output)
        self._server.spoken.append(text)
        item = {"id": self._new("item"), "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        at = {"response_id": response.id, "output_index": index}
        part = {**at, "item_id": item["id"], "content_index": 0}
        said: list[str] = []
        await self._send("response.output_item.added", **at, item=item)
        if response.in_conversation:
            await self._add(item, done=False)
        empty = {"type": "audio", "transcript": ""}
        await self._send("response.content_part.added", **part, part=empty)
        output.append(item)
        try:
            for n, (sound, words) in enumerate(self._sound(text)):
                if n == says.chunks:
                    break
                if n:
                    await trio.sleep(self._plan.chunk_ms / 1000 / self._plan.pace)
                if words:
                    said.append(words)
                    await self._send("response.output_audio_transcript.delta", **part, delta=words)
                self._lengths[item["id"]] = self._lengths.get(item["id"], 0.0) + self._plan.chunk_ms
                await self._send("response.output_audio.delta", **part, delta=base64.b64encode(sound).decode())
            # "Also emitted when a Response is interrupted, incomplete, or cancelled", say the SDK's events.
            told = "".join(said)
            await self._send("response.output_audio.done", **part)
            await self._send("response.output_audio_transcript.done", **part, transcript=told)
            await self._send("response.content_part.done", **part, part={"type": "audio", "transcript": told})
            item["status"] = "completed" if says.chunks is None else "incomplete"
        except trio.Cancelled:
            item["status"] = "incomplete"
            raise
        finally:
            item["content"] = [{"type": "output_audio", "transcript": "".join(said)}]
        await self._send("response.output_item.done", **at, item=item)
        if response.in_conversation:
            await self._send("conversation.item.done", item=item)

    def _sound(self, text: str) -> Iterator[tuple[bytes, str]]:
        made = self._settings.get("audio", {}).get("output", {}).get("format", {"type": "audio/pcm"})["type"]
        sound = (self._plan.speech or speech)(text, BYTES_PER_MS[made])
        size = self._plan.chunk_ms * BYTES_PER_MS[made]
        words = iter(text.replace(" ", " \0").split("\0"))
        for start in range(0, len(sound), size):
            last = start + size >= len(sound)
            yield sound[start : start + size], "".join(words) if last else next(words, "")

    async def _call(
        self, response: _Response, name: str, arguments: str, output: list[dict[str, Any]], *, whole: bool
    ) -> None:
        at = {"response_id": response.id, "output_index": len(output)}
        item = {"id": self._new("item"), "type": "function_call", "call_id": self._new("call"), "name": name}
        item |= {"arguments": "", "status": "in_progress"}
        part = {**at, "item_id": item["id"], "call_id": item["call_id"]}
        await self._send("response.output_item.added", **at, item=item)
        if response.in_conversation:
            await self._add(item, done=False)
        for piece in (arguments[:7], arguments[7:]):
            await self._send("response.function_call_arguments.delta", **part, delta=piece)
        await self._send("response.function_call_arguments.done", **part, name=name, arguments=arguments)
        item |= {"arguments": arguments, "status": "completed" if whole else "incomplete"}
        output.append(item)
        await self._send("response.output_item.done", **at, item=item)

    def _state(self, response: _Response, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        state: dict[str, Any] = {"id": response.id, "object": "realtime.response", "status": status, "output": output}
        state |= {"metadata": response.metadata, "output_modalities": ["audio"], "status_details": None}
        if status == "failed":
            error = {"type": "server_error", "code": "server_error", "message": "The server had an error."}
            state["status_details"] = {"type": "failed", "error": error}
        elif status == "cancelled":
            state["status_details"] = {"type": "cancelled", "reason": "client_cancelled"}
        elif status == "incomplete":
            state["status_details"] = {"type": "incomplete", "reason": "max_output_tokens"}
        if status != "in_progress":
            self._server.bill.update(told=1, tokens_in=4, tokens_out=5, audio_in=6, audio_out=15)
            state["usage"] = {
                "total_tokens": 30,
                "input_tokens": 10,
                "output_tokens": 20,
                "input_token_details": {
                    "text_tokens": 4,
                    "audio_tokens": 6,
                    "cached_tokens": 5,
                    "cached_tokens_details": {"text_tokens": 3, "audio_tokens": 2},
                },
                "output_token_details": {"text_tokens": 5, "audio_tokens": 15},
            }
        return state

    # The ways out.

    async def _add(self, item: dict[str, Any], *, after: str | None = None, done: bool = True) -> None:
        ids = [known["id"] for known in self._items]
        if after not in {None, "root", *ids}:
            raise Refused("invalid_value", "There is no such item.", "previous_item_id")
        at = len(ids) if after is None else ids.index(after) + 1 if after in ids else 0
        self._items.insert(at, item)
        before = ids[at - 1] if at else None
        await self._send("conversation.item.added", item=item, previous_item_id=before)
        if done:
            await self._send("conversation.item.done", item=item, previous_item_id=before)

    def _known(self, item: str, code: str) -> dict[str, Any]:
        for known in self._items:
            if known["id"] == item:
                return known
        raise Refused(code, f"Item {item!r} does not exist.", "item_id")

    async def _object(self, code: str, message: str, param: str | None = None, of: str | None = None) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": param, "event_id": of}
        await self._send("error", error=error)

    async def _send(self, kind: str, **fields: Any) -> None:
        async with self._turn:
            sent = self._server.sent[self._number]
            for wrong in self._plan.wrong:
                if wrong.connection in {None, self._number} and wrong.at == len(sent):
                    await self._go_wrong(wrong)
            event = {"type": kind, "event_id": self._new("event"), **fields}
            sent.append(json.loads(json.dumps(event)))
            await self._connection.send_message(json.dumps(event))

    async def _go_wrong(self, wrong: Wrong) -> None:
        match wrong.kind:
            case "abort":
                await trio.aclose_forcefully(self._connection._stream)
                raise Over
            case "close":
                await self._connection.aclose(int(wrong.code), "as planned")
                raise Over
            case "stall":
                while True:
                    await self._connection.get_message()
            case "garbage":
                await self._connection.send_message("<html>502 Bad Gateway</html>")
            case "error":
                kind = "server_error" if wrong.code == "server_error" else "invalid_request_error"
                error = {"type": kind, "code": str(wrong.code), "message": "As planned.", "param": None}
                await self._connection.send_message(
                    json.dumps({"type": "error", "event_id": "event_x", "error": {**error, "event_id": None}})
                )
            case "deaf":
                self._connection._reader_running = False
                await trio.sleep_forever()

    def _start(self, work: Any, *arguments: Any) -> None:
        async def guarded() -> None:
            with suppress(ConnectionClosed, LocalProtocolError, Over):
                await work(*arguments)
                return
            assert self._nursery is not None
            self._nursery.cancel_scope.cancel("the connection is over")

        assert self._nursery is not None
        self._nursery.start_soon(guarded)

    def _new(self, kind: str) -> str:
        return f"{kind}_{self._number}_{next(self._ids)}"


def extras(value: object) -> Iterator[str]:
    """Fields that the SDK's models do not know, anywhere within."""
    if isinstance(value, BaseModel):
        yield from value.model_extra or ()
        for name in value.model_fields_set:
            yield from extras(getattr(value, name))
    elif isinstance(value, list):
        for entry in value:
            yield from extras(entry)


def speech(text: str, bytes_per_ms: int = 8) -> bytes:
    """A text's sound: as long as its letters, and no two texts the same."""
    letters = text.encode()
    return b"".join(bytes([0x80 | letter & 0x3F]) * (MS_PER_CHARACTER * bytes_per_ms) for letter in letters)


def says(text: str = "", *calls: tuple[str, str], status: str = "completed") -> Says:
    """For a plan."""
    return Says(text, calls, status)
