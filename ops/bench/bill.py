"""What calls are told to cost, against what their server bills: two real servers that share a day's budget, rehearsed
callers, a fake of the OpenAI API that fails now and then, and, with --kill, one server that is killed in the middle.

    python ops/bench/bill.py --calls 20 [--kill] [--mongo mongodb://...]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Any

import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from agent.keep.prices import cost, parse_prices
from agent.keep.usage import Usage
from agent.rehearsal.plan import CallPlan, Line
from nurseries.rehearsal.carrier import Target, place_call
from nurseries.rehearsal.own_speech import find_voice, spoken
from tests.calls.server import Server, records
from tests.fakes.openai_launch import Fake, launch

SAYS = ("I am looking for a two bedroom flat in Whitefield.", "Around eighty lakhs, I would say.", "When can I see it?")
PRICES = """
[models."gpt-5.4-mini"]
input = 75.0
cached_input = 7.5
output = 450.0
[models.gpt-transcribe]
minute = 0.45
[models.gpt-4o-mini-tts]
minute = 1.5
"""
"""A hundred times what they cost, so that a cent is a narrow gate."""
FAULTS = [
    {"route": "chat", "kind": "status", "status": 500, "times": 4},
    {"route": "chat", "kind": "cut", "after": 5, "times": 4},
    {"route": "chat", "kind": "garbage", "after": 4, "times": 3},
    {"route": "speech", "kind": "status", "status": 429, "times": 3},
    {"route": "speech", "kind": "cut", "after": 3, "times": 3},
    {"route": "transcriptions", "kind": "stall", "after": -1, "times": 3},
]
REPLY = "We have several homes there, and some of them are by the lake. What would you like to spend on it?"
CAP = 500
SETTLED_S = 30


def settings(fake: Fake, folder: Path, mongo: str) -> dict[str, str]:
    (folder / "prices.toml").write_text(PRICES)
    return {
        "OPENAI_BASE_URL": fake.base_url,
        "OPENAI_API_KEY": "sk-test",
        "APP_ENV": "test",
        "PRICES_FILE": str(folder / "prices.toml"),
        "DATA_DIR": str(folder / "data"),
        "DAY_BUDGET": str(CAP),
        "GREETING": "Hello.",
        "MONGODB_URI": mongo,
    }


async def calls(servers: list[Server], count: int, *, kill: bool) -> None:
    voice = find_voice()
    if voice is None:
        sys.exit("install the `local` extra: the callers need a voice")
    lines = tuple([Line(await spoken(voice, text), text) for text in SAYS])
    # Every third caller speaks over the answers.
    hasty = tuple(Line(line.mulaw, line.text, at) for line, at in zip(lines, (2000, 8000, 13000), strict=True))

    async def one(n: int) -> None:
        await trio.sleep(n * 0.7)
        plan = CallPlan(lines=hasty if n % 3 == 0 else lines, patience_ms=20_000, max_ms=60_000)
        try:
            await place_call(Target(url=servers[n % 2].url), plan, dice=random.SystemRandom())
        except* OSError:  # its server was killed
            if not kill:
                raise

    async with trio.open_nursery() as nursery:
        for n in range(count):
            nursery.start_soon(one, n)
        if kill:
            await trio.sleep(0.7 * count)
            servers[1].kill()


def billed(fake: Fake) -> float:
    prices = parse_prices(PRICES)
    return sum(
        cost([Usage("llm", model, **{k: v for k, v in amounts.items() if k != "requests"})], prices) or 0.0
        for model, amounts in fake.state()["bill"].items()
    )


def told_by(kept: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """By model, and whether it is estimated."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for used in (used for record in kept for used in record["usage"]):
        for name, amount in used.items():
            if isinstance(amount, (int, float)) and not isinstance(amount, bool):
                sums[used["model"] + (" estimated" if used.get("estimated") else "")][name] += amount
    return sums


def spend(server: Server) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}/api/spend") as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)["budgets"][0]
        return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--mongo", default="")
    asked = parser.parse_args()
    with launch() as fake, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fake.plan(
            transcriptions={"transcripts": list(SAYS)},
            chat={"replies": [REPLY], "first_ms": 150, "gap_ms": 30},
            faults=FAULTS,
        )
        told = settings(fake, folder, asked.mongo)
        servers = [Server(folder, **told) for _ in range(2)]
        trio.run(lambda: calls(servers, asked.calls, kill=asked.kill))
        if asked.kill:
            servers[1] = Server(folder, **told)
        time.sleep(SETTLED_S)
        bill, stands = billed(fake), spend(servers[0])
        print("billed:", json.dumps(fake.state()["bill"]))
        codes = [server.leave() for server in servers]
        print("exit", codes)
        kept = records(folder)
        print("told:", json.dumps(told_by(kept)))
        costs = [record["cost_usd"] for record in kept]
        estimated = sum(record.get("cost_estimated_usd", 0) for record in kept)
        print(f"{len(kept)} records, {sum(c is None for c in costs)} without a cost")
        print(f"billed ${bill:.4f}, records ${sum(c or 0 for c in costs):.4f} (${estimated:.4f} of it estimated)")
        print(
            f"store: spent ${stands['spent_usd']:.4f} of ${CAP}, past {stands['past']}, held by {stands['processes']}"
        )


if __name__ == "__main__":
    main()
