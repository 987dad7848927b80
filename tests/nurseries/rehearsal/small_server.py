"""A small server on real loopback sockets that answers webhooks and media streams, and can misbehave."""

from __future__ import annotations

import base64
import json
import socket as sockets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

from agent.rehearsal.sound import tone

PUBLIC = "https://voice.example.in"
TOKEN = "12345"
GOOD_TWIML = f"""<?xml version="1.0" encoding="UTF-8"?><Response>
<Connect action="{PUBLIC}/twilio/after"><Stream url="wss://voice.example.in/twilio/media"
statusCallback="{PUBLIC}/twilio/stream-status"><Parameter name="token" value="t"/></Stream></Connect>
<Hangup/></Response>"""

Behave = Callable[["Talk"], Awaitable[None]]


@dataclass
class Talk:
    """One media socket as the test server sees it."""

    socket: WebSocketConnection
    stream: trio.SocketStream
    sid: str = ""
    got: list[Any] = field(default_factory=list)

    async def until(self, event: str) -> None:
        while not (self.got and self.got[-1]["event"] == event):
            self.got.append(json.loads(await self.socket.get_message()))

    async def say(self, ms: float, **extra: object) -> None:
        payload = base64.b64encode(tone(ms)).decode()
        await self.send({"event": "media", "streamSid": self.sid, "media": {"payload": payload}} | extra)

    async def send(self, message: object) -> None:
        await self.socket.send_message(json.dumps(message))


@dataclass
class Server:
    """Answers webhooks and media sockets on one port; remembers what it was asked."""

    twiml: str = GOOD_TWIML
    answers: dict[str, str] = field(default_factory=dict)
    """Documents by path, for webhooks after the first."""
    status: dict[str, int] = field(default_factory=dict)
    behave: Behave | None = None
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    handshakes: list[str] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    port: int = 0

    async def serve(self, *, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(partial(trio.serve_tcp, self.handle, 0, host="127.0.0.1"))
            self.port = listener.socket.getsockname()[1]
            task_status.started()

    async def handle(self, stream: trio.SocketStream) -> None:
        head = await stream.socket.recv(4096, sockets.MSG_PEEK)
        if head.startswith(b"GET "):
            self.handshakes.append(head.decode())
            if self.status.get("/twilio/media") == 0:
                return
            await self.upgrade(stream)
        else:
            await self.answer(stream)

    async def answer(self, stream: trio.SocketStream) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += await stream.receive_some()
        head, _, body = data.partition(b"\r\n\r\n")
        request, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers["content-length"]):
            body += await stream.receive_some()
        path = request.split()[1]
        self.asked.append((path, headers, dict(parse_qsl(body.decode(), keep_blank_values=True))))
        known = {"/twilio/voice": self.twiml, "/twilio/after": "<Response><Hangup/></Response>"} | self.answers
        text = known.get(path.partition("?")[0], "")
        status = self.status.get(path, 200 if text else 204)
        await stream.send_all(
            f"HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {len(text)}\r\n"
            f"Connection: close\r\n\r\n{text}".encode()
        )

    async def upgrade(self, stream: trio.SocketStream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            if "/twilio/media" in self.status:
                await request.reject(self.status["/twilio/media"])
                return
            talk = Talk(await request.accept(), stream)
            self.talks.append(talk)
            try:
                await talk.until("start")
                talk.sid = talk.got[-1]["streamSid"]
                await (self.behave or polite)(talk)
                await talk.socket.aclose()
            except ConnectionClosed:
                pass
            nursery.cancel_scope.cancel()

    def paths(self) -> list[str]:
        return [path + (f" {form['StreamEvent']}" if "StreamEvent" in form else "") for path, _, form in self.asked]


async def polite(talk: Talk) -> None:
    await talk.say(300)
    await talk.send({"event": "mark", "streamSid": talk.sid, "mark": {"name": "hello"}})
    await talk.until("stop")
