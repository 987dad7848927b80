"""What it costs that calls are watched: one server, calls that go on all the while, and watchers who come and go.

Each round has stretches without watchers and with some, in turn; compared is the server's processor time in each, as a
share of that of the stretch without any in the same round. A watcher of the list reads `GET /api/live`, and a watcher
of one call `GET /api/live/{call_sid}`. The server runs the scripted providers and the real voice-activity model, on one
core; callers and watchers are on the other.

    python -m ops.bench.watching --calls 200 --watchers 1 10     so many of the list, and so many of one call
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from ops.bench.suite.server import ROOT, Server, cores, serving

SETTLE_S = 1.0
"""Behind the coming and going of watchers."""
BOUND_S = 30


@dataclass
class Reader:
    """One stream, read as it comes."""

    connection: http.client.HTTPConnection
    size: int = 0
    events: int = 0

    def read(self, response: http.client.HTTPResponse) -> None:
        with suppress(OSError, http.client.HTTPException, ValueError):  # it is being closed
            while piece := response.read1(65536):
                self.size += len(piece)
                self.events += piece.count(b"event: ")


@contextmanager
def watching(server: Server, path: str) -> Iterator[Reader]:
    """Somebody does, in a thread, until the block ends."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=BOUND_S)
    connection.request("GET", path)
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"{path}: {response.status}")
    reader = Reader(connection)
    thread = threading.Thread(target=reader.read, args=(response,), daemon=True)
    thread.start()
    try:
        yield reader
    finally:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
        thread.join(BOUND_S)
        connection.close()


def one_call(server: Server) -> str:
    """The CallSid of a call that goes on."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=BOUND_S)
    connection.request("GET", "/api/live")
    lines = iter(connection.getresponse().readline, b"")
    told = next(line for line in lines if line.startswith(b"data: "))
    connection.close()
    return str(json.loads(told[6:])["calls"][0]["call_sid"])


def stretch(server: Server, seconds: float, watchers: int) -> tuple[float, list[Reader]]:
    """The server's processor time a second meanwhile, and what was read."""
    with ExitStack() as stack:
        paths = ["/api/live", f"/api/live/{one_call(server)}"] * watchers
        readers = [stack.enter_context(watching(server, path)) for path in paths]
        time.sleep(SETTLE_S)
        before, began = server.cpu_s(), time.monotonic()
        time.sleep(seconds)
        return (server.cpu_s() - before) / (time.monotonic() - began), readers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--watchers", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=10.0, help="of a stretch")
    args = parser.parse_args()
    stretches = [0, *args.watchers]
    whole = args.rounds * len(stretches) * (args.seconds + SETTLE_S) * 3 + 60  # ended by us
    os.sched_setaffinity(0, {cores()[1]})
    used: dict[int, list[float]] = {count: [] for count in stretches}
    read: dict[int, list[Reader]] = {count: [] for count in stretches}
    with serving(PROVIDER="scripted", CALL_MAX_MINUTES="60", API_RATE="0") as server:
        ramp = args.calls / 20
        plan = {"port": server.port, "pid": server.pid, "calls": args.calls, "seconds": whole, "ramp_s": ramp}
        load = subprocess.Popen(
            [sys.executable, "-m", "ops.bench.suite.load", json.dumps(plan)], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        try:
            time.sleep(ramp + 5)
            for _ in range(args.rounds):
                for count in stretches:
                    share, readers = stretch(server, args.seconds, count)
                    used[count].append(share)
                    read[count] += readers
        finally:
            load.terminate()
            load.wait(BOUND_S)
        dropped = server.dropped()
    alone = statistics.mean(used[0])
    print(
        f"{args.calls} calls, nobody watches: {alone:.3f} s of processor a second; {dropped:.0f} frames dropped in all"
    )
    for count in args.watchers:
        ratios = sorted(b / a for a, b in zip(used[0], used[count], strict=True))
        spread = f"x {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
        kept = len(read[count]) / 2 * (args.seconds + SETTLE_S) * 1024
        every, one = (sum(each.size for each in read[count][kind::2]) / kept for kind in (0, 1))
        print(f"{count} of the list and {count} of one call: {spread}; {every:.1f} and {one:.1f} KB/s each")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
