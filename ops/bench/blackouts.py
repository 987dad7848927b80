"""What callers notice of a provider that goes dark in the middle of their calls: a real server, rehearsed callers, and
two fakes of the OpenAI API over real sockets; the second one stands by (FALLBACKS_FILE), or is not there (--alone).

For each way to fail and each port: the calls begin, the first fake fails for a while, and works again. Printed: the
wait from a caller's last word to the agent's first, what was said instead of an answer, how many requests the dead
server met and how many once it worked again, calls that we ended, and what the records count and cost, of what the
fakes bill: requests, and dollars at a hundredfold prices, so that a cent is a narrow gate. What a server refused (the
first requests' max_tokens) is on no bill.

    python ops/bench/blackouts.py --calls 20
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agent.keep.prices import cost, parse_prices
from agent.keep.usage import Usage
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan, Line
from nurseries.rehearsal.carrier import Target, place_call
from nurseries.rehearsal.own_speech import find_voice, spoken
from tests.fakes.openai_launch import Fake, launch

SAYS = (
    "I am looking for a two bedroom flat in Whitefield.",
    "Around eighty lakhs, I would say.",
    "And when could I see it?",
    "Good. Is it far from the metro?",
    "All right, thank you.",
)
DARK_FROM_S, DARK_FOR_S = 6.0, 12.0
HEARD = "a flat in Whitefield"

BOUND_S = 3.0 + 1.0
"""FILLER_S, and what a busy machine adds."""

KINDS: dict[str, dict[str, Any]] = {
    "none": {"kind": ""},
    "500": {"kind": "status", "status": 500},
    "429": {"kind": "status", "status": 429, "headers": {"retry-after": "8"}},
    "hang": {"kind": "stall", "after": -1},
    "reset": {"kind": "reset", "after": -1},
    "garbage": {"kind": "garbage", "after": 0},
    "noise": {"kind": "noise"},
    "half": {"kind": "cut", "after": 2},
}
PORTS = {"llm": "chat", "stt": "transcriptions", "tts": "speech"}

FILE = """
[[llm]]
base_url = "{url}"
model = "second-llm"
[[stt]]
base_url = "{url}"
model = "second-stt"
[[tts]]
base_url = "{url}"
model = "second-tts"
"""

PRICES = "".join(
    f"""
[models."{llm}"]
input = 75.0
cached_input = 7.5
output = 450.0
[models."{stt}"]
minute = 0.45
[models."{tts}"]
minute = 1.5
"""
    for llm, stt, tts in (
        ("gpt-5.4-mini", "gpt-transcribe", "gpt-4o-mini-tts"),
        ("second-llm", "second-stt", "second-tts"),
    )
)


@dataclass
class Seen:
    """One blackout."""

    port: str
    kind: str
    logs: list[CallLog] = field(default_factory=list)
    health: set[str] = field(default_factory=set)
    met: int = 0
    """Requests to the first fake while it was dark."""
    after: int = 0
    """And once it worked again."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--alone", action="store_true", help="nobody stands by")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--ports", nargs="+", choices=list(PORTS), default=["llm"])
    args = parser.parse_args()
    failed = 0
    print(
        f"{args.calls} calls each, dark from {DARK_FROM_S:g} s for {DARK_FOR_S:g} s; waits in s from the last word on"
    )
    print(
        "port kind     median  worst  trouble  stood in  met dark  used again  ended by us  health            counted"
        "     cost"
    )
    for port in args.ports:
        for kind in args.kinds:
            failed += _blackout(port, kind, args.calls, alone=args.alone)
    return 1 if failed else 0


def _blackout(port: str, kind: str, calls: int, *, alone: bool) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        first, second = (stack.enter_context(launch()) for _ in range(2))
        for fake in (first, second):
            fake.plan(
                transcriptions={"transcripts": [HEARD], "first_ms": 100},
                chat={"replies": ["A flat in Whitefield, lovely. Tell me more, please."], "first_ms": 200, "gap_ms": 5},
                speech={"first_ms": 100},
            )
        (folder / "fallbacks.toml").write_text(FILE.format(url=second.base_url))
        (folder / "prices.toml").write_text(PRICES)
        more = {} if alone else {"FALLBACKS_FILE": "fallbacks.toml"}
        server, url = _start(folder, first.base_url, more)
        stack.callback(server.wait, 60)
        stack.callback(server.terminate)
        seen = Seen(port, kind)
        trio.run(_run, seen, url, first, calls)
        records = _records(folder, calls)
        bills = [fake.state()["bill"] for fake in (first, second)]
        return _told(seen, records, bills)


def _start(folder: Path, base_url: str, more: dict[str, str]) -> tuple[subprocess.Popen[str], str]:
    environment = os.environ | {
        "PORT": "0",
        "OPENAI_BASE_URL": base_url,
        "APP_ENV": "development",
        "TTS_CACHE_MB": "0",
        "PRICES_FILE": "prices.toml",
        "GREETING": "Hello.",
        **more,
    }
    program = Path(sys.executable).with_name("calling-agent")
    log = (folder / "log").open("w")
    server = subprocess.Popen(
        [program, "serve"], cwd=folder, env=environment, stderr=log, stdout=subprocess.DEVNULL, text=True
    )
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for line in (folder / "log").read_text().splitlines():
            if "listening" in line:
                return server, f"http://127.0.0.1:{line.split('port=')[1].split()[0]}"
        time.sleep(0.1)
    raise SystemExit("the server did not start")


async def _run(seen: Seen, url: str, first: Fake, calls: int) -> None:
    voice = find_voice()
    if voice is None:
        raise SystemExit("install the `local` extra: the callers need a voice")
    plan = CallPlan(lines=tuple([Line(await spoken(voice, text), text) for text in SAYS]), patience_ms=60_000)

    async def one(delay: float, seed: int) -> None:
        await trio.sleep(delay)
        seen.logs.append(await place_call(Target(url=url), plan, dice=random.Random(seed)))

    async def blackout() -> None:
        route = PORTS[seen.port]
        await trio.sleep(DARK_FROM_S)
        before = _count(first, route)
        first.plan(faults=[{"route": route, "times": 0, **KINDS[seen.kind]}])
        for _ in range(int(DARK_FOR_S * 4)):
            await trio.sleep(0.25)
            seen.health.add(_health(url))
        dark = _count(first, route)
        first.plan(faults=[])
        seen.met, seen.after = dark - before, dark

    async with trio.open_nursery() as nursery:
        nursery.start_soon(blackout)
        for n in range(calls):
            nursery.start_soon(one, 3.0 * n / calls, n)
    seen.after = _count(first, PORTS[seen.port]) - seen.after


def _count(fake: Fake, route: str) -> int:
    return sum(request["route"] == route for request in fake.state()["requests"])


def _health(url: str) -> str:
    with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310  our own server
        return str(json.load(answer)["status"])


def _records(folder: Path, calls: int) -> list[dict[str, Any]]:
    until, found = time.monotonic() + 30, []
    while len(found) < calls and time.monotonic() < until:
        program = Path(sys.executable).with_name("calling-agent")
        command = [program, "calls", "list", "--json", "--limit", str(calls)]
        out = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
        found = [record for record in map(json.loads, out.splitlines()) if record["ending"] and _summed_up(record)]
    return found


def _summed_up(record: dict[str, Any]) -> bool:
    """By a model, or by rules and nobody is at it any more: summaries are bounded."""
    over = datetime.fromisoformat(record["ended_at"]) if record["ended_at"] else datetime.now(UTC)
    return record["summary_by"] not in {"", "rules"} or datetime.now(UTC) - over > timedelta(seconds=8)


def _waits(log: CallLog) -> list[float]:
    waits = []
    for line in log.spoken:
        later = [piece.at_ms - line.end_ms for piece in log.played if piece.at_ms > line.end_ms]
        waits += [min(later) / 1000] if later else []
    return waits


def _dollars(bill: dict[str, dict[str, float]]) -> float:
    prices = parse_prices(PRICES)
    used = [Usage("llm", model, **{k: v for k, v in each.items() if k != "requests"}) for model, each in bill.items()]
    return cost(used, prices) or 0.0


def _told(seen: Seen, records: list[dict[str, Any]], bills: list[dict[str, dict[str, float]]]) -> int:
    waits = sorted(wait for log in seen.logs for wait in _waits(log))
    trouble = sum("little trouble" in entry["text"] for record in records for entry in record["entries"])
    stood_in = sum(len(record.get("stand_ins", ())) for record in records)
    by_us = sum(log.ended != "the caller hung up" for log in seen.logs)
    counted = int(sum(used.get("requests", 0) for record in records for used in record["usage"]))
    told = sum(record["cost_usd"] or 0.0 for record in records)
    taken = int(sum(amounts["requests"] for bill in bills for amounts in bill.values()))
    billed = sum(_dollars(bill) for bill in bills)
    faults = [fault for log in seen.logs for fault in (*log.violations, *filter(None, [log.unreachable]))]
    worst = waits[-1] if waits else float("inf")
    late = worst > BOUND_S
    print(
        f"{seen.port:4} {seen.kind:8} {waits[len(waits) // 2]:6.2f} {worst:6.2f} {trouble:8} {stood_in:9} {seen.met:9} "
        f"{seen.after:11} {by_us:12}  {', '.join(sorted(seen.health)):16}  {counted} of {taken}"
        f"  ${told:.3f} of ${billed:.3f}"
        f"{'  LATE' if late else ''}{f'  {faults[:2]}' if faults else ''}",
        flush=True,
    )
    return int(late or bool(faults) or len(records) != len(seen.logs))


if __name__ == "__main__":
    sys.exit(main())
