"""What a thousand barge-ins leave behind in one process: sockets, threads and memory, before and after.

A real server that hears and speaks over Realtime sockets to a fake of the OpenAI API, rehearsed callers with a voice
who interrupt every answer. The first calls warm the process up: caches, imports, the allocator. Sockets still open at
the fake, and the server's own, are counted once all calls are over.

    python ops/bench/barge_ins.py --pipeline realtime
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan, Line
from nurseries.rehearsal.carrier import Target, place_call
from nurseries.rehearsal.own_speech import find_voice, spoken
from tests.calls.server import Server
from tests.fakes.openai_launch import Fake, launch

SAYS = "Wait, I have another question."
ANSWER = "There is a lot to be said about that, and I will say all of it: " + "first this, then that, and so on, " * 4
EVERY_MS = 3200
"""Between two interruptions: the question, its turn, and a second of the answer to it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipeline", choices=["cascade", "realtime"], default="realtime")
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--each", type=int, default=50, help="barge-ins a call")
    parser.add_argument("--rounds", type=int, default=2, help="the second shows whether the first one's growth goes on")
    args = parser.parse_args()
    with launch() as fake, tempfile.TemporaryDirectory() as folder:
        server = Server(
            Path(folder),
            OPENAI_BASE_URL=fake.base_url,
            OPENAI_API_KEY="sk-bench",
            OPENAI_STT_API="realtime",
            OPENAI_TTS_API="realtime",
            PIPELINE=args.pipeline,
            GREETING="Hello.",
        )
        fake.plan(
            chat={"replies": [ANSWER], "first_ms": 100, "gap_ms": 5},
            realtime={"heard": [SAYS], "answers": [ANSWER] * 100_000, "first_s": 0.2},
        )
        try:
            trio.run(_place, server.url, args.calls, 5)
            states = [_state(server.process.pid, fake)]
            logs: list[CallLog] = []
            for _ in range(args.rounds):
                logs += trio.run(_place, server.url, args.calls, args.each)
                states.append(_state(server.process.pid, fake))
        finally:
            server.kill()
    clears = sum(len(log.clears) for log in logs)
    faults = [fault for log in logs for fault in (*log.violations, *log.failures)]
    print(
        f"pipeline {args.pipeline}: {args.calls} calls a round, {clears} interruptions, faults: {faults[:2] or 'none'}"
    )
    print(f"{'':<22}{'warm':>8}" + "".join(f"{f'round {n + 1}':>10}" for n in range(args.rounds)))
    for name in states[0]:
        print(f"{name:<20}" + "".join(f"{state[name]:>10}" for state in states))
    before, after = states[0], states[-1]
    return 1 if faults or after["open files"] > before["open files"] or after["sockets at the fake"] else 0


async def _place(url: str, calls: int, each: int) -> list[CallLog]:
    voice = find_voice()
    if voice is None:
        raise SystemExit("install the `local` extra: the callers need a voice")
    sound = await spoken(voice, SAYS)
    logs: list[CallLog] = []

    async def one(seed: int) -> None:
        await trio.sleep(seed * 0.15)
        lines = tuple(Line(sound, SAYS, 2500.0 + n * EVERY_MS) for n in range(each))
        plan = CallPlan(lines=lines, quiet_ms=500, max_ms=2500 + each * EVERY_MS + 20_000)
        logs.append(await place_call(Target(url=url), plan, dice=random.Random(seed)))

    async with trio.open_nursery() as nursery:
        for n in range(calls):
            nursery.start_soon(one, n)
    return logs


def _state(pid: int, fake: Fake) -> dict[str, int]:
    """Once nothing changes any more: records are saved and summaries asked for after a call."""
    time.sleep(8)
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "open files": sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        "threads": int(status["Threads"]),
        "memory, MB": int(status["VmRSS"].split()[0]) // 1024,
        "sockets at the fake": fake.state()["realtime"]["open"],
    }


if __name__ == "__main__":
    sys.exit(main())
