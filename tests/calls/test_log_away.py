"""A real server whose log takes nothing: calls are answered, and the process leaves as it should."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx2

from tests.calls.server import LEAVE_S, PROGRAM, START_S, call, environment, records
from tests.calls.witness import SETTINGS


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/health/ready", trust_env=False).status_code == 200
    except httpx2.HTTPError:
        return False


def test_a_log_on_a_full_disk_costs_no_call_and_no_exit_code(tmp_path: Path) -> None:
    port = free_port()
    url, settings = f"http://127.0.0.1:{port}", SETTINGS | {"PORT": str(port)}
    with Path("/dev/full").open("wb") as full:
        server = subprocess.Popen(
            [PROGRAM, "serve"], cwd=tmp_path, env=environment(**settings), stdout=full, stderr=full
        )
    try:
        until = time.monotonic() + START_S
        while not ready(url):
            assert server.poll() is None, f"it has ended: {server.returncode}"
            assert time.monotonic() < until
            time.sleep(0.1)
        code, report = call(url, "--say", "I am looking for a flat.")
        server.send_signal(signal.SIGTERM)
        left = server.wait(LEAVE_S)
    finally:
        server.kill()
        server.wait(LEAVE_S)

    assert code == 0, report
    (record,) = records(tmp_path)
    assert record["ending"] == "caller hung up"
    assert left == 0
