"""One call, from the voice webhook to the hang-up: a state machine over a non-blocking socket.

The caller speaks by what is heard of the agent, as people do. What the carrier does is done here, too: frames every
20 ms whatever comes, marks that go back once the sound before them has played, a queue that `clear` empties.
"""

from __future__ import annotations

import errno
import re
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import msgspec

from ops.bench.suite import wire
from ops.bench.suite.playout import Playout
from ops.bench.suite.script import FRAME, FRAME_MS, Line, Manner

_ACCOUNT = "AC" + "0" * 32
_PARAMETER = re.compile(r'<Parameter name="([^"]+)" value="([^"]*)"')
_URL = re.compile(r'<Stream [^>]*\burl="wss?://[^/"]+([^"]*)"')
_BEFORE = wire.masked('{"event":"media","media":{"track":"inbound","chunk":"')
_BEHIND = wire.masked('"},"sequenceNumber":"')
_UNHEEDED_S = 1.0


@dataclass(slots=True)
class Heard:
    """What came of one call. Times in milliseconds."""

    fault: str = ""
    greeted_ms: float | None = None
    """From the start of the stream to the agent's first sound."""
    clears_ms: list[float] = field(default_factory=list)
    """From each onset over the agent's sound, in the sound as it was spoken, to `clear`."""
    unheeded: int = 0
    """Onsets over a second of the agent's sound that no `clear` answered within that second."""
    unasked: int = 0
    """Clears that dropped sound while the caller was silent."""
    echoes_ms: list[float] = field(default_factory=list)
    """Where everything comes back: how long each piece took."""
    lines: int = 0
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """What a call is made of, the same for many."""

    address: tuple[str, int]
    lines: tuple[Line, ...]
    hush: list[bytes]
    manner: Manner
    path: str = ""
    """Of a media socket that takes calls without a webhook."""
    echo: bool = False
    """The server sends back what it gets."""


class Caller:
    """One call. `opened` is told of every socket there is to watch; the owner calls `received` and `tick`."""

    def __init__(self, part: Part, opened: Callable[[Caller], None], number: int = 0) -> None:
        self.heard, self.playout = Heard(), Playout()
        self.streaming = self.over = False
        self.socket = socket.socket()
        self._part, self._opened = part, opened
        self._path = part.path
        self._parameters: dict[str, str] = {}
        self._call_sid, self._stream_sid = f"CA{secrets.token_hex(16)}", f"MZ{secrets.token_hex(16)}"
        self._tail = wire.masked(f'","streamSid":"{self._stream_sid}"}}')
        self._take: Callable[[bytes, float], None] = self._webhook
        self._request = self._got = b""
        self._frames = wire.Frames()
        self._began = self._first = self._quiet_since = 0.0
        self._sequence = self._sent = self._echoed = 0
        self._line: Line | None = None
        self._said = number
        self._at = 0
        self._onset: float | None = None

    def ring(self) -> None:
        """The call comes in."""
        if self._path:
            self._upgrade()
            return
        form = f"CallSid={self._call_sid}&AccountSid={_ACCOUNT}&From=%2B919812345678&To=%2B918012345678"
        host, port = self._part.address
        self._open(
            f"POST /twilio/voice HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(form)}\r\nConnection: close\r\n\r\n{form}".encode()
        )

    def writable(self) -> None:
        """The socket is connected."""
        request, self._request = self._request, b""
        self._send(request)

    def received(self, now: float) -> None:
        """There is something to read."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self.close(f"read: {error.strerror}")
            return
        self._take(data, now)

    def tick(self, now: float) -> None:
        """Another 20 ms of the caller's sound are over: they are sent, and the marks that are due."""
        for name in self.playout.due(now):
            self._say("mark", f'{{"name":{msgspec.json.encode(name).decode()}}}')
        if self._line is None:
            self._think(now)
        line = self._line
        if line is None:
            payload = self._part.hush[self._sent % len(self._part.hush)]
        else:
            payload = line.pieces[self._at]
            self._at += 1
            if self._at == len(line.pieces):
                self._line, self._quiet_since = None, now
        if self._onset is not None and now - self._onset > _UNHEEDED_S:
            self._unheeded(now)
        if not self._sent:
            self._first = now
        self._sent += 1
        self._sequence += 1
        body = b"".join((_BEFORE, _stamp(self._sent), payload, _BEHIND, _number(self._sequence), self._tail))
        self._send(wire.frame(body))

    def hang_up(self) -> None:
        """With a stop and a goodbye; what the server says to that is not waited for."""
        if self.streaming:
            self._say("stop", f'{{"accountSid":"{_ACCOUNT}","callSid":"{self._call_sid}"}}')
            self._send(wire.CLOSE)
        self.close()

    def close(self, fault: str = "") -> None:
        """The call is over."""
        self.heard.fault = self.heard.fault or fault
        self.over, self.streaming = True, False
        self.socket.close()

    def _think(self, now: float) -> None:
        """Whether to speak now."""
        manner, playout = self._part.manner, self.playout
        playing = playout.ends > now
        quiet = (now - max(self._quiet_since, playout.ends)) * 1000
        if playing:
            since = playout.began if playout.began is not None else now
            speaks = 0 < manner.interrupts_after_ms <= (now - max(since, self._quiet_since)) * 1000
        else:
            answers = playout.ends > self._quiet_since and 0 < manner.answers_after_ms <= quiet
            speaks = answers or 0 < manner.patience_ms <= quiet
        if not speaks:
            return
        line = self._line = self._part.lines[self._said % len(self._part.lines)]
        self._said += 1
        self._at = 0
        self.heard.lines += 1
        onset = now + (line.onset_ms - FRAME_MS) / 1000  # the frame that goes now was spoken until now
        if playing and playout.ends > onset:
            self._onset = onset

    def _unheeded(self, now: float) -> None:
        """Nobody cleared: a fault only where there was still something to clear."""
        if self.playout.ends >= now:
            self.heard.unheeded += 1
        self._onset = None

    def _webhook(self, data: bytes, _now: float) -> None:
        self._got += data
        if data:
            return
        text, self._got = self._got.decode("utf-8", "replace"), b""
        url = _URL.search(text)
        self.socket.close()
        if url is None:
            self.close(f"webhook: {text.partition(chr(13))[0][:60] or 'no answer'}")
            return
        self._parameters, self._path = dict(_PARAMETER.findall(text)), url[1]
        self.socket = socket.socket()
        self._upgrade()

    def _upgrade(self) -> None:
        self._take = self._handshake
        host, port = self._part.address
        self._open(wire.upgrade(f"{host}:{port}", self._path))

    def _handshake(self, data: bytes, now: float) -> None:
        self._got += data
        head, end, rest = self._got.partition(b"\r\n\r\n")
        if end and head.startswith(b"HTTP/1.1 101"):
            self._take = self._stream
            self._start(now)
            self._stream(rest or b"", now, more=True)
        elif end or not data:
            self.close(f"media socket: {head[:40].decode('latin-1') or 'closed'}")

    def _start(self, now: float) -> None:
        self.streaming, self._began, self._quiet_since = True, now, now
        self._send(wire.frame(wire.masked('{"event":"connected","protocol":"Call","version":"1.0.0"}')))
        body = {
            "accountSid": _ACCOUNT,
            "streamSid": self._stream_sid,
            "callSid": self._call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": self._parameters,
        }
        self._say("start", msgspec.json.encode(body).decode())

    def _stream(self, data: bytes, now: float, *, more: bool = False) -> None:
        for opcode, payload in self._frames.feed(data):
            if opcode == wire.TEXT:
                self._message(wire.message(payload), now)
            elif opcode == wire.PING:
                self._send(wire.pong(payload))
            elif opcode == wire.CLOSE_CODE:
                self.close(f"closed by the server with {int.from_bytes(payload[:2], 'big')}")
        if not (data or more or self.over):
            self.close("closed by the server without a goodbye")

    def _message(self, message: wire.Message, now: float) -> None:
        self.heard.messages += 1
        if message.media is not None:
            size = len(message.media.payload) // 4 * 3 - message.media.payload.count("=", -2)
            if self._part.echo:
                self._echoed += size
                sent = self._first + (self._echoed / FRAME - 1) * FRAME_MS / 1000
                self.heard.echoes_ms.append((now - sent) * 1000)
                return
            if self.heard.greeted_ms is None:
                self.heard.greeted_ms = (now - self._began) * 1000
            self.playout.media(size / 8000, now)
        elif message.mark is not None:
            self.playout.mark(message.mark.name)
        elif message.event == "clear":
            dropped = self.playout.clear(now)
            if self._onset is not None:
                self.heard.clears_ms.append((now - self._onset) * 1000)
                self._onset = None
            elif dropped and self._line is None:
                self.heard.unasked += 1

    def _say(self, event: str, body: str) -> None:
        self._sequence += 1
        about = f'"event":"{event}","sequenceNumber":"{self._sequence}","streamSid":"{self._stream_sid}"'
        self._send(wire.frame(wire.masked(f'{{{about},"{event}":{body}}}')))

    def _open(self, request: bytes) -> None:
        self._request = request
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = self.socket.connect_ex(self._part.address)
        if code in {0, errno.EINPROGRESS}:
            self._opened(self)
        else:
            self.close(f"connect: {errno.errorcode.get(code, code)}")

    def _send(self, data: bytes) -> None:
        if self.over:
            return
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.close(f"write: {error.strerror}")
            return
        if sent != len(data):
            self.close("the server does not read")


@cache
def _stamp(chunk: int) -> bytes:
    return wire.masked(f'{chunk}","timestamp":"{100 + chunk * FRAME_MS}","payload":"')


@cache
def _number(number: int) -> bytes:
    return wire.masked(str(number))
