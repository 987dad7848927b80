"""Whole rehearsed calls over real loopback sockets, to a small server that can misbehave. Nothing here waits long."""

from __future__ import annotations

import argparse
import base64
import json
import socket as sockets
import struct
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from agent.config import Settings
from agent.rehearsal import report
from agent.rehearsal.plan import CallPlan, HangUp
from agent.rehearsal.sound import tone
from nurseries import rehearse
from nurseries.carrier import place_call
from nurseries.webhooks import Target

PUBLIC = "https://voice.example.in"
TOKEN = "12345"
QUICK = CallPlan(quiet_ms=200, patience_ms=3000)
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
        text = {"/twilio/voice": self.twiml, "/twilio/after": "<Response><Hangup/></Response>"}.get(path, "")
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
            self.talks.append(Talk(await request.accept(), stream))
            try:
                await self.talks[-1].until("start")
                self.talks[-1].sid = self.talks[-1].got[-1]["streamSid"]
                await (self.behave or polite)(self.talks[-1])
                await self.talks[-1].socket.aclose()
            except ConnectionClosed:
                pass
            nursery.cancel_scope.cancel()

    def paths(self) -> list[str]:
        return [path + (f" {form['StreamEvent']}" if "StreamEvent" in form else "") for path, _, form in self.asked]


async def polite(talk: Talk) -> None:
    await talk.say(300)
    await talk.send({"event": "mark", "streamSid": talk.sid, "mark": {"name": "hello"}})
    await talk.until("stop")


@pytest.fixture
async def server(nursery: trio.Nursery) -> AsyncIterator[Server]:
    made = Server()
    await nursery.start(made.serve)
    yield made
    nursery.cancel_scope.cancel()


async def call(server: Server, plan: CallPlan = QUICK) -> report.CallReport:
    target = Target(url=f"http://127.0.0.1:{server.port}", public_url=PUBLIC, auth_token=TOKEN)
    with trio.fail_after(20):
        return report.build(await place_call(target, plan), plan)


async def test_a_well_behaved_server(server: Server) -> None:
    made = await call(server)

    assert made.exit_code == 0
    assert made.failures == ()
    assert made.ended == "the caller hung up"
    assert [one.name for one in made.marks] == ["hello"]
    assert sorted(server.paths()) == [
        "/twilio/call-status",
        "/twilio/stream-status stream-started",
        "/twilio/stream-status stream-stopped",
        "/twilio/voice",
    ]
    assert server.paths()[0] == "/twilio/voice"
    assert server.paths()[-1] == "/twilio/call-status"
    assert server.talks[0].got[0]["event"] == "connected"
    assert server.talks[0].got[1]["start"]["customParameters"] == {"token": "t"}


async def test_webhooks_are_signed_for_the_public_address(server: Server) -> None:
    await call(server)

    validator = RequestValidator(TOKEN)
    for path, headers, form in server.asked:
        assert validator.validate(PUBLIC + path, form, headers["x-twilio-signature"])
        assert headers["host"] == "voice.example.in"
        assert headers["user-agent"] == "TwilioProxy/1.1"


async def test_the_handshake_is_exactly_twilios(server: Server) -> None:
    await call(server)

    (handshake,) = server.handshakes
    request, *lines = handshake.removesuffix("\r\n\r\n").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert request == "GET /twilio/media HTTP/1.1"
    assert len(headers.pop("Sec-WebSocket-Key")) == 24
    signature = headers.pop("X-Twilio-Signature")
    assert RequestValidator(TOKEN).validate("wss://voice.example.in/twilio/media", {}, signature)
    assert headers == {
        "Host": "voice.example.in",
        "User-Agent": "Twilio.TmeWs/1.0",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
    }


async def test_a_server_that_closes_is_asked_what_follows(server: Server) -> None:
    async def goodbye(talk: Talk) -> None:
        await talk.say(100)
        await talk.send({"event": "mark", "streamSid": talk.sid, "mark": {"name": "bye"}})
        await talk.until("mark")

    server.behave = goodbye
    made = await call(server)

    assert made.exit_code == 0
    assert made.ended == "the server closed the stream"
    assert "/twilio/after" in server.paths()
    assert made.steps[-2:] == (f"POST {PUBLIC}/twilio/after", "Hangup")


async def test_an_extra_field_is_a_violation(server: Server) -> None:
    async def chatty(talk: Talk) -> None:
        await talk.say(300, sequenceNumber="1")
        await polite(talk)

    server.behave = chatty
    made = await call(server)

    assert made.exit_code == 3
    assert [violation.code for violation in made.violations] == [31951]


async def test_a_binary_frame_is_a_violation(server: Server) -> None:
    async def binary(talk: Talk) -> None:
        await talk.socket.send_message(b"\xff" * 160)
        await polite(talk)

    server.behave = binary
    made = await call(server)

    assert made.exit_code == 3
    assert [violation.code for violation in made.violations] == [31950]


async def test_a_server_that_never_speaks(server: Server) -> None:
    async def mute(talk: Talk) -> None:
        await talk.until("stop")

    server.behave = mute
    made = await call(server, CallPlan(patience_ms=400))

    assert made.exit_code == 1
    assert made.failures == ("the agent never spoke within 0.4 s",)


async def test_a_server_that_closes_with_an_error(server: Server) -> None:
    async def failing(talk: Talk) -> None:
        await talk.say(50)
        await talk.socket.aclose(1011, "internal error")

    server.behave = failing
    made = await call(server)

    assert made.exit_code == 1
    assert "the server closed the stream with code 1011 (internal error)" in made.failures


async def test_a_server_that_dies(server: Server) -> None:
    async def dying(talk: Talk) -> None:
        await talk.say(50)
        talk.stream.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        talk.stream.socket.close()

    server.behave = dying
    made = await call(server)

    assert made.exit_code == 1
    assert "the connection died without a closing handshake (31903)" in made.failures


async def test_a_caller_whose_network_dies_sends_no_stop(server: Server) -> None:
    made = await call(server, CallPlan(hang_up=HangUp.RESET, hang_up_at_ms=400))

    assert made.exit_code == 0
    assert server.talks[0].got[-1]["event"] != "stop"
    assert server.talks[0].socket.closed is not None
    assert server.talks[0].socket.closed.code == 1006


async def test_a_refused_webhook_is_no_connection(server: Server) -> None:
    server.status["/twilio/voice"] = 403
    made = await call(server)

    assert made.exit_code == 5
    assert "was answered 403" in made.failures[0]


async def test_a_refused_media_socket_is_no_connection(server: Server) -> None:
    server.status["/twilio/media"] = 403
    made = await call(server)

    assert made.exit_code == 5
    assert "refused with status 403 (31920)" in made.failures[0]
    assert server.paths()[1:] == ["/twilio/stream-status stream-error", "/twilio/call-status"]


async def test_a_server_that_closes_during_the_handshake_is_no_connection(server: Server) -> None:
    server.status["/twilio/media"] = 0
    made = await call(server)

    assert made.exit_code == 5
    assert "closed during the handshake" in made.failures[0]


async def test_no_server_is_no_connection() -> None:
    with sockets.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        made = await call(Server(port=unused.getsockname()[1]))

    assert made.exit_code == 5
    assert "cannot be reached" in made.failures[0]


@pytest.mark.parametrize(
    ("twiml", "exit_code", "what"),
    [
        ("\n" + GOOD_TWIML, 3, "nothing may precede the declaration"),
        (GOOD_TWIML.replace("Hangup", "Hang"), 3, "<Hang> is no verb"),
        ("<Response><Reject reason='busy'/></Response>", 1, "rejected the call (busy)"),
        ("<Response><Hangup/></Response>", 1, "open no media stream"),
        ("<Response><Redirect/></Response>", 1, "more than 10 documents"),
        ("hello", 3, "not XML"),
    ],
)
async def test_instructions_are_judged(twiml: str, exit_code: int, what: str, server: Server) -> None:
    server.twiml = twiml
    made = await call(server)

    assert made.exit_code == exit_code
    assert what in " ".join([*made.failures, *(violation.what for violation in made.violations)])


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    rehearse.add_arguments(parser)
    return parser.parse_args(given)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from the outside, and no speech: the command as it is without the local extra."""
    settings = Settings(_env_file=None, APP_ENV="test", TWILIO_AUTH_TOKEN="", PUBLIC_URL="")  # type: ignore[call-arg]
    monkeypatch.setattr(rehearse, "load", lambda: settings)
    monkeypatch.setattr(rehearse, "find_ears", lambda _: None)
    monkeypatch.setattr(rehearse, "find_voice", lambda: None)


def write_wav(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((8000 * np.sin(np.arange(8000) * 0.2)).astype("<i2").tobytes())
    return path


async def test_the_command_plays_a_file_and_records_the_call(
    server: Server, alone: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def answering(talk: Talk) -> None:
        await talk.say(300)
        quiet, heard = 0, False
        while quiet < 10:
            await talk.until("media")
            loud = not set(base64.b64decode(talk.got.pop()["media"]["payload"])) <= {0x7F, 0xFF}
            heard, quiet = heard or loud, 0 if loud or not heard else quiet + 1
        await talk.say(300)
        await talk.until("stop")

    server.behave = answering
    args = arguments(
        "--url", f"http://127.0.0.1:{server.port}", "--wav", str(write_wav(tmp_path / "hi.wav")),
        "--out", str(tmp_path / "call.wav"), "--json", "--auth-token", TOKEN, "--public-url", PUBLIC,
    )  # fmt: skip
    with trio.fail_after(30):
        code = await trio.to_thread.run_sync(rehearse.run, args)
    made = json.loads(capsys.readouterr().out)

    assert code == made["exit_code"] == 0
    assert [entry["text"] for entry in made["conversation"]] == [None, "[hi.wav]", None]
    assert made["turns"][0]["latency_ms"] > 150
    assert "not transcribed" in made["notes"][0]
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert file.getnchannels() == 2
        assert file.getnframes() == pytest.approx(made["duration_ms"] * 8, abs=8)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--url", "nowhere"], "not an http:// or https:// address"),
        (["--say", "hello"], "--say needs a voice"),
        (["--expect", "budget"], "--expect needs ears"),
        (["--barge-in-at", "2"], "needs something to say"),
        (["--wav", "/no/such.wav"], "cannot be read"),
        (["--wav", __file__], "cannot be played"),
        (["--out", "/no/such/folder/call.wav"], "there is no folder"),
        (["--out", "/"], "is a folder"),
    ],
)
def test_bad_usage_is_told_before_a_call_is_placed(
    given: list[str], words: str, alone: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rehearse.run(arguments(*given)) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("given", [["--dtmf", "1x"], ["--barge-in-at", "soon"], ["--max-seconds", "-1"], ["--nope"]])
def test_arguments_that_make_no_sense_exit_with_2(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        arguments(*given)

    assert exit_.value.code == 2
    assert capsys.readouterr().err


def test_says_and_files_keep_their_order() -> None:
    lines = arguments("--say", "one", "--wav", "two.wav", "--say", "three").lines

    assert [str(getattr(line, "text", line)) for line in lines] == ["one", "two.wav", "three"]


async def test_no_connection_is_told_in_words(alone: None, capsys: pytest.CaptureFixture[str]) -> None:
    with sockets.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        args = arguments("--url", f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert await trio.to_thread.run_sync(rehearse.run, args) == 5

    assert "cannot be reached" in capsys.readouterr().out
