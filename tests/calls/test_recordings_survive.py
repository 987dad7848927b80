"""Recorded calls at a real server: killed in the middle, and with its object store away. No recording is lost, none is
there twice."""

from __future__ import annotations

import io
import signal
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import trio

from agent.rehearsal.log import CallLog
from nurseries.keep.storing import LONGEST_PAUSE_S
from tests.calls.server import Server
from tests.calls.witness import SETTINGS, place, plan_of, stored
from tests.fakes.s3 import S3Server

BOUND_S = 30
RECORDED = {**SETTINGS, "RECORD_CALLS": "true", "GREETING": "Hello."}


def until(condition: Callable[[], bool], within_s: float = BOUND_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def spooled(folder: Path) -> list[Path]:
    return list((folder / "data" / "spool").glob("*.wav"))


def keyed(folder: Path) -> list[dict[str, Any]]:
    return [record for record in stored(folder) if record["recording"]]


def sides(data: bytes) -> np.ndarray:
    """Caller and agent, a second a row: how loud."""
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8000, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).astype(float)
    whole = len(samples) // 8000
    return np.abs(samples[: whole * 8000]).reshape(whole, 8000, 2).mean(axis=1)


def placed(server: Server, lines: int, meanwhile: Callable[[], object] = int, after_s: float = 0) -> list[CallLog]:
    async def wait() -> None:
        await trio.sleep(after_s)
        await trio.to_thread.run_sync(meanwhile)

    async def calls() -> list[CallLog]:
        return await place(server.url, await plan_of(lines), 1, 0.0, wait)

    return trio.run(calls)


def test_what_a_killed_server_has_recorded_the_next_one_stores(tmp_path: Path) -> None:
    server = Server(tmp_path, **RECORDED)
    (log,) = placed(server, 12, server.kill, after_s=7)
    assert len(spooled(tmp_path)) == 1

    again = Server(tmp_path, **SETTINGS, ORPHAN_S="1")  # which does not even record
    try:
        until(lambda: len(keyed(tmp_path)) == 1 and not spooled(tmp_path))
        until(lambda: stored(tmp_path)[0]["ending"])
    finally:
        again.kill()

    (record,) = stored(tmp_path)
    assert record["call_sid"] == log.call_sid
    assert record["ending"] == "interrupted"
    assert [str(p.relative_to(tmp_path / "data" / "recordings")) for p in (tmp_path / "data").rglob("*.wav")] == [
        record["recording"]
    ]
    _, agent = sides((tmp_path / "data" / "recordings" / record["recording"]).read_bytes()).T
    assert agent[:2].max() > 100  # the notice
    assert len(agent) >= 2
    assert not any("Traceback" in line for line in again.lines)


def test_a_recording_waits_for_a_bucket_that_is_away(tmp_path: Path) -> None:
    bucket = S3Server()
    settings = bucket.settings()
    given = {
        "S3_BUCKET": settings.S3_BUCKET,
        "S3_REGION": settings.S3_REGION,
        "S3_ENDPOINT": settings.S3_ENDPOINT,
        "S3_ACCESS_KEY": bucket.key,
        "S3_SECRET_KEY": bucket.secret,
    }
    server = Server(tmp_path, **RECORDED, **given)
    try:
        bucket.kill()
        (log,) = placed(server, 1)
        server.wait_for("recordings wait on the disk", BOUND_S)
        assert len(spooled(tmp_path)) == 1
        assert [record["call_sid"] for record in stored(tmp_path)] == [log.call_sid]

        bucket.start(checked=False)
        # It is asked again ever more seldom, and a busy machine takes its time to start it.
        until(lambda: len(keyed(tmp_path)) == 1 and not spooled(tmp_path), LONGEST_PAUSE_S + BOUND_S)
        ((key, data),) = bucket.objects().items()
    finally:
        server.kill()
        bucket.kill()

    (record,) = stored(tmp_path)
    assert record["recording"] == key
    assert not (tmp_path / "data" / "recordings").exists()
    caller, agent = sides(data).T
    assert caller.max() > 100
    assert agent.max() > 100


def test_a_server_that_leaves_takes_the_recording_of_its_last_call_along(tmp_path: Path) -> None:
    server = Server(tmp_path, **RECORDED)
    try:
        placed(server, 1, lambda: server.process.send_signal(signal.SIGTERM), after_s=4)
        assert server.process.wait(BOUND_S) == 0
    finally:
        server.kill()

    (record,) = keyed(tmp_path)
    assert spooled(tmp_path) == []
    caller, agent = sides((tmp_path / "data" / "recordings" / record["recording"]).read_bytes()).T
    assert caller.max() > 100
    assert agent[-3:].max() > 100  # the last words
    assert not any("Traceback" in line or "warning" in line for line in server.lines)


def test_a_start_says_that_several_machines_need_a_bucket_for_recordings(tmp_path: Path) -> None:
    server = Server(tmp_path, **RECORDED, MONGODB_URI="mongodb://127.0.0.1:9/calls")
    server.kill()

    assert any("with more than one, set S3_BUCKET" in line for line in server.lines)
