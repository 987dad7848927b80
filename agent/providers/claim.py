"""Whose files those in a folder are: one lock file for each process, however many files it has there.

Files named `<name>-<n>` belong to the process that holds `<name>.lock`, and to nobody once that one is gone, however it
went: the system lets go of the lock. The lock file is there only while there are files of that name.
"""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path


class Claim:
    """One process's. Any thread may use it."""

    def __init__(self, folder: Path, name: str) -> None:
        """`name` is this process's alone."""
        self.path = folder / f"{name}.lock"
        self._files: set[Path] = set()
        self._count = 0
        self._lock = -1
        self._turn = threading.Lock()

    def new(self, suffix: str) -> Path:
        """A name for one more file, ours from here on. Raises OSError."""
        with self._turn:
            if self._lock < 0:
                self._lock = self._locked()
            self._count += 1
            path = self.path.with_name(f"{self.path.stem}-{self._count}{suffix}")
            self._files.add(path)
        return path

    def done(self, path: Path) -> None:
        """There is no such file any more."""
        with self._turn:
            self._files.discard(path)
            if not self._files and self._lock >= 0:
                with suppress(OSError):
                    self.path.unlink(missing_ok=True)  # before it is let go of: whoever finds it free may remove it
                os.close(self._lock)
                self._lock = -1

    def _locked(self) -> int:
        """Locked before it has its name: nobody may find it free."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self.path.with_suffix(".new")
        lock = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(self.path)
        except OSError:
            os.close(lock)
            new.unlink(missing_ok=True)
            raise
        return lock


def lives(path: Path) -> bool:
    """Whether a process that lives has claimed this file. Raises OSError where that cannot be seen."""
    lock_path = path.with_name(f"{path.stem.rpartition('-')[0]}.lock")
    try:
        lock = os.open(lock_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who look must not take each other for its holder
        if os.fstat(lock).st_nlink:  # else its holder may have made another one
            lock_path.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
