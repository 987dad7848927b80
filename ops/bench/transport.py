"""What the media socket costs by itself: sockets that carry sound both ways, and nothing behind them.

A server on one core, callers on another. Every caller sends a carrier's frame of 20 ms each 20 ms, spread over the
period; each is taken off the socket and decoded, and sound goes back: 20 ms for each, or 200 ms for every ten.
Compared, interleaved, in one run:

    library   trio-websocket, a task and a channel a socket
    ours      nurseries/door/media_socket.py
    floor     the least that Trio can do: wait, read, write bytes made before; no frame is looked at

Printed: the server's processor time a call-second (the median of the rounds), and the calls that make a core of that.

    python ops/bench/transport.py --calls 200 --rounds 5
"""

from __future__ import annotations

import argparse
import base64
import functools
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio
from trio_websocket import wrap_server_stream

from agent.providers import websocket as library
from agent.wire.media_stream import Encoder, Media, decode
from agent.wire.ports import MediaSocket
from agent.wire.upgrade import Opening, Upgrade, accepted
from agent.wire.websocket import text_frame
from nurseries.door.media_socket import MAX_MESSAGE, WebSocket
from nurseries.door.pipe import Pipe, pipe

SID = "MZ0123456789abcdef0123456789abcdef"
KEY = b"\x12\x34\x56\x78"
PERIOD_S, SLOTS = 0.02, 20
WAYS = {"20 ms": 1, "200 ms": 10}
"""Frames that come in for each message that goes out."""
SETTLE_S = 1.0
QUEUE = 32
CORES = sorted(os.sched_getaffinity(0))


def incoming() -> bytes:
    """A masked frame as Twilio sends it."""
    text = json.dumps(
        {
            "event": "media",
            "sequenceNumber": "4321",
            "media": {
                "track": "inbound",
                "chunk": "4320",
                "timestamp": "86400",
                "payload": base64.b64encode(bytes(range(160))).decode(),
            },
            "streamSid": SID,
        },
        separators=(",", ":"),
    ).encode()
    masked = bytes(byte ^ KEY[n % 4] for n, byte in enumerate(text))
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + KEY + masked


async def talk(media: MediaSocket, each: int) -> None:
    """Sound in, and as much of it out."""
    encoder, sound = Encoder(SID), bytearray()
    count = 0
    while (raw := await media.receive()) is not None:
        message = decode(raw)
        assert isinstance(message, Media)  # noqa: S101  there is nothing else
        sound += message.media.payload
        count += 1
        if count == each:
            await media.send(encoder.media(bytes(sound)))
            count = 0
            sound.clear()


async def serve_library(each: int, stream: trio.SocketStream) -> None:
    async with trio.open_nursery() as nursery:
        request = await wrap_server_stream(nursery, stream, QUEUE, MAX_MESSAGE)
        await talk(library.WebSocket(await request.accept(), stream), each)
        nursery.cancel_scope.cancel()


async def _upgraded(stream: trio.SocketStream) -> Pipe:
    below, opening = pipe(stream), Opening()
    while (request := opening.feed(bytes(await below.receive()))) is None:
        pass
    assert isinstance(request, Upgrade)  # noqa: S101  the callers are ours
    await below.send(accepted(request))
    return below


async def serve_ours(each: int, stream: trio.SocketStream) -> None:
    media = WebSocket(await _upgraded(stream))
    await talk(media, each)
    await media.abort()


async def serve_floor(each: int, stream: trio.SocketStream) -> None:
    below = await _upgraded(stream)
    size, reply = len(incoming()), text_frame(Encoder(SID).media(bytes(160) * each))
    mine, buffer, got = below._socket, bytearray(16 * 1024), 0  # type: ignore[attr-defined]  # noqa: SLF001
    while True:
        await trio.lowlevel.wait_readable(mine)
        read = mine.recv_into(buffer)
        if not read:
            break
        got += read
        while got >= size * each:
            got -= size * each
            mine.send(reply)
    await below.close()


SERVERS: dict[str, Callable[[int, trio.SocketStream], Awaitable[None]]] = {
    "library": serve_library,
    "ours": serve_ours,
    "floor": serve_floor,
}


async def _serve(kind: str, each: int) -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=4096)
    print(listeners[0].socket.getsockname()[1], flush=True)
    await trio.serve_listeners(functools.partial(SERVERS[kind], each), listeners)


def _upgrade(port: int) -> socket.socket:
    caller = socket.create_connection(("127.0.0.1", port))
    caller.sendall(
        b"GET /twilio/media HTTP/1.1\r\nHost: house\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += caller.recv(1000)
    caller.setblocking(False)
    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return caller


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Load:
    """Callers, all in one thread. One whose answer is late skips its turn: on a busy machine frames would pile up, and
    many of one socket's at once are cheaper than they will ever be."""

    def __init__(self, callers: list[socket.socket], each: int) -> None:
        self._slots = [callers[n::SLOTS] for n in range(SLOTS)]
        self._frame, self._buffer = incoming(), bytearray(1 << 16)
        self._reply = len(text_frame(Encoder(SID).media(bytes(160) * each))) / each
        self._ready = select.epoll()
        self._of = {caller.fileno(): caller for caller in callers}
        self._owed = dict.fromkeys(self._of, 0.0)
        """Frames without an answer, of each caller."""
        self._each = each
        for number in self._of:
            self._ready.register(number, select.EPOLLIN)
        self.due = self.answered = 0.0

    def run(self, seconds: float) -> None:
        began = time.monotonic()
        self.due = self.answered = 0.0
        for turn in range(round(seconds / PERIOD_S) * SLOTS):
            for caller in self._slots[turn % SLOTS]:
                self.due += 1
                number = caller.fileno()
                if self._owed[number] < self._each:
                    self._owed[number] += 1
                    caller.send(self._frame)
            end = began + (turn + 1) * PERIOD_S / SLOTS
            while True:
                left = end - time.monotonic()
                for number, _ in self._ready.poll(max(left, 0.0)):
                    answered = self._of[number].recv_into(self._buffer) / self._reply
                    self._owed[number] -= answered
                    self.answered += answered
                if left <= 0:
                    break


def measured(kind: str, each: int, calls: int, seconds: float) -> tuple[float, float]:
    """Processor seconds a call-second, by what came back, and its share of what was due."""
    server = subprocess.Popen(
        ["taskset", "-c", str(CORES[0]), sys.executable, __file__, "--serve", kind, "--each", str(each)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        os.sched_setaffinity(0, {CORES[-1]})
        port = int(server.stdout.readline() if server.stdout else 0)
        load = Load(callers := [_upgrade(port) for _ in range(calls)], each)
        load.run(SETTLE_S)
        before = _cpu(server.pid)
        load.run(seconds)
        used = _cpu(server.pid) - before
        for caller in callers:
            caller.close()
    finally:
        server.kill()
        server.wait()
    return used / (load.answered * PERIOD_S), load.answered / load.due


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--kinds", nargs="*", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--each", type=int, default=1, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        trio.run(_serve, args.serve, args.each)
        return 0
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(args.rounds):
        for way, each in WAYS.items():
            for kind in args.kinds:
                found.setdefault((way, kind), []).append(measured(kind, each, args.calls, args.seconds))
    print(f"{args.calls} calls, {args.rounds} rounds of {args.seconds:g} s")
    for (way, kind), rounds in found.items():
        costs = [cost for cost, _ in rounds]
        cost, back = statistics.median(costs), min(share for _, share in rounds)
        spread = f"({min(costs) * 1e6:.0f} to {max(costs) * 1e6:.0f})"
        print(
            f"{way:>7} out  {kind:8} {cost * 1e6:6.0f} us a call-second {spread}"
            f"  {1 / max(cost, 1e-9):6.0f} calls a core  {back:.1%} of what was due"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
