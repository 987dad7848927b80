"""A server under measurement: a real process, on a core of its own. Started, asked what it costs, stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
START_S, STOP_S = 60, 30
LISTENS = re.compile(r"(?:listening.*?port\W+|LISTENING )(\d+)")
USUAL = {
    "PORT": "0",
    "APP_ENV": "development",
    "MAX_CONCURRENT_CALLS": "1000",
    "GREETING": "Hello, this is {agent} from {company}. How may I help you today?",
}
CORES = sorted(os.sched_getaffinity(0))
THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Server:
    """What runs, and where it is reached."""

    def __init__(self, process: subprocess.Popen[str], port: int, started_s: float) -> None:
        self.process, self.port, self.started_s = process, port, started_s

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu_s(self) -> float:
        """Its processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def dropped(self) -> float:
        """Frames of callers that it has thrown away because it was too late to hear them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=STOP_S) as answer:
            told = re.search(r"^calling_agent_frames_dropped_total(?:{})? (\S+)", answer.read().decode(), re.MULTILINE)
        return float(told[1]) if told else 0.0

    def stop(self) -> None:
        """Politely, then not."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def cores() -> tuple[int, int]:
    """The server's and the callers'; the same where there is one."""
    return CORES[0], CORES[-1]


@contextmanager
def product(checkout: Path | None) -> Iterator[None]:
    """Servers that are started in the block run the product of this checkout; None: of this one."""
    if checkout is not None:
        os.environ["BENCH_PRODUCT"] = str(checkout)
    try:
        yield
    finally:
        os.environ.pop("BENCH_PRODUCT", None)


@contextmanager
def running(module: str, *arguments: str, python: Path | None = None, **settings: str) -> Iterator[Server]:
    """`python -m module` on the server's core, in an empty folder, until the block ends; by another interpreter than
    this one where one is told."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = _start([str(python or sys.executable), "-m", module, *arguments], Path(folder), settings)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def serving(asked: dict[str, object] | None = None, **settings: str) -> Iterator[Server]:
    """The product, with these settings; `asked` is for ops/bench/suite/served.py."""
    usual = USUAL | {"LOG_LEVEL": "info"} | settings
    with running("ops.bench.suite.served", json.dumps(asked or {}), **usual) as server:
        yield server


def _start(command: list[str], folder: Path, settings: dict[str, str]) -> Server:
    from agent.config import Settings

    kept = {name: value for name, value in os.environ.items() if name not in {*Settings.model_fields, "NODE_ENV"}}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # or each start would compile all that it imports
    environment = kept | THREADS | settings | {"PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    with (folder / "log").open("w") as log, _on(cores()[0]):
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, text=True
        )
    while time.monotonic() - began < START_S and process.poll() is None:
        if found := LISTENS.search(re.sub(r"\x1b\[[0-9;]*m", "", (folder / "log").read_text())):
            return Server(process, int(found[1]), time.monotonic() - began)
        time.sleep(0.005)
    process.kill()
    raise SystemExit(f"{command[2]} did not start:\n{(folder / 'log').read_text()[-2000:]}")


def play(server: Server, **plan: object) -> dict[str, object]:
    """The load client's result, from the other core."""
    whole = {"port": server.port, "pid": server.pid} | plan
    with _on(cores()[1]):
        done = subprocess.run(
            [sys.executable, "-m", "ops.bench.suite.load", json.dumps(whole)],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise SystemExit(f"the load client failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


@contextmanager
def _on(core: int) -> Iterator[None]:
    """What is started in the block runs on this core."""
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, usual)
