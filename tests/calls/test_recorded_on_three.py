"""One recorded call over three real processes with disks of their own, one MongoDB and one bucket: the first hands it
off, the second is killed, and its piece comes when its disk comes back."""

from __future__ import annotations

import io
import signal
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pymongo
import pytest
import trio

from tests.calls.by_hand import by_hand
from tests.calls.server import Server
from tests.calls.test_legs import HERE, greeted, line, said, until
from tests.calls.witness import stored_at
from tests.fakes.s3 import S3Server

WAIT_S = 30.0


@pytest.fixture
def shared(mongo_uri: str) -> Iterator[dict[str, str]]:
    """Settings of all three, with nothing in their stores."""
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        client.drop_database("calling_agent")
    bucket = S3Server()
    settings = bucket.settings()
    yield HERE | {
        "MONGODB_URI": mongo_uri,
        "DRAIN_MODE": "hand-off",
        "RECORD_CALLS": "true",
        "S3_BUCKET": settings.S3_BUCKET,
        "S3_REGION": settings.S3_REGION,
        "S3_ENDPOINT": settings.S3_ENDPOINT,
        "S3_ACCESS_KEY": bucket.key,
        "S3_SECRET_KEY": bucket.secret,
    }
    bucket.kill()


def loud(samples: np.ndarray, from_ms: float, to_ms: float) -> bool:
    part = samples[round(8 * from_ms) : round(8 * to_ms)].astype(float)
    return bool(len(part)) and bool(np.abs(part).mean() > 20)


def sound(url: str, call_sid: str) -> tuple[np.ndarray, str]:
    """Both sides, a sample a row; and which legs are missing."""
    answer = httpx2.get(f"{url}/api/calls/{call_sid}/recording", trust_env=False)
    assert answer.status_code == 200
    with wave.open(io.BytesIO(answer.content)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    return samples, answer.headers.get("Recording-Missing", "")


def test_a_call_over_three_processes_is_one_recording(tmp_path: Path, mongo_uri: str, shared: dict[str, str]) -> None:
    def start(name: str) -> Server:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        servers.append(Server(folder, **shared))
        return servers[-1]

    async def calls() -> str:
        async with by_hand() as call:

            async def after(seconds: float, what: Any) -> None:
                await trio.sleep(seconds)
                await trio.to_thread.run_sync(what)

            await greeted(call, one.url)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(after, 6, lambda: one.process.send_signal(signal.SIGTERM))
                await call.leg(one.url, await line())
            assert await call.ask(two.url, call.action) == ["Stream", "Redirect"]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(after, 5, two.kill)
                await call.leg(two.url, await line("When can I see it?"))
            assert await call.ask(three.url, call.action) == ["Stream", "Redirect"]
            log, _ = await call.leg(three.url, await line("What does it cost?"), quiet_ms=1500)
            assert log.failures == []
            return call.identity.call_sid

    servers: list[Server] = []
    try:
        one, two, three = (start(name) for name in ("one", "two", "three"))
        call_sid = trio.run(calls)
        assert one.process.wait(WAIT_S) == 0
        until(lambda: [each for each in stored_at(mongo_uri) if each["ending"]])
        until(lambda: sound(three.url, call_sid)[1] == "2")
        without, _ = sound(three.url, call_sid)
        start("two")
        until(lambda: sound(three.url, call_sid)[1] == "")
        whole, _ = sound(three.url, call_sid)
        (record,) = httpx2.get(f"{three.url}/api/calls", trust_env=False).json()["calls"]
        erased = httpx2.delete(f"{three.url}/api/callers/{record['caller']}", trust_env=False).json()
    finally:
        for server in servers:
            server.kill()

    assert [leg.get("why", "") for leg in record["legs"]] == ["hand-off", "process gone", ""]
    assert [piece["leg"] for piece in record["pieces"]] == [1, 2, 3]
    assert sum("This call is recorded" in text for text in said(record)) == 1
    second, third = (piece["began_ms"] for piece in record["pieces"][1:])
    assert [leg["began_ms"] for leg in record["legs"][1:]] == [second, third]
    # The last second of the one that was killed is lost with it; the rest is where it was said.
    for entry in record["entries"]:
        side = 0 if entry["role"] == "caller" else 1
        kept = entry["end_ms"] < third - 2500 or entry["start_ms"] >= third
        if kept and entry["end_ms"] - entry["start_ms"] > 300:
            assert loud(whole[:, side], entry["start_ms"], entry["end_ms"]), entry
    assert not without[8 * second : 8 * third].any()
    assert whole[8 * second : 8 * third].any()
    assert np.array_equal(without[: 8 * second], whole[: 8 * second])
    assert abs(len(whole) / 8 - record["duration_ms"]) < 100
    assert (erased["records"], erased["recordings"], erased["failed"]) == (1, 3, [])
