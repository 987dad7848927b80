"""Two workers behind one port, for real: calls land on both, and none is dropped where one is killed, where both are
renewed, or where the server leaves."""

from __future__ import annotations

import os
import random
import re
import signal
from pathlib import Path

import httpx2
import trio

from agent.rehearsal.carriage import Carriage
from agent.rehearsal.log import CallLog
from agent.rehearsal.plan import CallPlan
from agent.rehearsal.verdict import Wants, judge
from nurseries.rehearsal.crowd import Crowd, seen
from nurseries.rehearsal.own_speech import find_voice
from nurseries.rehearsal.webhooks import Target
from tests.calls.server import Server
from tests.calls.witness import stored

ACCOUNT, TOKEN = "AC" + "5" * 32, "0123456789abcdef" * 2
KEY = "k" * 40
PUBLIC = "https://voice.example.in"
GREETING = "Hello this is Priya."
SETTINGS = {
    "WORKERS": "2",
    "PROVIDER": "scripted",
    "APP_ENV": "test",
    "GREETING": GREETING,
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "PUBLIC_URL": PUBLIC,
    "API_TOKEN": KEY,
    "DRAIN_MODE": "hand-off",
    "HAND_OFF_WAIT_S": "2",
    "MAX_CONCURRENT_CALLS": "1",
}
CALLS = 2
BOUND_S = 240.0
CRASH_MS = 8000.0
"""From a kill to the agent's first sound: on this machine others run as well."""


async def counted(url: str, name: str) -> dict[str, float]:
    """This series of each worker."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{url}/metrics", headers={"Authorization": f"Bearer {KEY}"})).text
    found = re.findall(rf'^calling_agent_{name}{{worker="([^"]+)"}} (\S+)$', text, re.MULTILINE)
    return {worker: float(value) for worker, value in found}


async def crowd_at(url: str) -> Crowd:
    voice = find_voice()
    assert voice is not None, "install the `local` extra: the callers need a voice"
    crowd = Crowd(
        target=Target(url=url, public_url=PUBLIC, auth_token=TOKEN),
        calls=CALLS,
        account_sid=ACCOUNT,
        plan=CallPlan(patience_ms=40_000, max_ms=300_000, carriage=Carriage(retry_s=1.0), again_ms=8000),
        lines=(60, 60),
        ramp_s=0.4,
        again=False,
        dice=random.Random(9),
    )
    await crowd.prepare(voice)
    return crowd


async def scenes(server: Server) -> list[CallLog]:
    crowd = await crowd_at(server.url)

    def ready(count: int) -> bool:
        return sum("worker ready" in line for line in server.lines) >= count

    async with trio.open_nursery() as nursery:
        nursery.start_soon(crowd.run)
        await crowd.talking()
        assert await counted(server.url, "calls_now") == {"0": 1, "1": 1}
        assert await counted(server.url, "calls_most") == {"0": 1, "1": 1}
        assert await healthy(server.url) == {"status": "ready", "calls": CALLS, "promised": 0, "most": CALLS}

        victim = min(server.workers())
        os.kill(victim, signal.SIGKILL)
        await crowd_back(crowd, 1)
        await seen(lambda: ready(3))
        assert sorted((await counted(server.url, "worker_deaths_total")).values()) == [0, 1]

        before = server.workers()
        assert victim not in before
        server.process.send_signal(signal.SIGHUP)
        await seen(lambda: len(server.workers()) == 2 and not server.workers() & before)
        await seen(lambda: any("all workers are renewed" in line for line in server.lines))
        assert await counted(server.url, "workers_silent_total") == {"0": 0, "1": 0}
        assert len(crowd.up) == CALLS
        crowd.enough.set()
    return crowd.logs


async def healthy(url: str) -> dict[str, object]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{url}/health/ready")
        assert answer.status_code == 200
        told: dict[str, object] = (await http.get(f"{url}/health")).json()
        return told


async def crowd_back(crowd: Crowd, least: int) -> None:
    """Until so many calls, at least, have had a second stream, and all have one."""

    def back() -> bool:
        calls = crowd.up.values()
        return sum(len(log.legs) > 1 for log in calls) >= least and all(log.legs[-1].ended_ms is None for log in calls)

    await seen(back)


def test_no_call_is_dropped_by_a_crash_a_renewal_or_the_end(tmp_path: Path) -> None:
    server = Server(tmp_path, **SETTINGS)
    try:

        async def bounded() -> list[CallLog]:
            with trio.move_on_after(BOUND_S):
                return await scenes(server)
            raise AssertionError("not in time:\n" + "\n".join(server.lines[-40:]))

        logs = trio.run(bounded)
        assert server.leave() == 0
    finally:
        server.kill()

    records = {record["call_sid"]: record for record in stored(tmp_path)}
    assert len(logs) == len(records) == CALLS
    faults = [judge(log, records[log.call_sid], Wants(greeting=GREETING, crash_ms=CRASH_MS)).faults for log in logs]
    assert not any(faults), faults
    assert all(record["ending"] == "caller hung up" for record in records.values())
    assert not any("crashed" in line for line in server.lines)
