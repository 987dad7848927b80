"""Hours of calls over real sockets to one real server process, and what that takes of the machine."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import trio

from agent.rehearsal.plan import CallPlan
from agent.rehearsal.verdict import Wants, judge
from nurseries.rehearsal.crowd import Crowd
from nurseries.rehearsal.own_speech import find_voice
from nurseries.rehearsal.webhooks import Target
from ops.proofs.site import ACCOUNT, GREETING, PUBLIC, TOKEN
from tests.calls.server import Server

WITH_TASKS = (sys.executable, str(Path(__file__).with_name("with_tasks.py")))
SETTINGS = {
    "PROVIDER": "scripted",
    "APP_ENV": "test",
    "GREETING": GREETING,
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "PUBLIC_URL": PUBLIC,
    "MAX_CONCURRENT_CALLS": "200",
}
MIB = 2**20
LINES = (4, 12)
"""Of one call: half a minute to two."""
KEPT_S = 10.0
"""From a call's end until its record is looked at."""
LEAVE_S = 120.0

ROOM = {"rss": (0.05, 8 * MIB), "files": (0.15, 8), "threads": (0.0, 6), "tasks": (0.15, 40)}
"""By how much the mean of the last quarter may exceed that of the second: a part of it, and so much more. Calls come
and go, so each of these goes up and down a little; a thread is kept for a while once it was needed."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the server takes."""

    minute: float
    calls: int
    rss: int
    files: int
    threads: int
    tasks: int

    def __str__(self) -> str:
        return (
            f"{self.minute:7.1f} min  {self.calls:4} calls up  {self.rss / MIB:7.1f} MiB  {self.files:4} files  "
            f"{self.threads:3} threads  {self.tasks:5} tasks"
        )


@dataclass
class Account:
    """Of the calls that are over."""

    calls: int = 0
    words: int = 0
    faults: list[str] = field(default_factory=list)


def soak(folder: Path, minutes: float, calls: int, every_s: float, seed: int) -> int:
    """Returns the exit code."""
    voice = find_voice()
    if voice is None:
        raise SystemExit("install the `local` extra: the callers need a voice")
    crowd = Crowd(
        target=Target(url=""),
        calls=calls,
        account_sid=ACCOUNT,
        plan=CallPlan(patience_ms=30_000, max_ms=600_000),
        lines=LINES,
        ramp_s=calls / 2,
        dice=random.Random(seed),
    )
    server = Server(folder, before=WITH_TASKS, **SETTINGS)
    code: int | None = None
    try:
        crowd.target = Target(url=server.url, public_url=PUBLIC, auth_token=TOKEN)
        account, looks = Account(), []
        trio.run(_run, crowd, voice, server, account, looks, minutes, every_s)
        server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(LEAVE_S)
    finally:
        server.kill()
    return _tell(account, looks, code)


async def _run(
    crowd: Crowd, voice: Any, server: Server, account: Account, looks: list[Look], minutes: float, every_s: float
) -> None:
    await crowd.prepare(voice)
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:

            async def told() -> None:
                await anext(signals)
                print("no more calls: those that go on are heard out; once more ends them", flush=True)
                crowd.enough.set()
                await anext(signals)
                nursery.cancel_scope.cancel("by hand")

            async def look() -> None:
                began = time.monotonic()
                while not crowd.enough.is_set():
                    with trio.move_on_after(every_s):
                        await crowd.enough.wait()
                    _judge(crowd, server.folder, account, before=time.monotonic() - KEPT_S)
                    if not crowd.enough.is_set():
                        looks.append(_look(server, (time.monotonic() - began) / 60, len(crowd.up)))
                        print(looks[-1], flush=True)

            nursery.start_soon(told)
            nursery.start_soon(look)
            async with trio.open_nursery() as calls:
                calls.start_soon(crowd.run)
                with trio.move_on_after(minutes * 60):
                    await crowd.enough.wait()
                crowd.enough.set()
            await trio.sleep(KEPT_S)
            nursery.cancel_scope.cancel("over")
    _judge(crowd, server.folder, account, before=float("inf"))


_SEEN: dict[str, float] = {}
"""When the log of a call that is over was first seen, by CallSid."""


def _judge(crowd: Crowd, folder: Path, account: Account, before: float) -> None:
    """Hold to account, and forget, what ended before then."""
    for log in crowd.logs:
        _SEEN.setdefault(log.call_sid, time.monotonic())
    due = [log for log in crowd.logs if _SEEN[log.call_sid] <= before]
    with closing(sqlite3.connect(f"file:{folder}/data/calls.db?mode=ro", uri=True)) as db:
        for log in due:
            row = db.execute("SELECT record FROM calls WHERE call_sid = ?", (log.call_sid,)).fetchone()
            verdict = judge(log, json.loads(row[0]) if row else None, Wants(greeting=GREETING, updates=0))
            account.calls += 1
            account.words += verdict.agent_words + verdict.caller_words
            account.faults += [f"{log.call_sid}: {fault}" for fault in verdict.faults]
            crowd.exchange.ended.pop(log.call_sid, None)
            del _SEEN[log.call_sid]
    gone = {log.call_sid for log in due}
    crowd.logs = [log for log in crowd.logs if log.call_sid not in gone]


def _look(server: Server, minute: float, calls: int) -> Look:
    proc = Path(f"/proc/{server.process.pid}")
    status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
    return Look(
        minute=minute,
        calls=calls,
        rss=int(status["VmRSS"].split()[0]) * 1024,
        files=sum(1 for _ in (proc / "fd").iterdir()),
        threads=int(status["Threads"]),
        tasks=int((server.folder / "tasks").read_text() or 0),
    )


def risen(looks: list[Look]) -> dict[str, tuple[float, float]]:
    """What does not stay flat: the means of the second quarter and of the last."""
    quarter = len(looks) // 4
    if not quarter:
        return {}
    found = {}
    for name, (part, more) in ROOM.items():
        then, now = (
            mean(getattr(look, name) for look in of) for of in (looks[quarter : 2 * quarter], looks[-quarter:])
        )
        if now > then * (1 + part) + more:
            found[name] = (then, now)
    return found


def _tell(account: Account, looks: list[Look], code: int | None) -> int:
    found = risen(looks)
    print(f"\n  calls                {account.calls}, of {account.words} words")
    print(f"  calls' faults        {len(account.faults)}")
    print(f"  the server's exit    {code}")
    flat = "too short to tell" if len(looks) < 4 else "yes" if not found else "no"
    print(f"  flat                 {flat}")
    for name, (then, now) in found.items():
        print(f"    {name}: {then:.0f} in the second quarter, {now:.0f} in the last")
    for fault in account.faults[:10]:
        print(f"    {fault}")
    return 1 if found or account.faults or code else 0
