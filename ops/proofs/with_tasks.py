"""Runs a program of ours, and writes each second how many Trio tasks live in it: to the file `tasks`, where it runs.

In a process group of its own: Ctrl-C in a terminal is for whoever has started it.

    python ops/proofs/with_tasks.py .venv/bin/calling-agent serve
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from functools import partial
from pathlib import Path

import trio


class Count(trio.abc.Instrument):
    """Of one Trio program."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._due = 0.0

    def before_io_wait(self, _timeout: float) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + 1
            self._file.write_text(str(trio.lowlevel.current_statistics().tasks_living))


if __name__ == "__main__":
    os.setpgrp()
    trio.run = partial(trio.run, instruments=[Count(Path("tasks"))])
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
