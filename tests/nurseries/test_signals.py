"""Signals in processes of their own: those behind the last that is read, and SIGHUP."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls.server import LEAVE_S, Server
from tests.calls.witness import SETTINGS

LATE = """
import os, signal, sys, trio
from nurseries.signals import at_the_end, once_leaving

leaving = False

async def main():
    global leaving
    once_leaving(lambda: leaving)
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        leaving = sys.argv[1] == "leaving"
        print("ready", flush=True)
        await trio.to_thread.run_sync(sys.stdin.readline)  # the signals have come, and nobody has read them
    print("stores", flush=True)
    sys.stdin.readline()

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGTERM):
        kill(pid, number)

trio.run(main)
sys.last = Last()  # let go of once the interpreter has taken its handlers back
at_the_end()
sys.exit(4)
"""

READ = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.dup2(os.open(sys.argv[1], os.O_RDWR), 0)
os.execv(sys.argv[2], sys.argv[2:])
"""
READING = (sys.executable, "-c", READ)
"""Becomes the command behind a file's name, which reads from there; under nohup as well."""


@pytest.fixture
def process(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", LATE, request.param]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        yield program
        program.kill()


@pytest.mark.parametrize("process", ["leaving"], indirect=True)
def test_signals_that_nobody_reads_change_neither_the_end_nor_its_code(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        process.send_signal(number)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "stores\n"
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    process.stdin.write("\n")
    process.stdin.flush()

    assert process.wait(LEAVE_S) == 4


@pytest.mark.parametrize("process", ["staying"], indirect=True)
def test_before_that_a_signal_does_what_it_always_did(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.send_signal(signal.SIGTERM)
    process.stdin.write("\n")
    process.stdin.flush()

    assert process.wait(LEAVE_S) == -signal.SIGTERM


def test_a_reload_ends_no_process(tmp_path: Path) -> None:
    server = Server(tmp_path, before=(*READING, os.devnull), **SETTINGS)
    try:
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("SIGHUP changes nothing here", LEAVE_S)
        assert server.leave() == 0
    finally:
        server.kill()


def test_a_terminal_that_is_closed_has_it_leave(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        server = Server(tmp_path, before=(*READING, os.ttyname(theirs)), **SETTINGS)
        try:
            assert server.leave(signal.SIGHUP) == 0
            assert any("leaving" in line for line in server.lines)
        finally:
            server.kill()
    finally:
        os.close(theirs)
        os.close(ours)
