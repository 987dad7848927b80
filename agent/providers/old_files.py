"""Files that nobody has taken up for longer than records are kept: damaged journals, those of processes that are gone,
records put aside, and recordings that no object store has taken.

A file that a process is at is locked, and is left alone.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from agent.errors import StoreError

KINDS = {
    "journal": (".journal", ".damaged", ".new", ".erasing"),
    "unsaved": (".json", ".part"),
    "spool": (".wav", ".new", ".lock"),
}
"""Under DATA_DIR."""

SESSIONS = {"sessions": (".gz",)}
"""Likewise: calls that were recorded to be played again."""


def remove_old(data_dir: Path, seconds: float, kinds_in: Mapping[str, Collection[str]] = KINDS) -> int:
    """Those last written longer ago than that; returns how many. Raises StoreError where one cannot be removed, and
    then the others are."""
    removed, faults = 0, []
    for folder, kinds in kinds_in.items():
        for path in sorted((data_dir / folder).glob("*")):
            if path.suffix in kinds:
                try:
                    removed += _remove(path, time.time() - seconds)
                except FileNotFoundError:  # somebody else was quicker
                    continue
                except OSError as error:
                    faults.append(f"cannot remove {path}: {error.strerror or error}")
    if faults:
        raise StoreError("; ".join(faults))
    return removed


def _remove(path: Path, before: float) -> bool:
    file = os.open(path, os.O_RDONLY)
    try:
        if os.fstat(file).st_mtime >= before:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # somebody is at it
            return False
        if not os.fstat(file).st_nlink:  # there may be another one of that name
            return False
        path.unlink()
    finally:
        os.close(file)
    return True
