"""The last resort, in a process that is stuck for real."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from nurseries.watchdog import CUT_OFF

BEGIN = """
import os, signal, sys, time, trio
from nurseries.watchdog import Watchdog

async def main():
    dog = Watchdog(trio.lowlevel.current_root_task())
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals, dog.on_signals([{within}]):
        print("ready", flush=True)
"""
STUCK = {
    "a task that ignores its cancellation": """
        async for _ in signals:
            dog.due(0.3)
            dog.due(50)  # no later phase puts it off
            with trio.CancelScope(shield=True):
                await trio.sleep_forever()
""",
    "a drain that was to last for ages": """
        dog.due(1e12)
        dog._thread.join(0.2)
        dog.due(0.3)
        while True:
            pass
""",
    "a loop that runs in a circle": """
        while True:
            pass
""",
    "a loop that hangs in a call of the system": """
        os.read(os.pipe()[0], 1)
""",
}
END = """
trio.run(main)
"""


def run(body: str, within_s: float) -> tuple[int, str]:
    """Its exit code after SIGTERM, and what it told."""
    program = subprocess.Popen(
        [sys.executable, "-c", BEGIN.format(within=within_s) + body + END],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGTERM)
        try:
            told, _ = program.communicate(timeout=30)
        finally:
            program.kill()
    return program.returncode, told


@pytest.mark.parametrize("how", STUCK)
def test_whatever_it_is_stuck_in_the_process_ends_in_time_and_says_so(how: str) -> None:
    code, told = run(STUCK[how], 60 if "task" in how else 0.3)

    assert code == CUT_OFF
    assert "cut off: the process has not ended in time" in told


def test_who_insists_does_not_wait_for_all_of_it_although_the_loop_is_stuck() -> None:
    """The loop reads no signal: what a second one and a third one say is known by their number alone."""
    program = subprocess.Popen(
        [
            sys.executable,
            "-c",
            BEGIN.format(within="60, 50, 0.3") + STUCK["a loop that hangs in a call of the system"] + END,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                program.send_signal(number)
                with pytest.raises(subprocess.TimeoutExpired):
                    program.wait(1)
            program.send_signal(signal.SIGTERM)
            assert program.wait(30) == CUT_OFF
        finally:
            program.kill()


def test_a_process_that_leaves_in_time_is_left_alone() -> None:
    code, told = run("        async for _ in signals:\n            dog.due(50)\n            break\n", 60)

    assert (code, told) == (0, "")


def test_a_log_that_nobody_reads_does_not_hold_it_up() -> None:
    """A full pipe blocks whoever writes into it."""
    body = """
        async for _ in signals:
            dog.due(0.3)
            import threading
            def fill():
                while True:
                    os.write(1, b"x" * 65536)
            threading.Thread(target=fill, daemon=True).start()
            with trio.CancelScope(shield=True):
                await trio.sleep_forever()
"""
    program = subprocess.Popen(
        [sys.executable, "-c", BEGIN.format(within=60) + body + END], stdout=subprocess.PIPE, text=True
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGTERM)
        try:
            assert program.wait(30) == CUT_OFF
        finally:
            program.kill()
