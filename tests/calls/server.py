"""A real server process for the tests that need one: started, waited for, told to leave."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

PROGRAM = str(Path(sys.executable).with_name("calling-agent"))
START_S = 60
LEAVE_S = 30
OVER = "the process has ended"


def environment(**changes: str) -> dict[str, str]:
    """This process's, without anything that configures a server."""
    from agent.config import Settings

    kept = {name: value for name, value in os.environ.items() if name not in {*Settings.model_fields, "NODE_ENV"}}
    return kept | {"PORT": "0"} | changes


class Server:
    """`calling-agent serve` in a folder of its own. Its log is in `lines`."""

    def __init__(self, folder: Path, *, before: tuple[str, ...] = (), **settings: str) -> None:
        """`before` is a command that becomes the one that follows it."""
        self.folder = folder
        self.lines: list[str] = []
        self._found: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            [*before, PROGRAM, "serve"],
            cwd=folder,
            env=environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            found = self.wait_for(r'listening.*?port\W+(\d+)|"port": (\d+).*"listening"', START_S)
            self.port = int(found[1] or found[2])
        except AssertionError:
            self.kill()
            raise
        self.url = f"http://127.0.0.1:{self.port}"

    def wait_for(self, pattern: str, bound_s: float) -> re.Match[str]:
        """The first line of the log, from now on, that matches."""
        until = time.monotonic() + bound_s
        while True:
            try:
                line = self._found.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                line = OVER
            assert line != OVER, f"no {pattern!r} within {bound_s} s:\n" + "\n".join(self.lines[-30:])
            if match := re.search(pattern, line):
                return match

    def leave(self, *signals: int) -> int:
        """Send the signals (SIGTERM) and return the exit code."""
        for number in signals or (signal.SIGTERM,):
            self.process.send_signal(number)
        code = self.process.wait(LEAVE_S)
        self._reader.join(LEAVE_S)
        return code

    def workers(self) -> set[int]:
        """The processes that it has started, from whichever of its threads."""
        lists = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return {int(pid) for each in lists for pid in _read(each).split()}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(LEAVE_S)
        self._reader.join(LEAVE_S)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _read(self) -> None:
        for raw in self.process.stdout or ():
            line = re.sub(r"\x1b\[[0-9;]*m", "", raw.rstrip("\n"))
            self.lines.append(line)
            self._found.put(line)
        self._found.put(OVER)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the thread is gone
        return ""


def call(url: str, *arguments: str, bound_s: float = 120) -> tuple[int, dict[str, Any]]:
    """`calling-agent call --json`: exit code and report."""
    done = subprocess.run(
        [PROGRAM, "call", "--url", url, "--json", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=bound_s,
        check=False,
    )
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f"exit {done.returncode}, no report:\n{done.stdout}\n{done.stderr}") from None


def records(folder: Path) -> list[dict[str, Any]]:
    """`calling-agent calls list --json`, the newest first."""
    done = subprocess.run(
        [PROGRAM, "calls", "list", "--json"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
