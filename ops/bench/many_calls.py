"""How many calls one process carries: a real server on one core, rehearsed callers on the other, over real sockets.

The server runs the scripted providers and the real voice-activity model; every caller barges into the greeting with
real speech, is answered, speaks twice more, and hangs up. Printed: processor time a call-second, by how much audio was
early at the carrier (less than nothing is a gap that the caller hears), and the time from the caller's onset to our
`clear`.

    python ops/bench/many_calls.py --calls 50
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import trio

from agent.rehearsal.log import CallLog
from agent.rehearsal.measures import interruptions
from agent.rehearsal.plan import CallPlan, Line
from nurseries.rehearsal.carrier import Target, place_call
from nurseries.rehearsal.own_speech import find_voice, spoken

SAYS = (
    "Wait, let me say something about it first, please.",
    "I am looking for a two bedroom flat in Whitefield.",
    "What would that cost, and when could I see it?",
)
BARGE_IN_MS = 1500
"""Into the greeting, which takes six seconds: every call has one interruption to measure."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument(
        "--ramp", type=float, default=2.0, metavar="SECONDS", help="all calls begin within this time (2)"
    )
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        server, port = _start(Path(folder), cores[0])
        try:
            os.sched_setaffinity(0, {cores[-1]})
            before, began = _cpu(server.pid), time.monotonic()
            logs = trio.run(_place, f"http://127.0.0.1:{port}", args.calls, args.ramp)
            used, took = _cpu(server.pid) - before, time.monotonic() - began
        finally:
            server.terminate()
            server.wait(60)
    return _report(logs, used, took)


def _start(folder: Path, core: int) -> tuple[subprocess.Popen[str], int]:
    environment = os.environ | {"PORT": "0", "PROVIDER": "scripted", "APP_ENV": "development", "LOG_LEVEL": "info"}
    program = Path(sys.executable).with_name("calling-agent")
    server = subprocess.Popen(
        ["taskset", "-c", str(core), program, "serve"],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    for line in server.stderr or ():
        if "listening" in line:
            port = int(line.split("port=")[1].split()[0])
            # What it says from now on would fill the pipe and stop it.
            subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL)
            return server, port
    raise SystemExit("the server did not start")


async def _place(url: str, calls: int, ramp: float) -> list[CallLog]:
    voice = find_voice()
    if voice is None:
        raise SystemExit("install the `local` extra: the callers need a voice")
    logs: list[CallLog] = []
    plan = CallPlan(
        lines=tuple([Line(await spoken(voice, text), text) for text in SAYS]),
        barge_in_at_ms=BARGE_IN_MS,
        patience_ms=60_000,
    )

    async def one(delay: float, seed: int) -> None:
        await trio.sleep(delay)
        logs.append(await place_call(Target(url=url), plan, dice=random.Random(seed)))

    async with trio.open_nursery() as nursery:
        for n in range(calls):
            nursery.start_soon(one, ramp * n / calls, n)
    return logs


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def early_ms(log: CallLog) -> list[float]:
    """For each media message but the first of an utterance: how much audio the carrier still had when it came."""
    early, end = [], 0.0
    for message in log.arrivals:
        if end and message.at_ms - end < 300:
            early.append(end - message.at_ms)
        end = max(end, message.at_ms) + message.duration_ms
    return early


def _report(logs: list[CallLog], used: float, took: float) -> int:
    early = np.array(sorted(ms for log in logs for ms in early_ms(log)))
    clears = np.array(
        [one.clear_after_ms for log in logs for one in interruptions(log) if one.clear_after_ms is not None] or [np.nan]
    )
    seconds = sum(log.duration_ms for log in logs) / 1000
    faults = [fault for log in logs for fault in (*log.violations, *log.failures, *filter(None, [log.unreachable]))]
    callers = resource.getrusage(resource.RUSAGE_SELF)
    print(f"calls                          {len(logs)}, {seconds:.0f} call-seconds in {took:.0f} s")
    print(f"server's processor             {used / took:.0%} of a core, {used / seconds * 1000:.2f} ms a call-second")
    print(f"callers' processor             {(callers.ru_utime + callers.ru_stime) / took:.0%} of a core")
    print(f"callers' own frames, latest    {max(log.late_ms for log in logs):.0f} ms")
    least, low, middle = early[0], np.percentile(early, 1), np.median(early)
    print(f"audio ahead of its playing     least {least:.0f} ms, p1 {low:.0f}, p50 {middle:.0f}")
    print(f"gaps heard by a caller         {int((early < 0).sum())} of {len(early)} messages")
    usual, worst = np.percentile(clears, 50), np.percentile(clears, 99)
    print(f"onset of speech to clear       p50 {usual:.0f} ms, p99 {worst:.0f}, n {len(clears)}")
    print(f"violations and failures        {len(faults)} {faults[:3] or ''}")
    return 1 if faults or (early < 0).any() else 0


if __name__ == "__main__":
    sys.exit(main())
