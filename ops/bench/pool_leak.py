"""Do cancelled requests leak connections of an HTTP pool? Both clients, a contended pool and an unlimited one.

Usage: `python ops/bench/pool_leak.py [--requests 4000] [--seed 1]`. Prints a table, one row per client and pool.

A voice agent cancels its requests at every barge-in and hang-up. Here that happens thousands of times at random
moments, while queued, connecting, waiting or reading, against a local server that answers in pieces. Afterwards, with
nothing in flight, a row shows what is left:

- stuck: connections that the pool still counts and that are not idle. Nobody uses them, nobody will free them.
- usable: how many requests the pool then carries at the same moment, out of those it should (its size, or 20).

encode/httpcore#1093 is the report of this leak; see ops/adr/0006.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import random
import time
from dataclasses import dataclass
from typing import Any

import h11
import trio

POOL = 5
CALLERS = 40
PATIENCE_S = 0.06
"""The longest that a caller waits. With 40 callers on 5 connections, half of the requests are cancelled or more."""
PROBE = 20


class Server:
    """Answers GET / slowly, in two pieces; holds GET /hold until as many as expected are in at once."""

    def __init__(self) -> None:
        self.held = 0
        self.expected = 0
        self.full = trio.Event()

    async def serve(self, stream: trio.SocketStream) -> None:
        http = h11.Connection(h11.SERVER)
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async with stream:
                while True:
                    event = http.next_event()
                    if event is h11.NEED_DATA:
                        http.receive_data(await stream.receive_some(65536))
                    elif isinstance(event, h11.Request):
                        path = event.target
                    elif isinstance(event, h11.EndOfMessage):
                        await self._answer(stream, http, path)
                        http.start_next_cycle()
                    else:
                        return

    async def _answer(self, stream: trio.SocketStream, http: h11.Connection, path: bytes) -> None:
        if path == b"/hold":
            self.held += 1
            if self.held == self.expected:
                self.full.set()
            await self.full.wait()
        await trio.sleep(0.001)
        head = h11.Response(status_code=200, headers=[("content-length", "8")])
        await stream.send_all((http.send(head) or b"") + (http.send(h11.Data(b"half")) or b""))
        await trio.sleep(0.001)
        await stream.send_all((http.send(h11.Data(b"half")) or b"") + (http.send(h11.EndOfMessage()) or b""))


@dataclass
class Left:
    """What a storm of cancellations left behind."""

    cancelled: int
    stuck: int
    usable: int
    expected: int
    seconds: float
    states: list[str]


def open_client(library: str, size: int | None) -> Any:
    """A client of `library` (httpx or httpx2) whose pool has `size` connections, or no limit."""
    module: Any = importlib.import_module(library)
    limits = module.Limits(max_connections=size, max_keepalive_connections=size)
    return module.AsyncClient(limits=limits, timeout=None, trust_env=False)


async def measure(client: Any, expected: int, requests: int, seed: int) -> Left:
    """One storm on this client, which is closed afterwards; `expected` requests should then fit at once."""
    server = Server()
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, server.serve, 0)
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        async with client:
            began = time.perf_counter()
            cancelled = await storm(client, url, requests, random.Random(seed))
            seconds = time.perf_counter() - began
            pool = client._transport._pool  # noqa: SLF001  the leak shows nowhere else
            stuck = [connection for connection in pool.connections if not connection.is_idle()]
            usable = await probe(client, url, server, expected)
            left = Left(cancelled, len(stuck), usable, expected, seconds, sorted({c.info() for c in stuck}))
        nursery.cancel_scope.cancel()
    return left


async def storm(client: Any, url: str, requests: int, chance: random.Random) -> int:
    """So many requests by 40 callers, each cancelled after 0 to 60 ms unless done by then; returns how many were."""
    deadlines = iter([chance.uniform(0, PATIENCE_S) for _ in range(requests)])
    cancelled = 0

    async def caller() -> None:
        nonlocal cancelled
        for deadline in deadlines:
            with trio.move_on_after(deadline) as scope:
                async with client.stream("GET", url) as answer:
                    await answer.aread()
            cancelled += scope.cancelled_caught

    async with trio.open_nursery() as nursery:
        for _ in range(CALLERS):
            nursery.start_soon(caller)
    return cancelled


async def probe(client: Any, url: str, server: Server, expected: int) -> int:
    """How many of `expected` requests the server sees at the same moment, within two seconds."""
    server.expected = expected

    async def hold() -> None:
        await client.get(url + "/hold")

    with trio.move_on_after(2):
        async with trio.open_nursery() as nursery:
            for _ in range(expected):
                nursery.start_soon(hold)
    return server.held


def main() -> None:
    parser = argparse.ArgumentParser(description="Do cancelled requests leak connections of an HTTP pool?")
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{options.requests} requests by {CALLERS} callers, seed {options.seed}")
    print(f"{'client':<28} {'pool':>9} {'cancelled':>9} {'stuck':>6} {'usable':>7} {'seconds':>8}  states left")
    for library, core in (("httpx", "httpcore"), ("httpx2", "httpcore2")):
        version = importlib.import_module(library).__version__
        inner = importlib.import_module(core).__version__
        for size in (POOL, None):
            left = trio.run(measure, open_client(library, size), size or PROBE, options.requests, options.seed)
            name, pool = f"{library} {version} ({inner})", size or "unlimited"
            usable = f"{left.usable}/{left.expected}"
            print(
                f"{name:<28} {pool:>9} {left.cancelled:>9} {left.stuck:>6} {usable:>7} {left.seconds:>8.1f}  "
                f"{', '.join(left.states) or '-'}"
            )


if __name__ == "__main__":
    main()
